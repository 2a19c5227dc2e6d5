"""`/api/v1/targets` and its kin: what is scraped, what is dropped, and by which configuration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from observability.metrics.prometheus_api.answers import success
from observability.metrics.prometheus_api.read_view import ReadView
from observability.metrics.prometheus_api.transport import answer
from observability.metrics.scraping.models import ScrapeJob, ScrapeTarget
from observability.metrics.scraping.prometheus_yaml import write_job
from observability.metrics.scraping.reconciliation import known_groups
from observability.metrics.scraping.targets import find_targets
from observability.promql.durations import format_duration
from observability.promql.errors import BadDataError

# How Go writes a time that there is none of.
_NEVER = "0001-01-01T00:00:00Z"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class TargetsView(ReadView):
    """List targets."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with those that are scraped, those that relabeling drops, or both."""
        state = request.query_params.get("state", "").lower()
        pool = request.query_params.get("scrapePool", "")
        data: dict[str, Any] = {"activeTargets": [], "droppedTargets": []}
        if state in {"", "any", "active"}:
            data["activeTargets"] = [_active(target) for target in _targets(pool)]
        if state in {"", "any", "dropped"}:
            dropped = dropped_targets()
            data["droppedTargets"] = [
                {"discoveredLabels": dict(sorted(labels.items())), "scrapePool": name}
                for name, each in dropped.items()
                for labels in each
                if pool in {"", name}
            ]
            data["droppedTargetCounts"] = {name: len(each) for name, each in dropped.items()}
        else:
            data["droppedTargetCounts"] = None
        return answer(request, success(data))


class ScrapePoolsView(ReadView):
    """List jobs."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with their names, sorted."""
        names = sorted(_jobs().values_list("name", flat=True))
        return answer(request, success({"scrapePools": names}))


class ScrapePoolConfigView(ReadView):
    """Show how a job is configured."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with its entry of `scrape_configs`."""
        name = request.query_params.get("scrapePool", "")
        if not name:
            raise BadDataError("no scrapePool parameter provided")
        job = _jobs().filter(name=name).first()
        if job is None:
            raise BadDataError(f'error retrieving scrape config: unknown scrape pool "{name}"')
        return answer(request, success({"yaml": write_job(job)}))


class AlertmanagersView(ReadView):
    """List Alertmanagers."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with none: the portal notifies people itself."""
        return answer(request, success({"activeAlertmanagers": [], "droppedAlertmanagers": []}))


def dropped_targets() -> dict[str, list[Mapping[str, str]]]:
    """Return by job what was discovered and relabeling drops, as it was found."""
    dropped: dict[str, list[Mapping[str, str]]] = defaultdict(list)
    for job in _jobs():
        dropped[job.name] += find_targets(job, known_groups(job.sources.all())).dropped
    return dict(sorted(dropped.items()))


def _jobs() -> QuerySet[ScrapeJob]:
    return ScrapeJob.objects.filter(enabled=True).prefetch_related("sources")


def _targets(pool: str) -> Iterator[ScrapeTarget]:
    targets = ScrapeTarget.objects.present().exclude(job=None).select_related("job")
    if pool:
        targets = targets.filter(job__name=pool)
    fields = ("job__name", "discovered_labels", "labels", "url", "interval_ms", "timeout_ms", "health", "last_scrape_at", "duration_ms", "last_error")  # fmt: skip
    return targets.order_by("job__name", "url", "pk").only(*fields).iterator(chunk_size=500)


def _active(target: ScrapeTarget) -> dict[str, Any]:
    return {
        "discoveredLabels": dict(sorted(target.discovered_labels.items())),
        "labels": dict(sorted(target.labels.items())),
        "scrapePool": target.job.name if target.job else "",
        "scrapeUrl": target.url,
        "globalUrl": global_url(target.url),
        "lastError": target.last_error,
        "lastScrape": _go_time(target.last_scrape_at),
        "lastScrapeDuration": (target.duration_ms or 0) / 1000,
        "health": target.health,
        "scrapeInterval": format_duration(target.interval_ms),
        "scrapeTimeout": format_duration(target.timeout_ms),
    }


def _go_time(moment: datetime | None) -> str:
    if moment is None:
        return _NEVER
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def global_url(url: str) -> str:
    """Return where others reach a target that the portal reaches as its own machine.

    Source: Prometheus 3, web/api/v1/api.go (`getGlobalURL`).
    """
    parts, external = urlsplit(url), urlsplit(settings.EXTERNAL_URL)
    if parts.hostname not in _LOOPBACK:
        return url
    if parts.port == settings.PORT:
        # It is the portal itself.
        return parts._replace(scheme=external.scheme, netloc=external.netloc).geturl()
    return parts._replace(netloc=_address(external, parts.port)).geturl()


def _address(external: SplitResult, port: int | None) -> str:
    host = external.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if port is None else f"{host}:{port}"
