"""Which targets this process scrapes next: those that are due, taken by leases.

Any number of processes may claim. A claim sets when the target is due again; a process that dies
leaves what it had in hand to the others when the leases run out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from observability.metrics.scraping.models import Health, ScrapeJob, ScrapeTarget
from observability.metrics.scraping.sample_labels import Scope, make_scope
from observability.metrics.scraping.schedule import next_scrape_ms
from observability.metrics.scraping.terms import Terms, terms_of

# What storing may take on top of the scrape itself, also on a machine that has too much to do: a
# scrape that loses its lease is done in vain.
_MARGIN = timedelta(seconds=20)
# Of a target whose job was deleted: it is only ended.
_NO_TERMS = Terms(max_body_bytes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One scrape of one target that this process has to do.

    Attributes:
        target_id: The target.
        url: Where its metrics are.
        scope: What its samples' labels depend on.
        terms: How it is asked.
        timeout_ms: How long that may take.
        interval_ms: From one scrape to the next.
        due_ms: When the scrape is to begin.
        lease_until: End of the lease, which also tells it from every other lease of the target.
        is_gone: The target is not asked any more: its series are to be ended.
    """

    target_id: int
    url: str
    scope: Scope
    terms: Terms = field(repr=False)
    timeout_ms: int
    interval_ms: int
    due_ms: int
    lease_until: datetime
    is_gone: bool = False


class TermsMemory:
    """The terms of jobs, read anew when a job was changed."""

    def __init__(self) -> None:
        self._terms: dict[int, tuple[datetime, Terms]] = {}

    def of(self, versions: dict[int, datetime]) -> dict[int, Terms]:
        """Return the terms of jobs, given when each was last changed."""
        outdated = [
            job_id
            for job_id, changed_at in versions.items()
            if self._terms.get(job_id, (None,))[0] != changed_at
        ]
        if outdated:
            for job in ScrapeJob.objects.filter(pk__in=outdated):
                self._terms[job.pk] = (job.updated_at, terms_of(job))
        return {job_id: self._terms[job_id][1] for job_id in versions if job_id in self._terms}


@transaction.atomic
def claim_due_targets(
    *, now: datetime, ahead: timedelta, limit: int, silent: bool, memory: TermsMemory
) -> list[Claim]:
    """Take targets that are due, or will be within `ahead`, the longest due first.

    Args:
        now: The time.
        ahead: How long before its time a scrape may be claimed.
        limit: How many are taken.
        silent: Take those that did not answer last time, or were never asked, instead of all others.
        memory: Knows the jobs' terms.
    """
    if limit <= 0:
        return []
    until = now + ahead
    rows = list(
        _lane(silent)
        .free(at=now)  # type: ignore[attr-defined] # our own queryset
        .filter(next_scrape_at__lte=until)
        .select_for_update(skip_locked=True, no_key=True, of=("self",))
        .select_related("job")
        .only(
            "fingerprint", "labels", "url", "interval_ms", "timeout_ms", "next_scrape_at",
            "gone_at", "job__updated_at", "job__honor_labels", "job__metric_relabel_rules",
        )
        .order_by("next_scrape_at")[:limit]
    )  # fmt: skip
    if not rows:
        return []
    terms = memory.of({row.job.pk: row.job.updated_at for row in rows if row.job})
    claims = [_claim(row, terms, now, until) for row in rows]
    _lease(rows, claims)
    return claims


def _lane(silent: bool) -> QuerySet[ScrapeTarget]:
    """Return the targets that have no answer to show, or all others; those that are gone are not asked."""
    is_silent = ~Q(health=Health.UP) & Q(gone_at=None)
    return ScrapeTarget.objects.filter(is_silent if silent else ~is_silent)


def _claim(row: ScrapeTarget, terms: dict[int, Terms], now: datetime, until: datetime) -> Claim:
    # What was missed is not made up for: only its last time counts.
    planned_ms = _milliseconds(row.next_scrape_at)
    due_ms = max(
        planned_ms,
        next_scrape_ms(
            bytes(row.fingerprint), interval_ms=row.interval_ms, after_ms=_milliseconds(now)
        )
        - row.interval_ms,
    )
    starts_at = max(now, datetime.fromtimestamp(due_ms / 1000, UTC))
    own_terms = terms.get(row.job.pk, _NO_TERMS) if row.job else _NO_TERMS
    return Claim(
        target_id=row.pk,
        url=row.url,
        scope=make_scope(
            row.labels,
            honor_labels=own_terms.honor_labels,
            rules=own_terms.metric_rules,
        ),
        terms=own_terms,
        timeout_ms=row.timeout_ms,
        interval_ms=row.interval_ms,
        due_ms=due_ms,
        lease_until=starts_at + timedelta(milliseconds=row.timeout_ms) + _MARGIN,
        is_gone=row.gone_at is not None,
    )


def _lease(rows: Sequence[ScrapeTarget], claims: Sequence[Claim]) -> None:
    """Write the leases and the next due times, in one statement for all."""
    columns: list[list[Any]] = [[], [], []]
    for row, claim in zip(rows, claims, strict=True):
        columns[0].append(claim.target_id)
        columns[1].append(claim.lease_until)
        next_ms = next_scrape_ms(
            bytes(row.fingerprint), interval_ms=row.interval_ms, after_ms=claim.due_ms
        )
        columns[2].append(datetime.fromtimestamp(next_ms / 1000, UTC))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE metrics_scrapetarget AS target"
            " SET lease_until = new.lease_until, next_scrape_at = new.next_scrape_at"
            " FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[])"
            " AS new (id, lease_until, next_scrape_at) WHERE target.id = new.id",
            columns,
        )


def release(claims: Sequence[Claim]) -> None:
    """Give back targets that are not scraped after all; the next to claim finds them due."""
    for claim in claims:
        ScrapeTarget.objects.filter(pk=claim.target_id, lease_until=claim.lease_until).update(
            lease_until=None, next_scrape_at=datetime.fromtimestamp(claim.due_ms / 1000, UTC)
        )


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
