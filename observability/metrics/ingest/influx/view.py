"""`POST /api/v2/write` and `POST /influx/write`: the doors for Telegraf and InfluxDB's clients.

The second is InfluxDB 1's `/write` below a path of its own. Errors are in the JSON of the
respective version; Telegraf drops what is answered with 400 and repeats what is answered with
429 or 5xx.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from observability.metrics.ingest.body import read_body
from observability.metrics.ingest.compression import decompress
from observability.metrics.ingest.door import Refusal, ingest_door, partial_refusal
from observability.metrics.ingest.influx.precision import precision_of
from observability.metrics.ingest.influx.receiving import PROTOCOL, receive
from observability.metrics.ingest.sender import Sender

# The version of the protocol that is spoken: clients look at it before they write.
_VERSION = {"X-Influxdb-Version": "v2.7"}
_CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    405: "method not allowed",
    413: "request too large",
    415: "unsupported media type",
    429: "too many requests",
    503: "unavailable",
}

View = Callable[..., HttpResponse]


def refusal_v2(refusal: Refusal) -> HttpResponse:
    """Return a refusal as InfluxDB 2 writes it."""
    body = {"code": _CODES.get(refusal.status, "internal error"), "message": refusal.message}
    return JsonResponse(body, status=refusal.status, headers={**_VERSION, **refusal.headers})


def refusal_v1(refusal: Refusal) -> HttpResponse:
    """Return a refusal as InfluxDB 1 writes it."""
    body = {"error": refusal.message}
    return JsonResponse(body, status=refusal.status, headers={**_VERSION, **refusal.headers})


def takes_key_from_query(view: View) -> View:
    """Let a request bring its key as InfluxDB 1 has passwords: `?u=<any name>&p=<key>`."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, **parameters: Any) -> HttpResponse:
        if "HTTP_AUTHORIZATION" not in request.META and (key := request.GET.get("p")):
            request.META["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        return view(request, **parameters)

    return wrapped


@ingest_door(PROTOCOL, refuse=refusal_v2)
def write_v2(request: HttpRequest, sender: Sender) -> HttpResponse:
    """Store line protocol; 204 once all is durable, 400 when some lines could not be taken."""
    return _write(request, sender, refusal_v2)


@takes_key_from_query
@ingest_door(PROTOCOL, refuse=refusal_v1)
def write_v1(request: HttpRequest, sender: Sender) -> HttpResponse:
    """Store line protocol for clients of InfluxDB 1."""
    return _write(request, sender, refusal_v1)


def _write(
    request: HttpRequest, sender: Sender, refuse: Callable[[Refusal], HttpResponse]
) -> HttpResponse:
    precision = precision_of(request.GET.get("precision", ""))
    body = decompress(read_body(request), request.META.get("HTTP_CONTENT_ENCODING", ""))
    receipt = receive(body, precision, now_ms=int(time.time() * 1000), sender=sender)
    if receipt.fault():
        return refuse(partial_refusal(receipt))
    return HttpResponse(status=204, headers=_VERSION)
