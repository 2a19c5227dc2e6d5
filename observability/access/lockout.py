"""What people and programs see after too many failed sign-ins."""

from __future__ import annotations

from typing import Any

from axes.helpers import get_cool_off
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from observability.access.api_errors import error_response


def lockout_response(
    request: HttpRequest, original_response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """Return a 429 in the form of the door that was knocked at."""
    seconds = int(get_cool_off(request).total_seconds())
    minutes = max(1, seconds // 60)
    message = f"Too many failed sign-ins. Try again in {minutes} minutes."
    response: HttpResponse
    if request.path.startswith("/api/"):
        response = error_response(429, message, code="locked_out")
    else:
        response = render(request, "access/locked_out.html", {"message": message}, status=429)
    response["Retry-After"] = str(seconds)
    return response
