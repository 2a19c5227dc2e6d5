"""Takes jobs over from a Prometheus configuration: first a plan of what would change, then the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from observability.metrics.scraping.discovery.refreshing import note_changed_sources
from observability.metrics.scraping.errors import ScrapeConfigError
from observability.metrics.scraping.models import ScrapeJob, ScrapeSource
from observability.metrics.scraping.prometheus_config import JobPlan, SecretName

Secrets = Mapping[tuple[str, str], str]
"""Secrets that were entered, by the names of the job and of the field."""


class Action(StrEnum):
    """What becomes of a job of the configuration."""

    MAKE = "make"
    CHANGE = "change"
    KEEP = "keep"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChange:
    """What taking over a job does.

    Attributes:
        plan: What the configuration says.
        action: What is done.
        differences: Which fields change, in words.
        missing_secrets: Secrets that are neither in the configuration nor stored; without them the
            job is made, but disabled.
    """

    plan: JobPlan
    action: Action
    differences: Sequence[str] = ()
    missing_secrets: Mapping[SecretName, str] = field(default_factory=dict)


def plan_changes(plans: Sequence[JobPlan], secrets: Secrets | None = None) -> list[JobChange]:
    """Return what taking over these jobs would do; jobs that are not among them are left alone."""
    names = [plan.name for plan in plans]
    jobs = {
        job.name: job
        for job in ScrapeJob.objects.filter(name__in=names).prefetch_related("sources")
    }
    return [_change(plan, jobs.get(plan.name), secrets or {}) for plan in plans]


@transaction.atomic
def import_jobs(
    plans: Sequence[JobPlan], *, now: datetime, secrets: Secrets | None = None
) -> list[JobChange]:
    """Make and change jobs; all of them or, when one is refused, none.

    Raises:
        ScrapeConfigError: A job is against the portal's rules.
    """
    changes = plan_changes(plans, secrets)
    for change in changes:
        if change.action in {Action.MAKE, Action.CHANGE}:
            _apply(change, secrets or {}, now)
    return changes


def _change(plan: JobPlan, job: ScrapeJob | None, secrets: Secrets) -> JobChange:
    if not plan.can_be_made:
        return JobChange(plan=plan, action=Action.SKIP)
    given = _secrets(plan, secrets)
    missing = {
        name: path
        for name, path in plan.missing_secrets.items()
        if name not in given and not (job and getattr(job, name))
    }
    if job is None:
        return JobChange(plan=plan, action=Action.MAKE, missing_secrets=missing)
    differences = [
        name.removesuffix("_ms").replace("_", " ")
        for name, value in _values(plan, given).items()
        if getattr(job, name) != value
    ]
    if _sources(job) != _planned_sources(plan):
        differences.append("sources of targets")
    action = Action.CHANGE if differences else Action.KEEP
    return JobChange(plan=plan, action=action, differences=differences, missing_secrets=missing)


def _secrets(plan: JobPlan, entered: Secrets) -> dict[SecretName, str]:
    found = dict(plan.secrets)
    for name in plan.missing_secrets:
        if value := entered.get((plan.name, name)):
            found[name] = value
    return found


def _values(plan: JobPlan, secrets: Mapping[SecretName, str]) -> dict[str, Any]:
    return plan.fields | {str(name): value for name, value in secrets.items()}


def _sources(job: ScrapeJob) -> list[tuple[str, Any, int]]:
    return [(s.kind, s.config, s.refresh_seconds) for s in job.sources.all()]


def _planned_sources(plan: JobPlan) -> list[tuple[str, Any, int]]:
    return [(s.kind, dict(s.config), s.refresh_seconds) for s in plan.sources]


def _apply(change: JobChange, secrets: Secrets, now: datetime) -> None:
    plan = change.plan
    job = ScrapeJob.objects.filter(name=plan.name).first() or ScrapeJob(name=plan.name)
    for name, value in _values(plan, _secrets(plan, secrets)).items():
        setattr(job, name, value)
    if change.missing_secrets:
        job.enabled = False
    try:
        job.full_clean(exclude=["password", "bearer_token"])
    except ValidationError as error:
        raise ScrapeConfigError(f"job {plan.name}: {'; '.join(error.messages)}") from error
    job.save()
    if _sources(job) != _planned_sources(plan):
        job.sources.all().delete()
        for source in plan.sources:
            ScrapeSource.objects.create(
                job=job,
                kind=source.kind,
                config=dict(source.config),
                refresh_seconds=source.refresh_seconds,
            )
    note_changed_sources(job, now=now)
