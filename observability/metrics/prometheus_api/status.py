"""`/api/v1/status/...`: what is running, how it is configured, since when.

Source: Prometheus 3, web/api/v1/api.go.
"""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import psutil
from django.conf import settings
from django.db.models import Max
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from observability.metrics.prometheus_api.answers import success
from observability.metrics.prometheus_api.read_view import ReadView
from observability.metrics.prometheus_api.transport import answer
from observability.metrics.scraping.models import ScrapeJob
from observability.metrics.scraping.prometheus_yaml import write_config
from observability.metrics.store.retention import policies
from observability.promql import Limits
from observability.promql.durations import format_duration
from observability.promql.engine import LOOKBACK_MS
from observability.telemetry.version import VERSION

SPOKEN_VERSION = "3.14.0"
"""The version of Prometheus whose API and language this is: by it clients judge what they may ask."""

# What Go says of a process without such a limit.
_NO_MEMORY_LIMIT = 2**63 - 1


class BuildInfoView(ReadView):
    """Tell which version this is."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with Prometheus's version, behind which stands whose it really is.

        Without `features`: Grafana takes one that has any for Mimir.
        """
        info = {
            "application": "Observability Portal",
            "version": f"{SPOKEN_VERSION}+portal.{VERSION}",
            "revision": "",
            "branch": "",
            "buildUser": "",
            "buildDate": "",
            "goVersion": "",
        }
        return answer(request, success(info))


class RuntimeInfoView(ReadView):
    """Tell how the web process that answers does."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer in Prometheus's words; what only Go has is left empty."""
        started = datetime.fromtimestamp(psutil.Process().create_time(), UTC)
        configured = ScrapeJob.objects.aggregate(last=Max("updated_at"))["last"]
        info = {
            "startTime": _go_time(started),
            "CWD": str(Path.cwd()),
            "hostname": settings.NODE_NAME,
            "serverTime": _go_time(datetime.now(UTC)),
            "reloadConfigSuccess": True,
            "lastConfigTime": _go_time(configured or started),
            "corruptionCount": 0,
            "goroutineCount": threading.active_count(),
            "GOMAXPROCS": len(os.sched_getaffinity(0)),
            "GOMEMLIMIT": _NO_MEMORY_LIMIT,
            "GOGC": "",
            "GODEBUG": "",
            "storageRetention": _retention(),
        }
        return answer(request, success(info))


class FlagsView(ReadView):
    """Tell what Prometheus's flags would be."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with those that mean something here."""
        limits = Limits()
        flags = {
            "query.lookback-delta": format_duration(LOOKBACK_MS),
            "query.max-samples": str(limits.max_samples),
            "query.timeout": format_duration(round(limits.timeout_seconds * 1000)),
            "storage.tsdb.retention.time": _retention(),
            "web.enable-admin-api": "true",
            "web.enable-otlp-receiver": "true",
            "web.enable-remote-write-receiver": "true",
            "web.external-url": settings.EXTERNAL_URL,
            "web.listen-address": f"{settings.BIND}:{settings.PORT}",
        }
        return answer(request, success(flags))


class ConfigView(ReadView):
    """Tell what is scraped."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with the jobs as YAML, secrets hidden."""
        jobs = ScrapeJob.objects.filter(enabled=True).prefetch_related("sources")
        return answer(request, success({"yaml": write_config(jobs)}))


def _retention() -> str:
    """Return how long samples are kept of metrics that no policy is made for."""
    return format_duration(policies()[-1].raw_ms)


def _go_time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
