"""A short way for writes: past Django's handler and the middlewares that serve people in a browser.

Sessions, messages, CSRF, signals and the like take as long as storing a usual body does. Nothing
of them matters to a program that brings its key with each request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from django.urls import ResolverMatch, resolve

from observability.telemetry.requests import RequestLogMiddleware

_PATHS = (
    "/api/v1/write",
    "/api/v1/otlp/v1/metrics",
    "/v1/metrics",
    "/api/v2/write",
    "/influx/write",
)
PATHS = frozenset(path + end for path in _PATHS for end in ("", "/"))

_StartResponse = Callable[[str, list[tuple[str, str]]], Any]
# Any, because Django's own is not typed as the WSGI standard has it.
_Application = Callable[[dict[str, Any], Any], Any]


class IngestLane:
    """A WSGI application that answers writes itself and leaves all else to another.

    A write without `Authorization` may be a person's, with a session: it goes the long way.
    """

    def __init__(self, application: _Application) -> None:
        self._application = application
        # Django's type allows for coroutines, too.
        answer: Any = convert_exception_to_response(_answer)
        self._respond: Any = convert_exception_to_response(RequestLogMiddleware(answer))

    def __call__(self, environ: dict[str, Any], start_response: _StartResponse) -> Iterable[Any]:
        """Answer a request."""
        if environ["PATH_INFO"] not in PATHS or "HTTP_AUTHORIZATION" not in environ:
            answered: Iterable[Any] = self._application(environ, start_response)
            return answered
        # As Django does at the start of a request: a connection that failed, or is old, is let go.
        connection.close_if_unusable_or_obsolete()
        response = self._respond(WSGIRequest(environ))
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items()])
        return [response.content]


def _answer(request: HttpRequest) -> HttpResponseBase:
    match = _match(request.path_info)
    request.resolver_match = match
    response: HttpResponseBase = match.func(request)
    return response


@lru_cache(maxsize=len(PATHS))
def _match(path: str) -> ResolverMatch:
    return resolve(path)
