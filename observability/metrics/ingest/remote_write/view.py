"""`POST /api/v1/write`: the door for Prometheus and whoever speaks its remote write.

A plain view: REST framework's dispatch would cost as much as all the rest of a usual body.
Senders read answers as plain text, and repeat what is answered with 5xx or 429, nothing else.
"""

from __future__ import annotations

import logging
import time

from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from observability.access.authentication import CHALLENGE
from observability.metrics.errors import BodyTooLargeError, MalformedBodyError
from observability.metrics.ingest.admission import NotAdmittedError, admit_writer
from observability.metrics.ingest.body import read_body
from observability.metrics.ingest.remote_write.receiving import Receipt, receive
from observability.metrics.ingest.snappy import decompress
from observability.metrics.instruments import (
    EXEMPLARS_DROPPED,
    SAMPLES_INGESTED,
    SAMPLES_REFUSED,
    WRITES_REJECTED,
)

PROTOCOL = "remote_write"

# Missing ones mean the same: senders before 1.0 of the specification left them out.
_MEDIA_TYPES = {"", "application/x-protobuf"}
_MESSAGES = {"", "prometheus.writerequest"}
_ENCODINGS = {"", "snappy"}

_logger = logging.getLogger(__name__)
_stored = SAMPLES_INGESTED.labels(protocol=PROTOCOL)


@csrf_exempt
def remote_write(request: HttpRequest) -> HttpResponse:
    """Store the samples of a body; 204 once all are durable, 400 when some could not be taken."""
    if request.method != "POST":
        return HttpResponse("use POST\n", status=405, headers={"Allow": "POST"})
    # A connection that has died is answered with 503, which senders repeat: that costs nothing,
    # while to ask PostgreSQL for a sign of life costs as much as the insert itself.
    connection.health_check_done = True  # type: ignore[attr-defined]  # missing in the stubs
    try:
        added_labels = admit_writer(request)
        if fault := _media_fault(request):
            return _refusal(415, fault)
        receipt = receive(
            decompress(read_body(request)),
            now_ms=int(time.time() * 1000),
            added_labels=added_labels,
        )
    except NotAdmittedError as error:
        challenge = {"WWW-Authenticate": CHALLENGE} if error.status == 401 else {}
        return _refusal(error.status, str(error), headers=challenge)
    except BodyTooLargeError as error:
        return _refusal(413, str(error))
    except MalformedBodyError as error:
        return _refusal(400, str(error))
    except (OperationalError, InterfaceError) as error:
        _logger.warning("database unavailable: %s", error)
        return _refusal(
            503, "the database is not available at the moment", headers={"Retry-After": "5"}
        )
    return _answer(receipt)


def _answer(receipt: Receipt) -> HttpResponse:
    _stored.inc(receipt.stored)
    if receipt.exemplar_count:
        EXEMPLARS_DROPPED.labels(protocol=PROTOCOL).inc(receipt.exemplar_count)
    if fault := receipt.fault():
        SAMPLES_REFUSED.labels(protocol=PROTOCOL).inc(receipt.refused.total())
        return _refusal(400, fault)
    return HttpResponse(status=204)


def _refusal(status: int, message: str, *, headers: dict[str, str] | None = None) -> HttpResponse:
    WRITES_REJECTED.labels(protocol=PROTOCOL).inc()
    return HttpResponse(
        f"{message}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers
    )


def _media_fault(request: HttpRequest) -> str:
    """Return what is wrong with the body's media type or encoding, '' when nothing is."""
    message = request.content_params.get("proto", "") if request.content_params else ""
    if request.content_type not in _MEDIA_TYPES or message.lower() not in _MESSAGES:
        return "the body must be application/x-protobuf, a prometheus.WriteRequest"
    if request.META.get("HTTP_CONTENT_ENCODING", "").lower() not in _ENCODINGS:
        return "the body must be compressed with snappy, in its block format"
    return ""
