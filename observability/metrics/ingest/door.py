"""The frame of the doors that programs write through: who may, which errors, in which form.

Plain views: REST framework's dispatch would cost as much as all the rest of a usual body.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from observability.access.authentication import CHALLENGE
from observability.metrics.errors import (
    BodyTooLargeError,
    CatalogueMovedError,
    DiskNearlyFullError,
    MetricsError,
    SeriesLimitError,
    UnsupportedMediaError,
)
from observability.metrics.ingest.admission import NotAdmittedError, admit_writer
from observability.metrics.ingest.body import announced_bytes
from observability.metrics.ingest.disk_space import require_room
from observability.metrics.ingest.key_counters import count_write
from observability.metrics.ingest.receipt import Receipt
from observability.metrics.instruments import WRITES_REJECTED
from observability.metrics.program_lane import for_programs

_RETRY_SECONDS = 5
# A sender that makes too many series may make more in the next minute.
_RETRY_SERIES_SECONDS = 60
_RETRY_DISK_SECONDS = 30

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a write was refused as a whole."""

    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


def plain_refusal(refusal: Refusal) -> HttpResponse:
    """Return a refusal as one line of text."""
    return HttpResponse(
        f"{refusal.message}\n",
        status=refusal.status,
        content_type="text/plain; charset=utf-8",
        headers=dict(refusal.headers),
    )


def partial_refusal(receipt: Receipt) -> Refusal:
    """Return what is told of a write of which a part was refused."""
    return Refusal(
        receipt.status,
        receipt.fault(),
        _retry(_RETRY_SERIES_SECONDS) if receipt.is_throttled else {},
    )


def ingest_door(
    protocol: str,
    *,
    methods: Sequence[str] = ("POST",),
    refuse: Callable[[Refusal], HttpResponse] = plain_refusal,
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Make `view(request, sender, **parameters)` a door: it is only asked for writers that may.

    Args:
        protocol: Under which refusals are counted.
        methods: The HTTP methods that it knows.
        refuse: Puts a refusal into the protocol's own form.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @csrf_exempt
        @functools.wraps(view)
        def door(request: HttpRequest, **parameters: Any) -> HttpResponse:
            # A connection that has died is answered with 503, which senders repeat: that costs
            # nothing, while to ask PostgreSQL for a sign of life costs as much as the insert itself.
            connection.health_check_done = True  # type: ignore[attr-defined]  # missing in the stubs
            if request.method not in methods:
                allowed = ", ".join(methods)
                return refuse(Refusal(405, f"use {allowed}", {"Allow": allowed}))
            try:
                sender = admit_writer(request)
                count_write(sender, announced_bytes(request))
                require_room()
                return view(request, sender, **parameters)
            except (
                NotAdmittedError,
                MetricsError,
                OperationalError,
                InterfaceError,
            ) as error:
                WRITES_REJECTED.labels(protocol=protocol).inc()
                return refuse(refusal_of(error))

        return for_programs(door)

    return decorate


def refusal_of(error: Exception) -> Refusal:
    """Return what is told of an error that ended a write."""
    match error:
        case NotAdmittedError():
            challenge = {"WWW-Authenticate": CHALLENGE} if error.status == 401 else {}
            return Refusal(error.status, str(error), challenge)
        case BodyTooLargeError():
            return Refusal(413, str(error))
        case UnsupportedMediaError():
            return Refusal(415, str(error))
        case SeriesLimitError(is_temporary=True):
            return Refusal(429, str(error), _retry(_RETRY_SERIES_SECONDS))
        case CatalogueMovedError():
            return Refusal(503, str(error), _retry(_RETRY_SECONDS))
        case DiskNearlyFullError():
            return Refusal(503, str(error), _retry(_RETRY_DISK_SECONDS))
        case MetricsError():
            return Refusal(400, str(error))
        case _:
            _logger.warning("database unavailable: %s", error)
            return Refusal(
                503, "the database is not available at the moment", _retry(_RETRY_SECONDS)
            )


def _retry(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}
