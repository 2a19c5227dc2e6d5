"""Retention: how long samples of which metrics are kept, and the deletion of what is older.

Policies are asked in their order, and the first whose pattern matches the whole name of a
metric counts. Segments go whole, once all in them is too old.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import connection

from observability.metrics.models import RetentionPolicy
from observability.metrics.store import log
from observability.metrics.store.partitions import drop_partitions
from observability.promql.matchers import compile_regex

DAY_MS = 86_400_000
# For how long a process does not look whether policies have changed.
_SECONDS_KEPT = 60.0
# A row may hold a megabyte.
_ROWS_PER_BATCH = 500
_METRICS_PER_BATCH = 1000

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


# Where there is no default, as in tables that were just emptied.
FALLBACK = policy_from(RetentionPolicy(pattern=".*"))


def policies() -> tuple[Policy, ...]:
    """Return the policies in their order, the last of which matches every name.

    The process looks at most once a minute whether they have changed.
    """
    global _kept  # noqa: PLW0603 (a cache of the process)
    kept, now = _kept, time.monotonic()
    if kept is None or now - kept[0] > _SECONDS_KEPT:
        kept = now, (*map(policy_from, RetentionPolicy.objects.all()), FALLBACK)
        _kept = kept
    return kept[1]


def forget() -> None:
    """Have the process look anew what the policies are."""
    global _kept  # noqa: PLW0603 (a cache of the process)
    _kept = None


def policy_of(metric_name: str) -> Policy:
    """Return the policy that counts for a metric."""
    return first_match(policies(), metric_name)


def first_match(policies: Sequence[Policy], metric_name: str) -> Policy:
    """Return the first of these policies that is for a metric; the last must be for all."""
    return next(policy for policy in policies if policy.matches(metric_name))


def longest_raw_ms() -> int:
    """Return for how long samples of some metric are kept; older ones need not be taken in."""
    rows = policies()
    # The fallback counts only where there is no default.
    return max(policy.raw_ms for policy in rows[: max(len(rows) - 1, 1)])


def cutoffs(now_ms: int) -> Iterator[Cutoffs]:
    """Yield all metrics of the catalogue with their cutoffs, those of one policy together.

    At most a thousand metrics at a time, so that the ids of what is yielded fit a statement.
    """
    for metrics in _metrics():
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


def _metrics() -> Iterator[list[tuple[int, str]]]:
    """Yield ids and names of all metrics, by ascending id."""
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


def delete_before(timestamp_ms: int) -> None:
    """Delete what holds nothing of this time or later; it may be interrupted and done again."""
    drop_partitions(timestamp_ms)
    log.delete_before(timestamp_ms)
    while _delete_segments(timestamp_ms) == _ROWS_PER_BATCH:
        pass


def _delete_segments(timestamp_ms: int) -> int:
    """Delete a batch of segments; return their number."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM metrics_segment WHERE (id, level, window_start_ms) IN ("
            "SELECT id, level, window_start_ms FROM metrics_segment"
            " WHERE window_start_ms < %s AND max_timestamp_ms < %s LIMIT %s)",
            [timestamp_ms, timestamp_ms, _ROWS_PER_BATCH],
        )
        deleted: int = cursor.rowcount
    return deleted
