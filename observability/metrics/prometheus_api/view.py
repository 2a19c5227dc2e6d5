"""What all views of Prometheus's HTTP API have in common: parameters, permissions, errors in its form.

Source: prometheus.io/docs/prometheus/latest/querying/api, web/api/v1/api.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils.functional import cached_property
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from observability.access.authentication import TokenAuthentication
from observability.access.negotiation import OneForm
from observability.access.permissions import requires
from observability.access.recent_keys import RecentKeyAuthentication
from observability.access.scopes import Scope
from observability.metrics.parameters import parse_duration_ms, parse_timestamp_ms
from observability.metrics.program_lane import for_programs
from observability.metrics.prometheus_api.answers import encode
from observability.promql.errors import ExpressionTypeError, ParseError, PromQLError

log = structlog.get_logger(__name__)

_STATUS = {"bad_data": 400, "execution": 422, "timeout": 503, "canceled": 499}


class BadParameterError(Exception):
    """A parameter of the request is missing or cannot be understood."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f'invalid parameter "{name}": {message}')


def prometheus_error(kind: str, message: str, status: int) -> HttpResponse:
    """Return an error as Prometheus writes it."""
    body = {"status": "error", "errorType": kind, "error": message}
    return HttpResponse(encode(body), status=status, content_type="application/json")


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """Turn whatever a view of this API raises into Prometheus's form."""
    match error:
        case ParseError() | ExpressionTypeError():
            return prometheus_error("bad_data", f'invalid parameter "query": {error}', 400)
        case PromQLError():
            return prometheus_error(error.kind, str(error), _STATUS[error.kind])
        case BadParameterError():
            return prometheus_error("bad_data", str(error), 400)
        case APIException():
            kind = {401: "unauthorized", 403: "forbidden"}.get(error.status_code, "bad_data")
            response = prometheus_error(kind, str(error.detail), error.status_code)
            if authenticate := getattr(error, "auth_header", None):
                response["WWW-Authenticate"] = authenticate
            return response
        case OperationalError() | InterfaceError():
            log.warning("database unavailable", error=str(error))
            return prometheus_error(
                "unavailable", "the database is not available at the moment", 503
            )
        case _:
            log.error("query failed", exc_info=error)
            return prometheus_error(
                "internal", "the portal failed to answer; its log has the reason", 500
            )


class PrometheusRequest(Request):
    """A request of which views read many parameters; its form is read once."""

    @cached_property
    def POST(self) -> Any:  # type: ignore[override]  # noqa: N802 (an attribute in the stubs)
        """Return the posted form, an empty one for GET."""
        return QueryDict() if self.method in SAFE_METHODS else super().POST


class PrometheusView(APIView):
    """A view of Prometheus's API: parameters by GET or as a posted form, errors in its form."""

    permission_classes = [requires(read=Scope.METRICS_READ, write=Scope.METRICS_READ)]
    parser_classes = [FormParser, MultiPartParser]
    authentication_classes = [
        RecentKeyAuthentication,
        TokenAuthentication,
        SessionAuthentication,
    ]
    content_negotiation_class = OneForm

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:  # the stubs name a type of their own
        """Return the view, to which programs go a short way."""
        return for_programs(super().as_view(**initkwargs))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer a request as REST framework does, but for what has no use here.

        Its negotiation, versions and throttles take as long as a light query does.
        """
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        try:
            self.check_permissions(self.request)
            handler = self.http_method_not_allowed
            if request.method and request.method.lower() in self.http_method_names:
                handler = getattr(self, request.method.lower(), handler)
            return handler(self.request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 (what it cannot answer, it raises again)
            response = self.handle_exception(error)
            response["Allow"] = ", ".join(self.allowed_methods)
            return response

    def options(self, *_: Any, **__: Any) -> Any:  # the stubs name a type of their own
        """Tell which methods there are, without a body as Prometheus does."""
        return HttpResponse(status=204, headers={"Allow": ", ".join(self.allowed_methods)})

    def initialize_request(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> PrometheusRequest:
        """Return the request as views take it."""
        return PrometheusRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            parser_context=self.get_parser_context(request),
        )

    def get_exception_handler(self) -> Callable[..., Any]:
        """Answer errors as Prometheus does."""
        return exception_handler

    def parameter(self, request: Request, name: str) -> str:
        """Return a parameter from the form or else from the URL, '' when it is absent."""
        return str(request.POST.get(name) or request.query_params.get(name) or "")

    def time_ms(self, request: Request, name: str, default_ms: int | None = None) -> int:
        """Return a time parameter in milliseconds."""
        text = self.parameter(request, name)
        if not text and default_ms is not None:
            return default_ms
        try:
            return parse_timestamp_ms(text)
        except ValueError as error:
            # Prometheus says it twice where the parameter need not be there.
            twice = "" if default_ms is None else f"invalid time value for '{name}': "
            raise BadParameterError(name, f"{twice}{error}") from error

    def duration_ms(self, request: Request, name: str) -> int:
        """Return a duration parameter, in seconds or as `5m`, in milliseconds."""
        try:
            return parse_duration_ms(self.parameter(request, name))
        except ValueError as error:
            raise BadParameterError(name, str(error)) from error
