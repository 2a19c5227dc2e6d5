"""`POST /api/v1/write`: the door for Prometheus and whoever speaks its remote write.

Senders read answers as plain text, and repeat what is answered with 5xx or 429, nothing else.
"""

from __future__ import annotations

import time

from django.http import HttpRequest, HttpResponse

from observability.metrics.errors import UnsupportedMediaError
from observability.metrics.ingest.body import read_body
from observability.metrics.ingest.door import Refusal, ingest_door, plain_refusal
from observability.metrics.ingest.remote_write.receiving import PROTOCOL, receive
from observability.metrics.ingest.sender import Sender
from observability.metrics.ingest.snappy import decompress

# Missing ones mean the same: senders before 1.0 of the specification left them out.
_MEDIA_TYPES = {"", "application/x-protobuf"}
_MESSAGES = {"", "prometheus.writerequest"}
_ENCODINGS = {"", "snappy"}


@ingest_door(PROTOCOL)
def remote_write(request: HttpRequest, sender: Sender) -> HttpResponse:
    """Store the samples of a body; 204 once all are durable, 400 when some could not be taken."""
    if fault := _media_fault(request):
        raise UnsupportedMediaError(fault)
    receipt = receive(decompress(read_body(request)), now_ms=int(time.time() * 1000), sender=sender)
    if fault := receipt.fault():
        return plain_refusal(Refusal(receipt.status, fault))
    return HttpResponse(status=204)


def _media_fault(request: HttpRequest) -> str:
    """Return what is wrong with the body's media type or encoding, '' when nothing is."""
    message = request.content_params.get("proto", "") if request.content_params else ""
    if request.content_type not in _MEDIA_TYPES or message.lower() not in _MESSAGES:
        return "the body must be application/x-protobuf, a prometheus.WriteRequest"
    if request.META.get("HTTP_CONTENT_ENCODING", "").lower() not in _ENCODINGS:
        return "the body must be compressed with snappy, in its block format"
    return ""
