"""What is done with a remote-write body: what can be stored is, the rest is counted with its reasons."""

from __future__ import annotations

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from observability.metrics.ingest import intake
from observability.metrics.ingest.acceptance import time_bounds
from observability.metrics.ingest.known_series import Bytes, KnownSeries
from observability.metrics.ingest.receipt import Receipt
from observability.metrics.ingest.remote_write.messages import (
    decode_labels,
    decode_metadata,
    gather_labels,
)
from observability.metrics.ingest.remote_write.walk import ScatteredLabelsError, Walked, walk
from observability.metrics.ingest.sender import Sender
from observability.metrics.ingest.series_labels import UnacceptableSeriesError, checked_labels
from observability.metrics.store import catalogue
from observability.metrics.store.catalogue import Epoch
from observability.metrics.store.log import LogSamples
from observability.promql.labels import LabelSet

PROTOCOL = "remote_write"

known_series = KnownSeries()
catalogue.on_forget(known_series.forget)


def receive(data: Bytes, *, now_ms: int, sender: Sender) -> Receipt:
    """Store the samples of a remote-write 1.0 message; they are durable when this returns.

    Args:
        data: The message, no longer compressed.
        now_ms: The time by which that of the samples is judged.
        sender: Who sent it.

    Raises:
        MalformedBodyError: It is not such a message; nothing was stored.
        BodyTooLargeError: It has too many samples; nothing was stored.
    """
    receipt, metadata_count = catalogue.with_current_ids(
        lambda epoch: _receive(data, now_ms, sender, epoch)
    )
    if metadata_count:
        catalogue.record_metadata(decode_metadata(data.tobytes()))
    intake.count(receipt, protocol=PROTOCOL)
    return receipt


def _receive(data: Bytes, now_ms: int, sender: Sender, epoch: Epoch) -> tuple[Receipt, int]:
    """Return what became of the samples, and how many statements about metrics there are."""
    realm = known_series.realm(sender.added_labels)
    try:
        walked = walk(data, realm, known_series)
    except ScatteredLabelsError:
        data = np.frombuffer(gather_labels(data.tobytes()), np.uint8)
        walked = walk(data, realm, known_series)
    receipt = Receipt(exemplar_count=walked.exemplar_count)
    if walked.histogram_count:
        receipt.refused["native histograms are not supported"] += walked.histogram_count
    unknown = np.flatnonzero(walked.ids < 0)
    if len(unknown):
        _find_or_make(data, walked, unknown, realm, sender, receipt, epoch)
    receipt.stored = intake.store(
        LogSamples(
            series_ids=walked.ids[walked.series],
            timestamps_ms=walked.timestamps_ms,
            values=walked.values,
        ),
        bounds=time_bounds(now_ms),
        refused=receipt.refused,
        epoch=epoch,
    )
    return receipt, walked.metadata_count


def _find_or_make(
    data: Bytes,
    walked: Walked,
    unknown: NDArray[np.intp],
    realm: int,
    sender: Sender,
    receipt: Receipt,
    epoch: Epoch,
) -> None:
    """Fill in the ids of series that the process did not know; the receipt learns why some have none."""
    label_sets: dict[int, LabelSet] = {}
    refused: dict[int, str] = {}
    for place in unknown.tolist():
        encoded = data[walked.starts[place] : walked.ends[place]].tobytes()
        try:
            label_sets[place] = checked_labels(decode_labels(encoded), sender.added_labels)
        except UnacceptableSeriesError as error:
            refused[place] = str(error)
    refused |= intake.find_or_make(label_sets, walked.ids, sender, receipt)
    intake.count_refused(refused, walked.series, receipt)
    places = unknown[walked.ids[unknown] >= 0]
    # The id of a series whose making is rolled back must not be remembered.
    transaction.on_commit(
        lambda: known_series.add(
            data,
            realm,
            walked.starts[places],
            walked.ends[places],
            walked.ids[places],
            is_current=lambda: catalogue.is_current(epoch),
        )
    )
