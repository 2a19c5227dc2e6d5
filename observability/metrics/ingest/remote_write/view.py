"""`POST /api/v1/write`: the door for Prometheus and whoever speaks its remote write, 1.0 or 2.0.

Senders read answers as plain text, and repeat what is answered with 5xx or 429, nothing else.
"""

from __future__ import annotations

import time
from dataclasses import replace

from django.http import HttpRequest, HttpResponse

from observability.metrics.errors import UnsupportedMediaError
from observability.metrics.ingest.body import read_body
from observability.metrics.ingest.door import ingest_door, partial_refusal, plain_refusal
from observability.metrics.ingest.receipt import Receipt
from observability.metrics.ingest.remote_write.receiving import (
    PROTOCOL,
    read_v1,
    read_v2,
    receive,
)
from observability.metrics.ingest.sender import Sender
from observability.metrics.ingest.snappy import decompress

# Missing ones mean the same: senders before 1.0 of the specification left them out.
_MEDIA_TYPES = {"", "application/x-protobuf"}
_V2 = "io.prometheus.write.v2.Request"
_READERS = {"": read_v1, "prometheus.WriteRequest": read_v1, _V2: read_v2}
_ENCODINGS = {"", "snappy"}


@ingest_door(PROTOCOL)
def remote_write(request: HttpRequest, sender: Sender) -> HttpResponse:
    """Store the samples of a body; 204 once all are durable, 400 when some could not be taken."""
    message = _message(request)
    receipt = receive(
        decompress(read_body(request)),
        read=_READERS[message],
        now_ms=int(time.time() * 1000),
        sender=sender,
    )
    headers = _written(receipt) if message == _V2 else {}
    if receipt.refused:
        refusal = partial_refusal(receipt)
        return plain_refusal(replace(refusal, headers={**refusal.headers, **headers}))
    return HttpResponse(status=204, headers=headers)


def _written(receipt: Receipt) -> dict[str, str]:
    """Return how much was taken: senders of 2.0 hold what they are not told of for lost."""
    return {
        "X-Prometheus-Remote-Write-Samples-Written": str(receipt.stored),
        "X-Prometheus-Remote-Write-Histograms-Written": "0",
        "X-Prometheus-Remote-Write-Exemplars-Written": str(receipt.exemplars_stored),
    }


def _message(request: HttpRequest) -> str:
    """Return the name of the message that the body is.

    Raises:
        UnsupportedMediaError: It is another, or not compressed with snappy.
    """
    message = (request.content_params or {}).get("proto", "")
    if request.content_type not in _MEDIA_TYPES or message not in _READERS:
        raise UnsupportedMediaError(
            "the body must be application/x-protobuf: a prometheus.WriteRequest, or what"
            f" ;proto={_V2} names"
        )
    if request.META.get("HTTP_CONTENT_ENCODING", "").lower() not in _ENCODINGS:
        raise UnsupportedMediaError("the body must be compressed with snappy, in its block format")
    return message
