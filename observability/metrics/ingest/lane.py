"""A short way for writes: past the middlewares that serve people in a browser.

Sessions, messages, CSRF, static files and the like take longer than storing a usual body
does. Nothing of them matters to a program that brings its key with each request.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from django.http import HttpRequest, HttpResponseBase
from django.urls import ResolverMatch, resolve

_WRITES = ("/api/v1/write", "/api/v2/write", "/influx/write")
PATHS = frozenset(path + slash for path in _WRITES for slash in ("", "/"))


class IngestLaneMiddleware:
    """Answer writes at once; what is listed after this middleware sees only the other requests."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request; one without `Authorization` may be a person's, with a session."""
        if request.path_info not in PATHS or "HTTP_AUTHORIZATION" not in request.META:
            return self._get_response(request)
        match = _match(request.path_info)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request)
        return response


@lru_cache(maxsize=len(PATHS))
def _match(path: str) -> ResolverMatch:
    return resolve(path)
