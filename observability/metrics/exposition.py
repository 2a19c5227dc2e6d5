"""`/metrics`: the portal's own metrics for whoever scrapes it."""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import re_path
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from observability.access.client_address import client_address
from observability.access.negotiation import OneForm
from observability.access.permissions import requires
from observability.access.scopes import Scope
from observability.telemetry.registry import exposition


class FromAllowedNetwork(BasePermission):
    """Let in clients whose address is in METRICS_ALLOWED_NETWORKS."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Judge the address that trusted proxies vouch for."""
        address = ip_address(client_address(request._request))
        return any(address in network for network in settings.METRICS_ALLOWED_NETWORKS)


class ExpositionView(APIView):
    """Own metrics in the text format 0.0.4 or OpenMetrics, as `Accept` asks."""

    permission_classes = [FromAllowedNetwork | requires(read=Scope.METRICS_READ)]
    # The exposition reads `Accept` itself; REST framework does not know its formats.
    content_negotiation_class = OneForm
    schema = None

    def get(self, request: Request) -> HttpResponse:
        """Return the exposition; 404 when PROMETHEUS_ENABLED is off."""
        if not settings.PROMETHEUS_ENABLED:
            raise Http404
        body, content_type = exposition(request.headers.get("Accept", ""))
        return HttpResponse(body, content_type=content_type)


_view = never_cache(gzip_page(ExpositionView.as_view()))


def metrics_exposition(request: HttpRequest) -> HttpResponse:
    """Answer a scrape, once the caller may read metrics."""
    response: HttpResponse = _view(request)
    return response


exposition_patterns = [re_path(r"^metrics/?$", metrics_exposition, name="exposition")]
