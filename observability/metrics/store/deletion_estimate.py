"""About what a deletion would remove, before anybody asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from observability.metrics.store.deletion import read_selector
from observability.metrics.store.rewriting import EARLIEST_MS, LATEST_MS
from observability.metrics.store.selection import find_series
from observability.promql.labels import LabelSet

_SERIES_SHOWN = 20
_SERIES_PER_BATCH = 50_000
_METRICS_PER_BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionEstimate:
    """What selectors select.

    Attributes:
        series_count: How many series.
        metric_count: Of how many metrics.
        examples: The label sets of the first of them.
        samples: About how many samples they have in segments, within the range.
        stored_bytes: About what these take.
    """

    series_count: int
    metric_count: int
    examples: list[LabelSet]
    samples: int
    stored_bytes: int


def estimate(
    selectors: Sequence[str], *, start_ms: int | None = None, end_ms: int | None = None
) -> DeletionEstimate:
    """Return what a deletion would remove; reads no sample.

    The series of a metric are taken to have the same share of its samples each, and samples to be
    spread evenly over the time of their segment.

    Raises:
        PromQLError: A selector cannot be read.
    """
    found: set[int] = set()
    of_metric: Counter[int] = Counter()
    examples: list[LabelSet] = []
    for text in selectors:
        matchers, after_id = read_selector(text), 0
        while series := find_series(matchers, after_id=after_id, limit=_SERIES_PER_BATCH):
            news = [each for each in series if each.id not in found]
            examples += [each.labels for each in news[: _SERIES_SHOWN - len(examples)]]
            found.update(each.id for each in news)
            of_metric.update(each.metric_id for each in news)
            after_id = series[-1].id
    samples, stored_bytes = _stored(
        of_metric,
        EARLIEST_MS if start_ms is None else start_ms,
        LATEST_MS if end_ms is None else end_ms,
    )
    return DeletionEstimate(
        series_count=len(found),
        metric_count=len(of_metric),
        examples=examples,
        samples=samples,
        stored_bytes=stored_bytes,
    )


def _stored(of_metric: Counter[int], start_ms: int, end_ms: int) -> tuple[int, int]:
    """Return samples and bytes of so many series of each metric, in a range."""
    samples = stored_bytes = 0.0
    metric_ids = list(of_metric)
    for first in range(0, len(metric_ids), _METRICS_PER_BATCH):
        part = metric_ids[first : first + _METRICS_PER_BATCH]
        with connection.cursor() as cursor:
            # The sizes of values that lie apart from their row are known without reading them.
            cursor.execute(
                "SELECT coalesce(sum(sample_count * share), 0), coalesce(sum(size * share), 0)"
                " FROM (SELECT sample_count, pg_column_size(data) + pg_column_size(directory) AS size,"
                "     least(1, wanted.series::float / greatest(metric.series_count, 1))"
                "     * (least(max_timestamp_ms, %(end)s) - greatest(min_timestamp_ms, %(start)s) + 1)::float"
                "     / (max_timestamp_ms - min_timestamp_ms + 1) AS share"
                "   FROM unnest(%(metrics)s::bigint[], %(series)s::int[]) AS wanted (id, series)"
                "   JOIN metrics_metric AS metric USING (id)"
                "   JOIN metrics_segment AS segment ON segment.metric_id = metric.id"
                "   WHERE max_timestamp_ms >= %(start)s AND min_timestamp_ms <= %(end)s) AS touched",
                {
                    "start": start_ms,
                    "end": end_ms,
                    "metrics": part,
                    "series": [of_metric[metric_id] for metric_id in part],
                },
            )
            row = cursor.fetchone()
        samples += row[0]
        stored_bytes += row[1]
    return round(samples), round(stored_bytes)
