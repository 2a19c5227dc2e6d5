"""The one form of errors of our own API: `{"error": {"code", "message", "details"}}`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions, status
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import set_rollback

log = logging.getLogger(__name__)

Details = Sequence[dict[str, Any]]

CODES = {
    400: "bad_request",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "throttled",
    500: "internal_error",
    503: "unavailable",
}
"""What `code` says when the error has no narrower word for it."""


class ApiError(exceptions.APIException):
    """An error whose status, code, message and details a view chooses itself.

    `wait` is the number of seconds after which a repetition may succeed (`Retry-After`), and
    `beside` what the answer says beside the error.
    """

    def __init__(
        self,
        status_code: int,
        message: str,
        *,
        code: str = "",
        details: Details = (),
        wait: int | None = None,
        beside: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, code or CODES.get(status_code, "error"))
        self.status_code = status_code
        self.details = details
        self.wait = wait
        self.beside = beside or {}


def error_body(
    status_code: int, message: str, *, code: str = "", details: Details = ()
) -> dict[str, Any]:
    """Return the JSON of an error; `code` defaults to the usual word for the status."""
    return {
        "error": {
            "code": code or CODES.get(status_code, "error"),
            "message": message,
            "details": list(details),
        }
    }


def error_response(
    status_code: int, message: str, *, code: str = "", details: Details = ()
) -> JsonResponse:
    """Return an error from a plain Django view."""
    return JsonResponse(
        error_body(status_code, message, code=code, details=details), status=status_code
    )


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a DRF view raised into an answer; None for what is a bug and must be seen as one."""
    known = _as_api_exception(error)
    if known is None:
        return None
    set_rollback()
    # Whatever form the view's own answers have: HTML, YAML, Prometheus's exposition.
    request = context["request"]
    request.accepted_renderer, request.accepted_media_type = JSONRenderer(), "application/json"
    body = error_body(
        known.status_code, _message(known), code=_code(known), details=_details(known)
    ) | getattr(known, "beside", {})
    headers: dict[str, str] = {}
    if challenge := getattr(known, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(known, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return Response(body, status=known.status_code, headers=headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself refused, such as a body above the limit."""
    if not _is_api(request):
        return defaults.bad_request(request, exception)
    if isinstance(exception, RequestDataTooBig):
        return error_response(413, "the request's body is too large")
    return error_response(400, "the request is not acceptable")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a 403 that did not come from a DRF view."""
    if not _is_api(request):
        return defaults.permission_denied(request, exception)
    return error_response(403, str(exception) or "you may not do this")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that leads nowhere."""
    if not _is_api(request):
        return defaults.page_not_found(request, exception)
    return error_response(404, f"there is nothing at {request.path}")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer when the portal itself failed."""
    if not _is_api(request):
        return defaults.server_error(request)
    return error_response(500, "the portal failed to answer; its log has the reason")


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _as_api_exception(error: Exception) -> exceptions.APIException | None:
    """Return the error as one that carries a status, or None when it is none of ours."""
    match error:
        case exceptions.ValidationError():
            error.status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
            return error
        case exceptions.APIException():
            return error
        case Http404():
            return exceptions.NotFound(str(error) or None)
        case DjangoPermissionDenied():
            return exceptions.PermissionDenied(str(error) or None)
        case RequestDataTooBig():
            return ApiError(413, "the request's body is too large")
        case SuspiciousOperation():
            return ApiError(400, "the request is not acceptable")
        case OperationalError() | InterfaceError():
            log.warning("database unavailable: %s", error)
            return ApiError(503, "the database is not available at the moment; try again")
        case _:
            return None


def _message(error: exceptions.APIException) -> str:
    if isinstance(error, exceptions.ValidationError):
        return "the request holds values that are not allowed"
    return str(error.detail)


def _code(error: exceptions.APIException) -> str:
    usual = CODES.get(error.status_code, "error")
    if isinstance(error, exceptions.ValidationError):
        return usual
    codes = error.get_codes()
    # DRF's own default codes ('parse_error', 'error') say less than the status does.
    return codes if isinstance(codes, str) and codes != type(error).default_code else usual


def _details(error: exceptions.APIException) -> Details:
    if isinstance(error, ApiError):
        return error.details
    if isinstance(error, exceptions.ValidationError):
        return list(_flatten(error.detail))
    return []


def _flatten(detail: Any, field: str = "", index: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield one entry for each message in DRF's nest of lists and dictionaries."""
    match detail:
        case dict():
            for name, inner in detail.items():
                if isinstance(name, int):  # a place in a list, among items that are right
                    yield from _flatten(inner, field, name)
                    continue
                path = field if name == "non_field_errors" else f"{field}.{name}".lstrip(".")
                yield from _flatten(inner, path, index)
        case list():
            for position, inner in enumerate(detail):
                is_item = isinstance(inner, dict) and not field
                yield from _flatten(inner, field, position if is_item else index)
        case _:
            entry: dict[str, Any] = {} if index is None else {"index": index}
            yield entry | {"field": field, "message": str(detail)}
