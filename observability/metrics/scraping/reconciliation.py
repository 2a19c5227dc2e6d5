"""Keeps the rows of targets what the sources of their jobs have found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import QuerySet

from observability.metrics.scraping.discovery.target_lists import read_groups
from observability.metrics.scraping.models import ScrapeJob, ScrapeSource, ScrapeTarget
from observability.metrics.scraping.schedule import next_scrape_ms
from observability.metrics.scraping.targets import FoundTargets, Target, TargetGroup, find_targets

_BATCH_ROWS = 1_000
_CHANGED_FIELDS = ("url", "interval_ms", "timeout_ms", "discovered_labels", "next_scrape_at", "gone_at")  # fmt: skip


@transaction.atomic
def reconcile(job_id: int, *, now: datetime) -> FoundTargets:
    """Make, change and retire the targets of a job; one that stays the same is not touched.

    A target whose labels or address change is another one: the series of the old one end.
    """
    job = ScrapeJob.objects.select_for_update().get(pk=job_id)
    found = find_targets(job, known_groups(job.sources.all())) if job.enabled else FoundTargets()
    wanted = {target.fingerprint: target for target in found.targets}
    rows = {
        bytes(row.fingerprint): row
        for row in locked(job.targets.all()).defer("series", "series_digest")
    }
    ScrapeTarget.objects.bulk_create(
        [_row(job, target, now) for key, target in wanted.items() if key not in rows],
        batch_size=_BATCH_ROWS,
    )
    changed = [row for key, row in rows.items() if key in wanted and _is_changed(row, wanted[key])]
    for row in changed:
        _fill(row, wanted[bytes(row.fingerprint)], now)
        row.gone_at = None
    ScrapeTarget.objects.bulk_update(changed, _CHANGED_FIELDS, batch_size=_BATCH_ROWS)
    retire(job.targets.filter(pk__in=[r.pk for key, r in rows.items() if key not in wanted]), now)
    return found


def locked(targets: QuerySet[ScrapeTarget]) -> QuerySet[ScrapeTarget]:
    """Return targets that nobody else changes until the transaction ends.

    They are locked in the order of their ids, as by who records scrapes, so that nobody waits in a ring.
    """
    return targets.order_by("pk").select_for_update(no_key=True)


def retire(targets: QuerySet[ScrapeTarget], now: datetime) -> None:
    """Say that targets are no longer there; who scrapes ends their series and deletes them."""
    targets.filter(gone_at=None).update(gone_at=now, next_scrape_at=now)


@transaction.atomic
def delete_jobs(jobs: QuerySet[ScrapeJob], *, now: datetime) -> None:
    """Delete jobs; their targets stay until their series have been ended."""
    ids = list(jobs.values_list("pk", flat=True))
    targets = ScrapeTarget.objects.filter(
        pk__in=list(locked(ScrapeTarget.objects.filter(job__in=ids)).values_list("pk", flat=True))
    )
    retire(targets, now)
    targets.update(job=None)
    ScrapeJob.objects.filter(pk__in=ids).delete()


@transaction.atomic
def make_due(target_ids: Iterable[int], *, now: datetime) -> int:
    """Have targets scraped at once, whenever they are due; return how many there are."""
    targets = locked(ScrapeTarget.objects.present().filter(pk__in=list(target_ids)))
    found = list(targets.values_list("pk", flat=True))
    return ScrapeTarget.objects.filter(pk__in=found).update(next_scrape_at=now)


def known_groups(sources: Iterable[ScrapeSource]) -> list[TargetGroup]:
    """Return what the sources found when they were last asked."""
    return [
        group for source in sources for group in read_groups(source.groups, where=str(source.kind))
    ]


def _row(job: ScrapeJob, target: Target, now: datetime) -> ScrapeTarget:
    row = ScrapeTarget(job=job, fingerprint=target.fingerprint, labels=target.labels)
    _fill(row, target, now)
    return row


def _is_changed(row: ScrapeTarget, target: Target) -> bool:
    return row.gone_at is not None or (
        row.interval_ms,
        row.timeout_ms,
        row.discovered_labels,
    ) != (target.interval_ms, target.timeout_ms, target.discovered_labels)


def _fill(row: ScrapeTarget, target: Target, now: datetime) -> None:
    row.url = target.url
    row.interval_ms = target.interval_ms
    row.timeout_ms = target.timeout_ms
    row.discovered_labels = dict(target.discovered_labels)
    due_ms = next_scrape_ms(
        target.fingerprint,
        interval_ms=target.interval_ms,
        after_ms=round(now.timestamp() * 1000),
    )
    row.next_scrape_at = datetime.fromtimestamp(due_ms / 1000, UTC)
