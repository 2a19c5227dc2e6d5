"""The way into the store that all protocols share.

Series get their ids, samples are judged by their times, what is right becomes one row of the
sample log, and the rest is counted with its reasons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from observability.metrics.exemplars import Exemplar
from observability.metrics.ingest import exemplars
from observability.metrics.ingest.acceptance import TimeBounds, time_bounds
from observability.metrics.ingest.key_counters import count_samples
from observability.metrics.ingest.limits import series_limits
from observability.metrics.ingest.receipt import Receipt
from observability.metrics.ingest.sender import Sender
from observability.metrics.ingest.series_labels import UnacceptableSeriesError, checked_labels
from observability.metrics.ingest.series_memory import Realm, SeriesMemory, realm
from observability.metrics.instruments import (
    EXEMPLARS_DROPPED,
    EXEMPLARS_STORED,
    SAMPLES_INGESTED,
    SAMPLES_REFUSED,
)
from observability.metrics.samples import Metadata
from observability.metrics.store import catalogue, log
from observability.metrics.store.catalogue import Epoch
from observability.metrics.store.log import LogSamples
from observability.promql.labels import LabelSet

Kept = slice | NDArray[np.bool_]
"""Which of the samples of a write are stored."""

Append = Callable[[LogSamples, Kept, Epoch], None]
"""Writes the samples of a write that are kept, all or none, with ids of this epoch."""

# In place of an id: the series may not be made; it has no sample to be made for.
_REFUSED, _NOT_NEEDED = -1, -2

_memory = SeriesMemory()
catalogue.on_forget(_memory.forget)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """Samples as a protocol has decoded them.

    Attributes:
        keys: The series: bytes from which `decode` makes the labels, and nothing else does.
        series: int64, for each sample the place of its series in `keys`.
        timestamps_ms: int64, for each sample.
        values: float64, for each sample; NaN payloads are kept bit for bit.
        decode: Returns the labels of a key, `__name__` among them, without those of the sender;
            only asked for series that this process has not seen. May raise `UnacceptableSeriesError`.
        metadata: What is said about metrics, by metric name.
        exemplars: By the place of their series in `keys`.
    """

    keys: Sequence[bytes]
    series: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    decode: Callable[[bytes], Mapping[str, str]]
    metadata: Mapping[str, Metadata] = field(default_factory=dict)
    exemplars: Mapping[int, Sequence[Exemplar]] = field(default_factory=dict)


def _append(samples: LogSamples, kept: Kept, epoch: Epoch) -> None:
    log.append(samples, epoch)


def take_in(
    incoming: Incoming,
    *,
    protocol: str,
    sender: Sender,
    now_ms: int,
    bounds: TimeBounds | None = None,
    append: Append = _append,
) -> Receipt:
    """Store samples; they are durable when this returns, unless it is called inside a transaction.

    Args:
        incoming: The samples.
        protocol: What `decode` belongs to: equal keys of one protocol are equal series.
        sender: Who sent them.
        now_ms: The time by which that of the samples is judged.
        bounds: Other times than usual that are taken.
        append: Writes them; for protocols whose samples depend on what is there.
    """
    bounds = bounds or time_bounds(now_ms)
    receipt = catalogue.with_current_ids(
        lambda epoch: _take_in(
            incoming, realm(protocol, sender.added_labels), sender, bounds, epoch, append
        )
    )
    catalogue.record_metadata(incoming.metadata)
    count(receipt, protocol=protocol, sender=sender)
    return receipt


def count(receipt: Receipt, *, protocol: str, sender: Sender) -> None:
    """Count what became of a write in the portal's own metrics."""
    SAMPLES_INGESTED.labels(protocol=protocol).inc(receipt.stored)
    count_samples(sender, receipt.stored)
    if receipt.refused:
        SAMPLES_REFUSED.labels(protocol=protocol).inc(receipt.refused.total())
    if receipt.exemplars_stored:
        EXEMPLARS_STORED.labels(protocol=protocol).inc(receipt.exemplars_stored)
    if receipt.exemplars_dropped:
        EXEMPLARS_DROPPED.labels(protocol=protocol).inc(receipt.exemplars_dropped)


def _take_in(
    incoming: Incoming,
    realm: Realm,
    sender: Sender,
    bounds: TimeBounds,
    epoch: Epoch,
    append: Append,
) -> Receipt:
    ids = np.array(_memory.ids_of(realm, incoming.keys), np.int64)
    receipt = Receipt()
    unknown = places_to_find(ids, incoming.series, incoming.timestamps_ms, bounds).tolist()
    if unknown:
        label_sets: dict[int, LabelSet] = {}
        refused: dict[int, str] = {}
        for place in unknown:
            try:
                label_sets[place] = checked_labels(
                    incoming.decode(incoming.keys[place]), sender.added_labels
                )
            except UnacceptableSeriesError as error:
                refused[place] = str(error)
        refused |= find_or_make(label_sets, ids, sender, receipt)
        news = {incoming.keys[place]: int(ids[place]) for place in unknown if ids[place] >= 0}
        # The id of a series whose making is rolled back must not be remembered.
        transaction.on_commit(lambda: _memory.add(realm, news, epoch))
        count_refused(refused, incoming.series, receipt)
    receipt.stored = store(
        LogSamples(
            series_ids=ids[incoming.series],
            timestamps_ms=incoming.timestamps_ms,
            values=incoming.values,
        ),
        bounds=bounds,
        refused=receipt.refused,
        epoch=epoch,
        append=append,
    )
    if incoming.exemplars:
        by_series: dict[int, list[Exemplar]] = {}
        for place, told in incoming.exemplars.items():
            by_series.setdefault(int(ids[place]), []).extend(told)
        exemplars.store(
            by_series,
            count=sum(map(len, incoming.exemplars.values())),
            bounds=bounds,
            receipt=receipt,
        )
    return receipt


def places_to_find(
    ids: NDArray[np.int64],
    series: NDArray[np.int64],
    timestamps_ms: NDArray[np.int64],
    bounds: TimeBounds,
) -> NDArray[np.intp]:
    """Return the places of series that need an id: that have none, and a sample that can be stored.

    Args:
        ids: Of each series, negative where it is not known; changed to `_NOT_NEEDED` for those
            that have no sample of a right time, so that nobody makes series with samples of no use.
        series: int64, for each sample the place of its series.
        timestamps_ms: int64, for each sample.
        bounds: The times that are right.
    """
    unknown = np.flatnonzero(ids < 0)
    if not len(unknown) or not len(timestamps_ms) or bounds.hold(timestamps_ms):
        return unknown
    is_needed = np.zeros(len(ids), bool)
    is_right = (timestamps_ms >= bounds.oldest_ms) & (timestamps_ms <= bounds.newest_ms)
    is_needed[series[is_right]] = True
    ids[unknown[~is_needed[unknown]]] = _NOT_NEEDED
    return unknown[is_needed[unknown]]


def find_or_make(
    label_sets: Mapping[int, LabelSet], ids: NDArray[np.int64], sender: Sender, receipt: Receipt
) -> dict[int, str]:
    """Fill in the ids of series, making new ones; return why some have none, by their place.

    Args:
        label_sets: By the place in `ids`.
        ids: Changed in these places, -1 for a series that has none.
        sender: Whose limits count.
        receipt: Learns whether series were throttled.
    """
    found = catalogue.find_or_make(label_sets.values(), limits=series_limits(sender))
    refused: dict[int, str] = {}
    for place, labels in label_sets.items():
        ids[place] = found.ids.get(labels, _REFUSED)
        if refusal := found.refused.get(labels):
            refused[place] = refusal.reason
            receipt.is_throttled |= refusal.is_temporary
    return refused


def count_refused(reasons: Mapping[int, str], series: NDArray[np.int64], receipt: Receipt) -> None:
    """Add the samples of series that were refused to the receipt, by the reason.

    Args:
        reasons: By the place of the series.
        series: int64, for each sample the place of its series.
        receipt: To which they are added.
    """
    if not reasons:
        return
    counts = np.bincount(series, minlength=max(reasons) + 1)
    for place, reason in reasons.items():
        receipt.refused[reason] += int(counts[place])


def store(
    samples: LogSamples,
    *,
    bounds: TimeBounds,
    refused: Counter[str],
    epoch: Epoch,
    append: Append = _append,
) -> int:
    """Store the samples whose series has an id and whose time is right; return their number.

    Args:
        samples: With negative ids for those of series that have none.
        bounds: The times that are right.
        refused: To which the others are added, by the reason.
        epoch: In which the ids were looked up.
        append: Writes them.

    Raises:
        CatalogueMovedError: Ids were withdrawn meanwhile; nothing was stored.
    """
    if not len(samples.values):
        return 0
    series_ids, times = samples.series_ids, samples.timestamps_ms
    kept: Kept = slice(None)
    if refused or not bounds.hold(times):
        # Those of series that were refused have been counted with them.
        is_open = series_ids != _REFUSED
        is_old, is_new = times < bounds.oldest_ms, times > bounds.newest_ms
        for example, is_wrong in ((times.min(), is_old), (times.max(), is_new)):
            if wrong := int((is_wrong & is_open).sum()):
                refused[bounds.fault(int(example))] += wrong
        kept = (series_ids >= 0) & ~is_old & ~is_new
        samples = LogSamples(
            series_ids=series_ids[kept],
            timestamps_ms=times[kept],
            values=samples.values[kept],
        )
    append(samples, kept, epoch)
    return len(samples.values)
