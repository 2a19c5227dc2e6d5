"""A short way for programs: past Django's handler and the middlewares that serve people in a browser.

Sessions, messages, CSRF, signals and the like take as long as storing a usual body does, and longer
than a light query. Nothing of them matters to a program that brings its key with each request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeVar

from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIRequest, get_path_info
from django.db import connection
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import Resolver404, ResolverMatch, resolve

from observability.telemetry.requests import RequestLogMiddleware

_METHODS = frozenset({"GET", "POST"})
# Answers that have no body, nor a length of one.
_BODILESS = frozenset({204, 304})
# Paths that are known, whether they lead to programs' views or elsewhere.
_MAX_PATHS = 1_000
# A connection to the database that was used so shortly before is taken to be alive.
_ALIVE_SECONDS = 1.0

_View = TypeVar("_View", bound=Callable[..., HttpResponseBase])
_StartResponse = Callable[[str, list[tuple[str, str]]], Any]
# Any, because Django's own is not typed as the WSGI standard has it.
_Application = Callable[[dict[str, Any], Any], Any]


def for_programs(view: _View) -> _View:
    """Let requests to a view that come with `Authorization` go the short way.

    The view sees to it by itself who may, and does without all middlewares but the log of requests.
    """
    view.is_for_programs = True  # type: ignore[attr-defined]  # a mark of ours
    return view


class ProgramLane:
    """A WSGI application that answers programs itself and leaves all else to another.

    A request without `Authorization` may be a person's, with a session: it goes the long way.
    """

    def __init__(self, application: _Application) -> None:
        self._application = application
        # Django's type allows for coroutines, too.
        answer: Any = convert_exception_to_response(_answer)
        self._respond: Any = convert_exception_to_response(RequestLogMiddleware(answer))

    def __call__(self, environ: dict[str, Any], start_response: _StartResponse) -> Iterable[Any]:
        """Answer a request."""
        if (
            "HTTP_AUTHORIZATION" not in environ
            or environ["REQUEST_METHOD"] not in _METHODS
            or _match(get_path_info(environ)) is None
        ):
            answered: Iterable[Any] = self._application(environ, start_response)
            return answered
        # As Django does at the start of a request: a connection that failed, or is old, is let go.
        connection.close_if_unusable_or_obsolete()
        _last_use.spare_health_check()
        response = self._respond(WSGIRequest(environ))
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        whole = None if isinstance(response, StreamingHttpResponse) else response.content
        if whole is not None and response.status_code not in _BODILESS:
            response.headers.setdefault("Content-Length", str(len(whole)))
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items()])
        # The server closes what it streams when all is sent.
        return response if whole is None else [whole]


class _LastUse(threading.local):
    """When this thread's connection to the database was last used."""

    at = 0.0

    def spare_health_check(self) -> None:
        """Do without asking a connection for a sign of life that had one just before."""
        now = time.monotonic()
        if now - self.at < _ALIVE_SECONDS:
            connection.health_check_done = True  # type: ignore[attr-defined]  # missing in the stubs
        self.at = now


_last_use = _LastUse()


def _answer(request: HttpRequest) -> HttpResponseBase:
    match = _match(request.path_info)
    if match is None:
        raise Resolver404
    request.resolver_match = match
    response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    return response


@lru_cache(maxsize=_MAX_PATHS)
def _match(path: str) -> ResolverMatch | None:
    """Return which view a path leads to, None unless it is for programs."""
    try:
        match = resolve(path)
    except Resolver404:
        return None
    return match if getattr(match.func, "is_for_programs", False) else None
