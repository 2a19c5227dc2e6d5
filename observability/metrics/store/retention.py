"""Retention: how long samples of which metrics are kept, and the deletion of what is older.

Policies are asked in their order, and the first whose pattern matches the whole name of a
metric counts. Segments go whole, once all in them is too old.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import structlog
from django.db import connection, transaction

from observability.metrics.models import Metric, RetentionPolicy
from observability.metrics.store import amendments, catalogue, log
from observability.metrics.store.partitions import drop_partitions
from observability.metrics.store.rollups import days
from observability.metrics.store.windows import DAY_MS
from observability.promql.matchers import compile_regex

# For how long a process does not look whether policies have changed.
_SECONDS_KEPT = 60.0
# A row may hold a megabyte.
_ROWS_PER_BATCH = 500
_METRICS_PER_BATCH = 1000

_log = structlog.get_logger(__name__)

_kept: tuple[float, tuple[Policy, ...]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long samples of metrics are kept, in milliseconds; a rollup of 0 is not kept at all."""

    pattern: str
    raw_ms: int
    rollup_5m_ms: int
    rollup_1h_ms: int

    def matches(self, metric_name: str) -> bool:
        """Say whether the policy is for metrics of this name."""
        return compile_regex(self.pattern).fullmatch(metric_name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoffs:
    """Metrics with the times before which their samples, by tier, are too old."""

    metric_ids: list[int]
    raw_before_ms: int
    rollup_5m_before_ms: int
    rollup_1h_before_ms: int


def policy_from(row: RetentionPolicy) -> Policy:
    """Return what a row says."""
    return Policy(
        pattern=row.pattern,
        raw_ms=row.raw_days * DAY_MS,
        rollup_5m_ms=row.rollup_5m_days * DAY_MS,
        rollup_1h_ms=row.rollup_1h_days * DAY_MS,
    )


def policies() -> tuple[Policy, ...]:
    """Return the policies in their order, the last of which matches every name.

    The process looks at most once a minute whether they have changed.
    """
    global _kept  # noqa: PLW0603 (a cache of the process)
    kept, now = _kept, time.monotonic()
    if kept is None or now - kept[0] > _SECONDS_KEPT:
        kept = now, tuple(map(policy_from, RetentionPolicy.objects.complete()))
        _kept = kept
    return kept[1]


def forget() -> None:
    """Have the process look anew what the policies are."""
    global _kept  # noqa: PLW0603 (a cache of the process)
    _kept = None


# Tables that were emptied under the process have other policies.
catalogue.on_forget(forget)


def policy_of(metric_name: str) -> Policy:
    """Return the policy that counts for a metric."""
    return first_match(policies(), metric_name)


def first_match(policies: Sequence[Policy], metric_name: str) -> Policy:
    """Return the first of these policies that is for a metric; the last must be for all."""
    return next(policy for policy in policies if policy.matches(metric_name))


def longest_raw_ms() -> int:
    """Return for how long samples of some metric are kept; older ones need not be taken in."""
    return max(policy.raw_ms for policy in policies())


def cutoffs(now_ms: int) -> Iterator[Cutoffs]:
    """Yield all metrics of the catalogue with their cutoffs, those of one policy together.

    At most a thousand metrics at a time, so that the ids of what is yielded fit a statement.
    """
    # What is deleted by them cannot come back: a policy that has just become longer counts at once.
    forget()
    for metrics in all_metrics():
        by_policy: dict[Policy, list[int]] = defaultdict(list)
        for metric_id, name in metrics:
            by_policy[policy_of(name)].append(metric_id)
        for policy, metric_ids in by_policy.items():
            yield cutoffs_of(policy, metric_ids, now_ms)


def cutoffs_of(policy: Policy, metric_ids: Iterable[int], now_ms: int) -> Cutoffs:
    """Return metrics with the cutoffs of a policy."""
    return Cutoffs(
        metric_ids=list(metric_ids),
        raw_before_ms=now_ms - policy.raw_ms,
        rollup_5m_before_ms=now_ms - policy.rollup_5m_ms,
        rollup_1h_before_ms=now_ms - policy.rollup_1h_ms,
    )


def all_metrics() -> Iterator[list[tuple[int, str]]]:
    """Yield ids and names of all metrics, a thousand at a time, by ascending id."""
    after_id = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, name FROM metrics_metric WHERE id > %s ORDER BY id LIMIT %s",
                [after_id, _METRICS_PER_BATCH],
            )
            rows = cursor.fetchall()
        if not rows:
            return
        yield rows
        after_id = rows[-1][0]


def delete_expired(now_ms: int) -> int:
    """Delete what is too old by the policies; return the number of segments.

    It may be interrupted and done again, and done by several workers at once.
    """
    before_ms: dict[int, int] = {}
    for cutoff in cutoffs(now_ms):
        before_ms |= dict.fromkeys(cutoff.metric_ids, cutoff.raw_before_ms)
        # Samples stay until they are rolled up.
        for metric_id, day_ms in days.first_unrolled_ms(cutoff.metric_ids).items():
            before_ms[metric_id] = min(before_ms[metric_id], day_ms)

    def is_expired(metric_id: int, end_ms: int) -> bool:
        if metric_id in before_ms:
            return before_ms[metric_id] >= end_ms
        # One that has just come is not expired, one that has gone is wanted by nobody.
        return not Metric.objects.filter(pk=metric_id).exists()

    shortest_ms = min(policy.raw_ms for policy in policies())
    dropped = drop_partitions(now_ms - shortest_ms, is_expired)
    deleted = 0
    remaining = iter(before_ms.items())
    while batch := dict(islice(remaining, _METRICS_PER_BATCH)):
        while count := _delete_segments(batch):
            deleted += count
    rows = log.delete_before(now_ms - longest_raw_ms())
    if dropped or deleted or rows:
        _log.info("expired samples deleted", weeks=dropped, segments=deleted, log_rows=rows)
    return deleted


def _delete_segments(before_ms: Mapping[int, int]) -> int:
    """Delete a batch of the segments of metrics that hold nothing from a time on; return how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Those that others have locked are being merged or rewritten, and are deleted next time.
        cursor.execute(
            "DELETE FROM metrics_segment WHERE (id, level, window_start_ms) IN ("
            "  SELECT segment.id, segment.level, segment.window_start_ms"
            "  FROM unnest(%s::bigint[], %s::bigint[]) AS metric (id, before_ms)"
            "  JOIN metrics_segment AS segment ON segment.metric_id = metric.id"
            "    AND segment.window_start_ms < metric.before_ms"
            "    AND segment.max_timestamp_ms < metric.before_ms"
            "  WHERE segment.window_start_ms < %s"
            "  LIMIT %s FOR UPDATE OF segment SKIP LOCKED)"
            " RETURNING min_timestamp_ms, max_timestamp_ms",
            [
                list(before_ms),
                list(before_ms.values()),
                max(before_ms.values()),
                _ROWS_PER_BATCH,
            ],
        )
        deleted = cursor.fetchall()
        if deleted:
            amendments.record(
                min(oldest for oldest, _ in deleted), max(newest for _, newest in deleted)
            )
    return len(deleted)
