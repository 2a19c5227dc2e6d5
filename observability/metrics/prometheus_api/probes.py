"""`/-/healthy` and `/-/ready`: whether the portal answers, and whether it can serve.

They say no more than `/health/live` and `/health/ready`, which need no key, but unlike these
are for programs that know Prometheus's addresses, and have a key, whatever it may do.
"""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from observability.access.permissions import SignedIn
from observability.metrics.prometheus_api.view import PrometheusView
from observability.telemetry.health import Status, run_checks

_TEXT = "text/plain; charset=utf-8"


class HealthyView(PrometheusView):
    """Say that the web process answers."""

    permission_classes = [SignedIn]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Answer a sentence."""
        return HttpResponse("The portal is Healthy.\n", content_type=_TEXT)


class ReadyView(PrometheusView):
    """Say whether what the portal cannot do without is there."""

    permission_classes = [SignedIn]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Answer a sentence, with 503 when it is not."""
        if run_checks(critical_only=True).status is Status.FAILING:
            return HttpResponse("Service Unavailable", status=503, content_type=_TEXT)
        return HttpResponse("The portal is Ready.\n", content_type=_TEXT)
