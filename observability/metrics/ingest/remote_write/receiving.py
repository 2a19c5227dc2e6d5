"""What is done with a remote-write body: what can be stored is, the rest is counted with its reasons."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from observability.metrics.errors import BodyTooLargeError
from observability.metrics.ingest import exemplars, intake
from observability.metrics.ingest.acceptance import time_bounds
from observability.metrics.ingest.known_series import Bytes, Ints, KnownSeries
from observability.metrics.ingest.receipt import Receipt
from observability.metrics.ingest.remote_write import walk_v2
from observability.metrics.ingest.remote_write.messages import (
    decode_labels,
    decode_metadata,
    gather_labels,
)
from observability.metrics.ingest.remote_write.walk import (
    ScatteredLabelsError,
    Stated,
    Walked,
    walk,
)
from observability.metrics.ingest.sender import Sender
from observability.metrics.ingest.series_labels import UnacceptableSeriesError, checked_labels
from observability.metrics.store import catalogue
from observability.metrics.store.catalogue import Epoch
from observability.metrics.store.log import LogSamples
from observability.promql.labels import LabelSet

PROTOCOL = "remote_write"

# Far above what senders put together (vmagent: 10,000); making more would outlast a statement's time.
MAX_NEW_SERIES = 50_000

known_series = KnownSeries()
catalogue.on_forget(known_series.forget)
# What senders of 2.0 have said about metrics: by a metric's name, a hash of the last statement.
heard_statements = KnownSeries(max_bytes=8 * 1024 * 1024)
catalogue.on_forget(heard_statements.forget)


def read_v1(data: Bytes, realm: int) -> Walked:
    """Return what a remote-write 1.0 message holds."""
    try:
        return walk(data, realm, known_series)
    except ScatteredLabelsError:
        gathered = np.frombuffer(gather_labels(data.tobytes()), np.uint8)
        return walk(gathered, realm, known_series)


def read_v2(data: Bytes, realm: int) -> Walked:
    """Return what a remote-write 2.0 message holds."""
    return walk_v2.walk(data, realm, known_series, heard_statements)


def receive(
    data: Bytes, *, read: Callable[[Bytes, int], Walked], now_ms: int, sender: Sender
) -> Receipt:
    """Store the samples of a remote-write message; they are durable when this returns.

    Args:
        data: The message, no longer compressed.
        read: `read_v1` or `read_v2`.
        now_ms: The time by which that of the samples is judged.
        sender: Who sent it.

    Raises:
        MalformedBodyError: It is not such a message; nothing was stored.
        BodyTooLargeError: It has too much of something; nothing was stored.
    """
    receipt = catalogue.with_current_ids(lambda epoch: _receive(data, read, now_ms, sender, epoch))
    intake.count(receipt, protocol=PROTOCOL, sender=sender)
    return receipt


def _receive(
    data: Bytes,
    read: Callable[[Bytes, int], Walked],
    now_ms: int,
    sender: Sender,
    epoch: Epoch,
) -> Receipt:
    realm = known_series.realm(sender.added_labels)
    walked = read(data, realm)
    # Asked for before anything is stored: if it is broken, nothing must be.
    metadata = decode_metadata(walked.statements.tobytes()) if len(walked.statements) else {}
    receipt = Receipt()
    if walked.histogram_count:
        receipt.refused["native histograms are not supported"] += walked.histogram_count
    if np.count_nonzero(walked.ids < 0) > MAX_NEW_SERIES:
        raise BodyTooLargeError(MAX_NEW_SERIES, what="new series")
    bounds = time_bounds(now_ms)
    unknown = intake.places_to_find(walked.ids, walked.series, walked.timestamps_ms, bounds)
    if len(unknown):
        _find_or_make(walked, unknown, realm, sender, receipt, epoch)
    receipt.stored = intake.store(
        LogSamples(
            series_ids=walked.ids[walked.series],
            timestamps_ms=walked.timestamps_ms,
            values=walked.values,
        ),
        bounds=bounds,
        refused=receipt.refused,
        epoch=epoch,
    )
    if walked.exemplars.count:
        exemplars.store(
            walked.exemplars.by_series(sender.added_labels),
            count=walked.exemplars.count,
            bounds=bounds,
            receipt=receipt,
        )
    if metadata:
        catalogue.record_metadata(metadata)
        if walked.stated:
            _remember_stated(walked.stated, walked.ids, epoch)
    return receipt


def _find_or_make(
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
        encoded = walked.keys[walked.starts[place] : walked.ends[place]].tobytes()
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
            walked.keys,
            realm,
            walked.starts[places],
            walked.ends[places],
            walked.ids[places],
            is_current=lambda: catalogue.is_current(epoch),
        )
    )


def _remember_stated(stated: Stated, ids: Ints, epoch: Epoch) -> None:
    """Remember what was said about metrics that exist; of others it must be heard again."""
    exists = ids[stated.series] >= 0
    transaction.on_commit(
        lambda: heard_statements.add(
            stated.names,
            0,
            stated.starts[exists],
            stated.ends[exists],
            stated.hashes[exists],
            is_current=lambda: catalogue.is_current(epoch),
        )
    )
