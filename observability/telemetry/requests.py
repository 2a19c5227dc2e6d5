"""Every request on one log line, counted, and known by an id."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import lru_cache

import structlog
from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.http import HttpRequest, HttpResponseBase
from django.utils.module_loading import import_string

from observability.telemetry.instruments import (
    HTTP_REQUEST_DURATION,
    HTTP_REQUEST_ERRORS,
    HTTP_REQUESTS,
)
from observability.telemetry.request_ids import HEADER, request_id_from

_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
_LONGEST_TEXT = 500
# Probes ask every few seconds, senders of metrics and dashboards hundreds of times a second; how
# that goes is in the portal's own metrics. What fails or takes long is logged all the same.
_FREQUENT_ROUTES = (
    "/health",
    "/api/v1/write",
    "/api/v2/write",
    "/influx/write",
    *(
        f"{prefix}/api/v1/{question}"
        for prefix in ("", "/prometheus")
        for question in ("query", "series", "label")
    ),
)
_LONG_SECONDS = 1.0

_LOGGER = "observability.requests"

log = structlog.get_logger(_LOGGER)
_requests_log = logging.getLogger(_LOGGER)


class RequestLogMiddleware:
    """Give each request an id, count it by route, and log how it ended.

    Only the path is logged, never the query string, headers of authentication or bodies.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        # By name, since `access`, which owns it, is a sibling of telemetry.
        self._client_address = import_string(settings.AXES_CLIENT_IP_CALLABLE)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        started = time.perf_counter()
        request_id = request_id_from(request.headers.get(HEADER))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = self._get_response(request)
            response.headers[HEADER] = request_id
            self._record(request, response, time.perf_counter() - started)
        finally:
            structlog.contextvars.clear_contextvars()
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Remember what a view raised; Django turns it into an answer."""
        request.META["telemetry.error_type"] = type(exception).__name__

    def _record(
        self, request: HttpRequest, response: HttpResponseBase, duration_seconds: float
    ) -> None:
        method = request.method if request.method in _METHODS else "other"
        route = _route(request)
        status = response.status_code
        HTTP_REQUESTS.labels(method, route, str(status)).inc()
        HTTP_REQUEST_DURATION.labels(method, route).observe(duration_seconds)
        if status >= 500:
            HTTP_REQUEST_ERRORS.labels(request.META.get("telemetry.error_type", str(status))).inc()
        level = _level(status, route, duration_seconds)
        # What is not going to be written is not gathered either.
        if not _requests_log.isEnabledFor(level):
            return
        log.log(
            level,
            "request",
            method=method,
            path=request.path[:_LONGEST_TEXT],
            route=route,
            status=status,
            duration_ms=round(duration_seconds * 1000, 2),
            user_agent=request.headers.get("User-Agent", "")[:_LONGEST_TEXT],
            ip=str(self._client_address(request) or ""),
        )


def _route(request: HttpRequest) -> str:
    """Return the pattern that matched, so that ids in paths do not become label values."""
    match = request.resolver_match
    return "unmatched" if match is None else _readable(match.route)


@lru_cache(maxsize=1000)
def _readable(route: str) -> str:
    return simplify_regex(route)


def _level(status: int, route: str, duration_seconds: float) -> int:
    if route.startswith(_FREQUENT_ROUTES) and duration_seconds < _LONG_SECONDS:
        return logging.DEBUG if status < 400 else logging.WARNING
    return logging.INFO if status < 500 else logging.ERROR
