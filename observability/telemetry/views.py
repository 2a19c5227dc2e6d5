from __future__ import annotations

from typing import Any

from django.db import Error as DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from rest_framework.exceptions import APIException
from rest_framework.views import APIView

from observability.telemetry.health import Health, Status, run_checks


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """Answer that this process answers; nothing else is asked."""
    return JsonResponse({"status": Status.OK, "checks": {}})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Answer whether requests can be served: the critical checks."""
    return _answer(request, run_checks(critical_only=True))


@require_safe
@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """Answer how every part does."""
    return _answer(request, run_checks())


def _answer(request: HttpRequest, state: Health) -> JsonResponse:
    shows_details = _is_known(request)
    checks: dict[str, dict[str, Any]] = {}
    for name, result in state.checks.items():
        checks[name] = {"status": result.status}
        if shows_details:
            checks[name] |= {"message": result.message, "details": dict(result.details)}
    return JsonResponse(
        {"status": state.status, "checks": checks},
        status=503 if state.status is Status.FAILING else 200,
    )


def _is_known(request: HttpRequest) -> bool:
    """Say whether the caller may read messages, which name hosts and versions."""
    try:
        return APIView().initialize_request(request).user.is_authenticated
    except (APIException, DatabaseError):
        # Health is answered to anybody, above all while the database is away.
        return False
