"""What policies would do that are not in force yet: which metrics they are for, and what they free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Sum

from observability.metrics.models import Metric, RetentionPolicy
from observability.metrics.store.retention import Policy, all_metrics, first_match, policy_from
from observability.metrics.store.rollups.resolutions import FIVE_MINUTES_MS, ROW_MS

_NAMES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TierEffect:
    """What goes of one tier.

    Attributes:
        name: For people.
        deleted: How many samples, or buckets of a rollup, go.
        freed_bytes: What these take.
        oldest_ms: The time of the oldest that is there, also of those that stay; None where there
            is none.
    """

    name: str
    deleted: int
    freed_bytes: int
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
    def deletes(self) -> bool:
        """Whether anything goes that is there now."""
        return any(tier.deleted for tier in self.tiers)


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
    metric_count = series_count = 0
    found: list[list[TierEffect]] = [[], [], []]
    for metrics in all_metrics():
        changed = {
            metric_id: policy
            for metric_id, name in metrics
            if not _keeps_alike(policy := first_match(after, name), first_match(before, name))
        }
        if not changed:
            continue
        names += [name for metric_id, name in metrics if metric_id in changed]
        del names[_NAMES_SHOWN:]
        metric_count += len(changed)
        series_count += _series_count(list(changed))
        found[0].append(_of_samples({i: now_ms - policy.raw_ms for i, policy in changed.items()}))
        for part, name, resolution_ms in zip(
            found[1:], ("rollup_5m_ms", "rollup_1h_ms"), ROW_MS, strict=True
        ):
            cutoffs = {i: now_ms - getattr(policy, name) for i, policy in changed.items()}
            part.append(_of_rollups(resolution_ms, cutoffs))
    return Effect(
        metric_count=metric_count,
        series_count=series_count,
        names=names,
        tiers=[_together(part) for part in found if part],
    )


def _keeps_alike(one: Policy, other: Policy) -> bool:
    return (one.raw_ms, one.rollup_5m_ms, one.rollup_1h_ms) == (
        other.raw_ms,
        other.rollup_5m_ms,
        other.rollup_1h_ms,
    )


def _together(parts: Sequence[TierEffect]) -> TierEffect:
    return TierEffect(
        name=parts[0].name,
        deleted=sum(part.deleted for part in parts),
        freed_bytes=sum(part.freed_bytes for part in parts),
        oldest_ms=min(
            (part.oldest_ms for part in parts if part.oldest_ms is not None), default=None
        ),
    )


def _series_count(metric_ids: list[int]) -> int:
    found = Metric.objects.filter(pk__in=metric_ids).aggregate(total=Sum("series_count"))
    return int(found["total"] or 0)


def _of_samples(before_ms: Mapping[int, int]) -> TierEffect:
    """Return what of the segments of metrics is older than a time for each."""
    with connection.cursor() as cursor:
        # The sizes of values that lie apart from their row are known without reading them.
        cursor.execute(
            "SELECT coalesce(sum(sample_count) FILTER (WHERE is_old), 0),"
            "   coalesce(sum(size) FILTER (WHERE is_old), 0), min(min_timestamp_ms)"
            " FROM (SELECT sample_count, min_timestamp_ms,"
            "     pg_column_size(data) + pg_column_size(directory) AS size,"
            "     max_timestamp_ms < wanted.before_ms AS is_old"
            "   FROM unnest(%s::bigint[], %s::bigint[]) AS wanted (id, before_ms)"
            "   JOIN metrics_segment AS segment ON segment.metric_id = wanted.id) AS segment",
            [list(before_ms), list(before_ms.values())],
        )
        return _tier("raw samples", cursor.fetchone())


def _of_rollups(resolution_ms: int, before_ms: Mapping[int, int]) -> TierEffect:
    """Return what of the rollups of metrics is older than a time for each."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(bucket_count) FILTER (WHERE is_old), 0),"
            "   coalesce(sum(size) FILTER (WHERE is_old), 0), min(window_start_ms)"
            " FROM (SELECT bucket_count, window_start_ms,"
            "     pg_column_size(data) + pg_column_size(directory) AS size,"
            "     window_start_ms <= wanted.before_ms - %s AS is_old"
            "   FROM unnest(%s::bigint[], %s::bigint[]) AS wanted (id, before_ms)"
            "   JOIN metrics_rollup AS rollup ON rollup.metric_id = wanted.id"
            "     AND rollup.resolution_ms = %s) AS rollup",
            [ROW_MS[resolution_ms], list(before_ms), list(before_ms.values()), resolution_ms],
        )
        name = "5-minute rollups" if resolution_ms == FIVE_MINUTES_MS else "1-hour rollups"
        return _tier(name, cursor.fetchone())


def _tier(name: str, row: tuple[Any, ...]) -> TierEffect:
    deleted, freed_bytes, oldest_ms = row
    return TierEffect(
        name=name, deleted=int(deleted), freed_bytes=int(freed_bytes), oldest_ms=oldest_ms
    )
