"""What policies would do that are not in force yet: which metrics they are for, and what they free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from observability.metrics.models import RetentionPolicy
from observability.metrics.store.retention import Policy, all_metrics, first_match, policy_from

_NAMES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TierEffect:
    """What goes of one tier.

    Attributes:
        name: For people.
        samples: How many samples go.
        stored_bytes: What they take.
        oldest_ms: The time of the oldest sample that is there, also of those that stay; None
            where there is none.
    """

    name: str
    samples: int
    stored_bytes: int
    oldest_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What changes when one list of policies takes the place of another.

    Attributes:
        metric_count: The metrics whose policy changes.
        series_count: The series of these.
        names: The names of the first of them.
        tiers: What goes of them, by tier.
    """

    metric_count: int
    series_count: int
    names: list[str]
    tiers: list[TierEffect]

    @property
    def samples(self) -> int:
        """Return how many samples go in all."""
        return sum(tier.samples for tier in self.tiers)


def metrics_of(row: RetentionPolicy) -> tuple[int, list[str]]:
    """Return how many metrics a policy counts for, and the names of the first."""
    rows = RetentionPolicy.objects.complete()
    policies = [policy_from(each) for each in rows]
    wanted = policies[[each.pk for each in rows].index(row.pk)]
    names = [
        name
        for metrics in all_metrics()
        for _, name in metrics
        if first_match(policies, name) is wanted
    ]
    return len(names), names[:_NAMES_SHOWN]


def effect_of_saving(row: RetentionPolicy, *, now_ms: int) -> Effect:
    """Return what would change if a policy, new or changed, were saved."""
    others = [each for each in RetentionPolicy.objects.complete() if each.pk != row.pk]
    if row.is_default:
        others = [each for each in others if not each.is_default]
    # A new one comes behind those of the same position, as it will have the highest id.
    rows = sorted(
        [*others, row],
        key=lambda each: (each.is_default, each.position, each.pk is None, each.pk or 0),
    )
    return _effect(rows, now_ms=now_ms)


def effect_of_deleting(row: RetentionPolicy, *, now_ms: int) -> Effect:
    """Return what would change if a policy were deleted."""
    rows = [each for each in RetentionPolicy.objects.complete() if each.pk != row.pk]
    return _effect(rows, now_ms=now_ms)


def _effect(rows: Sequence[RetentionPolicy], *, now_ms: int) -> Effect:
    before = [policy_from(row) for row in RetentionPolicy.objects.complete()]
    after = [policy_from(row) for row in rows]
    names: list[str] = []
    metric_count = series_count = samples = stored_bytes = 0
    oldest: list[int] = []
    for metrics in all_metrics():
        changed = {
            metric_id: (name, policy)
            for metric_id, name in metrics
            if not _keeps_alike(policy := first_match(after, name), first_match(before, name))
        }
        if not changed:
            continue
        found = _freed({i: now_ms - policy.raw_ms for i, (_, policy) in changed.items()})
        names += [name for name, _ in changed.values()][: _NAMES_SHOWN - len(names)]
        metric_count += len(changed)
        series_count += found.series
        samples += found.samples
        stored_bytes += found.stored_bytes
        oldest += [] if found.oldest_ms is None else [found.oldest_ms]
    raw = TierEffect(
        name="raw samples",
        samples=samples,
        stored_bytes=stored_bytes,
        oldest_ms=min(oldest, default=None),
    )
    return Effect(metric_count=metric_count, series_count=series_count, names=names, tiers=[raw])


def _keeps_alike(one: Policy, other: Policy) -> bool:
    return (one.raw_ms, one.rollup_5m_ms, one.rollup_1h_ms) == (
        other.raw_ms,
        other.rollup_5m_ms,
        other.rollup_1h_ms,
    )


@dataclass(frozen=True, slots=True)
class _Freed:
    series: int
    samples: int
    stored_bytes: int
    oldest_ms: int | None


def _freed(before_ms: dict[int, int]) -> _Freed:
    """Return the series of metrics, and what of their segments is older than a time for each."""
    with connection.cursor() as cursor:
        # The sizes of values that lie apart from their row are known without reading them.
        cursor.execute(
            "SELECT (SELECT sum(series_count) FROM metrics_metric WHERE id = ANY(%(metrics)s)),"
            "   coalesce(sum(sample_count) FILTER (WHERE is_old), 0),"
            "   coalesce(sum(size) FILTER (WHERE is_old), 0), min(min_timestamp_ms)"
            " FROM (SELECT sample_count, min_timestamp_ms,"
            "     pg_column_size(data) + pg_column_size(directory) AS size,"
            "     max_timestamp_ms < wanted.before_ms AS is_old"
            "   FROM unnest(%(metrics)s::bigint[], %(before)s::bigint[]) AS wanted (id, before_ms)"
            "   JOIN metrics_segment AS segment ON segment.metric_id = wanted.id) AS segment",
            {"metrics": list(before_ms), "before": list(before_ms.values())},
        )
        series, samples, stored_bytes, oldest_ms = cursor.fetchone()
    return _Freed(int(series or 0), int(samples), int(stored_bytes), oldest_ms)
