"""What is done with a remote-write body: what can be stored is, the rest is counted with its reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from observability.metrics.ingest.acceptance import MAX_AHEAD_MS, RETENTION_MS, time_fault
from observability.metrics.ingest.known_series import Bytes, KnownSeries
from observability.metrics.ingest.remote_write.messages import (
    UnacceptableSeriesError,
    decode_labels,
    decode_metadata,
    gather_labels,
)
from observability.metrics.ingest.remote_write.walk import ScatteredLabelsError, Walked, walk
from observability.metrics.store import catalogue, log
from observability.metrics.store.log import LogSamples
from observability.promql.labels import LabelSet

known_series = KnownSeries()
catalogue.on_forget(known_series.forget)

# Of the reasons for refusals only so many are named; a body can have one for each series.
_MAX_REASONS = 10


@dataclass(slots=True, kw_only=True)
class Receipt:
    """What became of a body.

    Attributes:
        stored: How many samples were stored; they are durable.
        refused: How many were not, by the reason.
        exemplar_count: How many exemplars were dropped: the portal keeps none.
    """

    stored: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    exemplar_count: int = 0

    def fault(self) -> str:
        """Return in words what was refused and why, '' when nothing was."""
        if not self.refused:
            return ""
        reasons = [f"{count}: {reason}" for reason, count in self.refused.most_common(_MAX_REASONS)]
        if len(self.refused) > _MAX_REASONS:
            reasons.append("...")
        total = self.refused.total()
        return f"refused {total} of {total + self.stored} samples, stored {self.stored}; {'; '.join(reasons)}"


def receive(data: Bytes, *, now_ms: int, added_labels: Mapping[str, str]) -> Receipt:
    """Store the samples of a remote-write 1.0 message; they are durable when this returns.

    Args:
        data: The message, no longer compressed.
        now_ms: The time by which that of the samples is judged.
        added_labels: Labels that every series gets; they win over the sender's.

    Raises:
        MalformedBodyError: It is not such a message; nothing was stored.
        BodyTooLargeError: It has too many samples; nothing was stored.
    """
    realm = known_series.realm(added_labels)
    try:
        walked = walk(data, realm, known_series)
    except ScatteredLabelsError:
        data = np.frombuffer(gather_labels(data.tobytes()), np.uint8)
        walked = walk(data, realm, known_series)
    metadata = decode_metadata(data.tobytes()) if walked.metadata_count else {}
    receipt = Receipt(exemplar_count=walked.exemplar_count)
    if walked.histogram_count:
        receipt.refused["native histograms are not supported"] += walked.histogram_count
    unknown = np.flatnonzero(walked.ids < 0)
    if len(unknown):
        reasons = _find_or_make(data, walked, unknown, realm, added_labels)
        for place, samples in _samples_of(walked, reasons):
            receipt.refused[reasons[place]] += samples
    receipt.stored = _store(walked, receipt.refused, now_ms)
    catalogue.record_metadata(metadata)
    return receipt


def _find_or_make(
    data: Bytes,
    walked: Walked,
    unknown: NDArray[np.intp],
    realm: int,
    added_labels: Mapping[str, str],
) -> dict[int, str]:
    """Fill in the ids of series that the process did not know; return why some have none, by place."""
    label_sets: dict[int, LabelSet] = {}
    reasons: dict[int, str] = {}
    for place in unknown.tolist():
        encoded = data[walked.starts[place] : walked.ends[place]].tobytes()
        try:
            label_sets[place] = decode_labels(encoded, added_labels)
        except UnacceptableSeriesError as error:
            reasons[place] = str(error)
    ids = catalogue.find_or_make(list(label_sets.values()))
    places = np.fromiter(label_sets, np.int64, len(label_sets))
    walked.ids[places] = ids
    # The id of a series whose making is rolled back must not be remembered.
    transaction.on_commit(
        lambda: known_series.add(data, realm, walked.starts[places], walked.ends[places], ids)
    )
    return reasons


def _samples_of(walked: Walked, places: Mapping[int, str]) -> list[tuple[int, int]]:
    """Return how many samples each of these series has."""
    counts = np.bincount(walked.series, minlength=len(walked.ids))
    return [(place, int(counts[place])) for place in places]


def _store(walked: Walked, refused: Counter[str], now_ms: int) -> int:
    """Store the samples whose series has an id and whose time is acceptable; count the others' reasons."""
    if not len(walked.values):
        return 0
    series_ids, times, values = walked.ids[walked.series], walked.timestamps_ms, walked.values
    if refused or times.max() > now_ms + MAX_AHEAD_MS or times.min() < now_ms - RETENTION_MS:
        has_id = series_ids >= 0
        is_early, is_late = times < now_ms - RETENTION_MS, times > now_ms + MAX_AHEAD_MS
        for fault_of, is_wrong in ((times.min(), is_early), (times.max(), is_late)):
            if count := int((is_wrong & has_id).sum()):
                refused[time_fault(int(fault_of), now_ms=now_ms)] += count
        is_right = has_id & ~is_early & ~is_late
        series_ids, times, values = series_ids[is_right], times[is_right], values[is_right]
    log.append(LogSamples(series_ids=series_ids, timestamps_ms=times, values=values))
    return len(values)
