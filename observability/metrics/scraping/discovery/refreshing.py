"""Asks the sources that are due for their targets; several processes share the work by leases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q

from observability.metrics.scraping.discovery.registry import find_groups
from observability.metrics.scraping.discovery.target_lists import as_rows
from observability.metrics.scraping.errors import DiscoveryError
from observability.metrics.scraping.models import ScrapeJob, ScrapeSource, SourceKind
from observability.metrics.scraping.reconciliation import reconcile
from observability.metrics.scraping.targets import FoundTargets, TargetGroup

LEASE = timedelta(seconds=60)
"""Longer than any source may take to answer."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceClaim:
    """A source that this process has to ask."""

    source_id: int
    kind: str
    config: dict[str, Any]
    lease_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAnswer:
    """What a source said: groups, or why there are none."""

    claim: SourceClaim
    groups: list[TargetGroup] | None = None
    error: str = ""


@transaction.atomic
def claim_due_sources(*, now: datetime, limit: int) -> list[SourceClaim]:
    """Take sources that are due and that nobody else is asking."""
    sources = list(
        ScrapeSource.objects.filter(
            Q(lease_until=None) | Q(lease_until__lte=now),
            job__enabled=True,
            next_refresh_at__lte=now,
        )
        .select_for_update(skip_locked=True, of=("self",))
        .order_by("next_refresh_at")[:limit]
    )
    lease_until = now + LEASE
    ScrapeSource.objects.filter(pk__in=[source.pk for source in sources]).update(
        lease_until=lease_until
    )
    return [
        SourceClaim(
            source_id=source.pk,
            kind=source.kind,
            config={**source.config, "refresh_seconds": source.refresh_seconds},
            lease_until=lease_until,
        )
        for source in sources
    ]


def ask(claim: SourceClaim) -> SourceAnswer:
    """Return what a source lists now, or why that cannot be said; touches no database."""
    try:
        return SourceAnswer(claim=claim, groups=find_groups(claim.kind, claim.config))
    except DiscoveryError as error:
        return SourceAnswer(claim=claim, error=str(error))
    except Exception as error:  # noqa: BLE001 (a bug met by one source must not stop the others)
        _log.exception("source of targets not read", source=claim.source_id)
        return SourceAnswer(claim=claim, error=f"internal error: {error}")


@transaction.atomic
def note_answer(answer: SourceAnswer, *, now: datetime) -> None:
    """Keep what a source said; targets that were found before stay when it cannot be asked."""
    # The job before its sources, as by who saves both.
    job_id = ScrapeSource.objects.filter(pk=answer.claim.source_id).values("job")
    ScrapeJob.objects.select_for_update().filter(pk__in=job_id).values_list("pk").first()
    source = (
        ScrapeSource.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk=answer.claim.source_id, lease_until=answer.claim.lease_until)
        .first()
    )
    if source is None:
        return  # changed, deleted or taken over meanwhile
    is_changed = answer.groups is not None and as_rows(answer.groups) != source.groups
    if answer.groups is not None:
        source.groups = as_rows(answer.groups)
        source.refreshed_at = now
    source.last_error = answer.error[:2_000].replace("\x00", "")
    source.lease_until = None
    source.next_refresh_at = (
        None
        if source.kind == SourceKind.STATIC
        else now + timedelta(seconds=source.refresh_seconds)
    )
    source.save()
    if is_changed:
        reconcile(source.job_id, now=now)


@transaction.atomic
def note_changed_sources(job: ScrapeJob, *, now: datetime) -> FoundTargets:
    """Take over what was edited: lists at once, while all other sources are asked soon."""
    for source in job.sources.order_by("pk").select_for_update(no_key=True):
        source.lease_until = None
        source.next_refresh_at = now
        if source.kind == SourceKind.STATIC:
            source.groups = as_rows(find_groups(source.kind, source.config))
            source.refreshed_at, source.next_refresh_at = now, None
        source.save()
    return reconcile(job.pk, now=now)
