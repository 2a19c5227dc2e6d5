"""The way of exemplars into the store; what is wrong with one, or with all, never costs a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from django.db import Error, transaction

from observability.metrics.exemplars import (
    MAX_EXEMPLARS,
    MAX_LABEL_CHARACTERS,
    Exemplar,
    label_characters,
)
from observability.metrics.ingest.acceptance import TimeBounds
from observability.metrics.ingest.receipt import Receipt
from observability.metrics.store.exemplars import writing
from observability.metrics.store.selection import is_text_of_postgres

_log = structlog.get_logger(__name__)


def store(
    by_series: Mapping[int, Sequence[Exemplar]], *, count: int, bounds: TimeBounds, receipt: Receipt
) -> None:
    """Store exemplars, and tell the receipt how many were stored, how many dropped.

    Args:
        by_series: By the id of their series, negative for one that has none.
        count: How many the body has, those that could not be read or found a series for among them.
        bounds: The times that are right.
        receipt: Learns what became of them.
    """
    taken: dict[int, list[Exemplar]] = {}
    room = MAX_EXEMPLARS
    for series_id, exemplars in by_series.items():
        right = [one for one in exemplars[:room] if _is_acceptable(one, bounds)]
        if series_id >= 0 and right:
            taken[series_id] = right
            room -= len(right)
    stored = 0
    if taken:
        try:
            # Within the transaction of the samples, if there is one, it must not spoil that.
            with transaction.atomic():
                stored = writing.write(taken)
        except Error:
            _log.exception("exemplars not stored", exemplars=count)
    receipt.exemplars_stored += stored
    receipt.exemplars_dropped += count - stored


def _is_acceptable(exemplar: Exemplar, bounds: TimeBounds) -> bool:
    labels = exemplar.labels
    return (
        bounds.oldest_ms <= exemplar.timestamp_ms <= bounds.newest_ms
        and label_characters(labels) <= MAX_LABEL_CHARACTERS
        and all(is_text_of_postgres(name + value) for name, value in labels.items())
    )
