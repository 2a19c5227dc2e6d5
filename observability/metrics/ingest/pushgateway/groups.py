"""What a push and a deletion do to a group, each in one transaction under the group's lock.

A series that goes ends with a stale marker. It is always newer than the last sample, because
whoever writes samples of a group holds its lock and notes their time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction

from observability.metrics.backend import get_backend
from observability.metrics.errors import MalformedBodyError
from observability.metrics.ingest.exposition_text.exposition import TextFormat
from observability.metrics.ingest.exposition_text.parsing import parse_lines
from observability.metrics.ingest.exposition_text.series_key import decode_key, encode_key
from observability.metrics.ingest.pushgateway.families import (
    PUSH_FAILURE_TIME,
    PUSH_TIME,
    PushedFamily,
)
from observability.metrics.ingest.pushgateway.lifetimes import expiry
from observability.metrics.ingest.pushgateway.models import PushedMetric, PushGroup
from observability.metrics.ingest.sender import PORTAL, Sender
from observability.metrics.samples import Metadata, MetricType, batch_at
from observability.metrics.store import catalogue
from observability.promql.labels import METRIC_NAME, LabelSet, label_set
from observability.promql.staleness import STALE_NAN

TIME_METADATA = {
    PUSH_TIME: Metadata(
        type=MetricType.GAUGE,
        help="Last Unix time when changing this group in the Pushgateway succeeded.",
    ),
    PUSH_FAILURE_TIME: Metadata(
        type=MetricType.GAUGE,
        help="Last Unix time when changing this group in the Pushgateway failed.",
    ),
}


@dataclass(frozen=True, slots=True)
class Grouping:
    """What tells a group from others: its grouping labels, and those of the key that pushes."""

    labels: Mapping[str, str]
    added_labels: Mapping[str, str]

    @property
    def fingerprint(self) -> bytes:
        """Return a hash of both."""
        # An empty label tells groups apart, although it is none in a series.
        return catalogue.fingerprint(
            (*sorted(self.labels.items()), *sorted(self.added_labels.items()))
        )


def push(
    grouping: Grouping,
    families: Mapping[str, PushedFamily],
    *,
    replaces_all: bool,
    own_lifetime_ms: int | None,
    sender: Sender,
    now_ms: int,
) -> None:
    """Put metric families into a group, and make the group when there is none.

    Args:
        grouping: The group.
        families: By name; each replaces that of its name.
        replaces_all: Whether those that are not among them go.
        own_lifetime_ms: After which time without a push the group goes; None for the rule.
        sender: Whose limits count.
        now_ms: When it was pushed.

    Raises:
        MalformedBodyError: It contradicts what is there.
        SeriesLimitError: There would be too many series.
    """
    with transaction.atomic():
        group = _locked(grouping)
        at_ms = _next_ms(group, now_ms)
        metrics = list(group.metrics.all())
        replaced = {m for m in metrics if replaces_all or m.name in families}
        kept = [m for m in metrics if m not in replaced]
        _check_types(group, families)
        _check_unique(kept, families)
        _replace(group, replaced, families)
        group.pushed_at = _time(now_ms)
        group.own_lifetime_ms = own_lifetime_ms
        group.expires_at = expiry(group)
        group.series_count = sum(m.series_count for m in kept) + _count(families)
        group.written_ms = at_ms
        group.save()
        samples = [s for family in families.values() for s in family.samples.items()]
        gone = _series_of(replaced) - {labels for labels, _ in samples}
        get_backend().append(
            batch_at(
                at_ms,
                [*samples, *times_of(group), *((labels, STALE_NAN) for labels in gone)],
                metadata={n: f.metadata for n, f in families.items()} | TIME_METADATA,
            ),
            sender=sender,
        )


def note_failure(grouping: Grouping, *, sender: Sender, now_ms: int) -> None:
    """Record that a push was refused; its group is made when there is none, so that it shows."""
    with transaction.atomic():
        group = _locked(grouping)
        group.failed_at = _time(now_ms)
        group.expires_at = expiry(group)
        group.written_ms = _next_ms(group, now_ms)
        group.save()
        get_backend().append(
            batch_at(group.written_ms, times_of(group), metadata=TIME_METADATA), sender=sender
        )


def delete(grouping: Grouping, *, now_ms: int) -> bool:
    """Delete a group, whose series end now; return whether there was one."""
    with transaction.atomic():
        group = _find(grouping)
        if group is not None:
            end([group], now_ms=now_ms)
        return group is not None


def delete_by_ids(group_ids: Iterable[int], *, now_ms: int) -> None:
    """Delete groups, whose series end now."""
    for group_id in group_ids:
        with transaction.atomic():
            end(
                list(PushGroup.objects.select_for_update().filter(pk=group_id)),
                now_ms=now_ms,
            )


def end(groups: list[PushGroup], *, now_ms: int) -> None:
    """Delete groups that the transaction has locked, whose series end now."""
    for group in groups:
        gone = _series_of(group.metrics.all()) | {labels for labels, _ in times_of(group)}
        at_ms = _next_ms(group, now_ms)
        get_backend().append(
            batch_at(at_ms, [(labels, STALE_NAN) for labels in gone]), sender=PORTAL
        )
        group.delete()


def times_of(group: PushGroup) -> list[tuple[LabelSet, float]]:
    """Return the samples that say when a group was last pushed and last refused; 0 for never."""
    said = {PUSH_TIME: group.pushed_at, PUSH_FAILURE_TIME: group.failed_at}
    return [
        (
            label_set({**group.labels, **group.added_labels, METRIC_NAME: name}),
            moment.timestamp() if moment else 0.0,
        )
        for name, moment in said.items()
    ]


def text_of(samples: Iterable[tuple[LabelSet, float]]) -> str:
    """Return samples as lines of the text format."""
    return "".join(f"{encode_key(labels).decode()} {value!r}\n" for labels, value in samples)


def _locked(grouping: Grouping) -> PushGroup:
    """Return the group, made if need be, and locked until the transaction ends."""
    while (group := _find(grouping)) is None:
        # Whoever else makes it at the same time is waited for, and may have deleted it since.
        PushGroup.objects.bulk_create(
            [
                PushGroup(
                    job=grouping.labels["job"],
                    labels=dict(grouping.labels),
                    added_labels=dict(grouping.added_labels),
                    fingerprint=grouping.fingerprint,
                )
            ],
            ignore_conflicts=True,
        )
    return group


def _find(grouping: Grouping) -> PushGroup | None:
    groups = PushGroup.objects.select_for_update()
    return groups.filter(fingerprint=grouping.fingerprint).first()


def _next_ms(group: PushGroup, now_ms: int) -> int:
    """Return the time for the next samples of a group, which is after all that were written."""
    return max(now_ms, group.written_ms + 1)


def _check_types(group: PushGroup, families: Mapping[str, PushedFamily]) -> None:
    """Refuse a metric that is of another type in another group; who says no type agrees with all."""
    typed = [n for n, f in families.items() if f.metadata.type is not MetricType.UNKNOWN]
    others = (
        PushedMetric.objects.filter(name__in=typed, group__added_labels=group.added_labels)
        .exclude(group=group)
        .exclude(type=MetricType.UNKNOWN)
    )
    for name, kind in others.values_list("name", "type").distinct():
        pushed = families[name].metadata.type
        if pushed != kind:
            raise MalformedBodyError(
                f"the metric {name!r} is of the type {pushed}, but {kind} in other groups that"
                " were pushed; it must be the same in all"
            )


def _check_unique(kept: Iterable[PushedMetric], families: Mapping[str, PushedFamily]) -> None:
    """Refuse a series that another metric of the group already holds, such as the count of a histogram."""
    pushed = {labels for family in families.values() for labels in family.samples}
    for metric in kept:
        if twice := pushed & _series_of([metric]):
            name = dict(min(twice))[METRIC_NAME]
            raise MalformedBodyError(
                f"the series {name!r} is already there, as part of the metric {metric.name!r}"
            )


def _replace(
    group: PushGroup, replaced: Iterable[PushedMetric], families: Mapping[str, PushedFamily]
) -> None:
    group.metrics.filter(pk__in=[metric.pk for metric in replaced]).delete()
    PushedMetric.objects.bulk_create(
        PushedMetric(
            group=group,
            name=name,
            type=family.metadata.type,
            help=family.metadata.help,
            series_count=len(family.samples),
            text=text_of(family.samples.items()),
        )
        for name, family in families.items()
    )


def _series_of(metrics: Iterable[PushedMetric]) -> set[LabelSet]:
    text = "".join(metric.text for metric in metrics).encode()
    keys = parse_lines(text, TextFormat.PROMETHEUS).keys
    return {label_set(decode_key(key)) for key in keys}


def _count(families: Mapping[str, PushedFamily]) -> int:
    return sum(len(family.samples) for family in families.values())


def _time(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)
