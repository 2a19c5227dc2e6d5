"""`POST /api/v1/otlp/v1/metrics` and `POST /v1/metrics`: the door for OpenTelemetry.

Answers are in the media type of the request. Data points that cannot be taken are told in a partial
success, after which senders go on; they repeat what is answered with 429 or 503.

Source: opentelemetry-proto, docs/specification.md, "OTLP/HTTP".
"""

from __future__ import annotations

import time

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)

from observability.metrics.errors import SeriesLimitError, UnsupportedMediaError
from observability.metrics.ingest.body import max_body_bytes, read_body
from observability.metrics.ingest.compression import decompress
from observability.metrics.ingest.door import Refusal, ingest_door
from observability.metrics.ingest.otlp.media import Media
from observability.metrics.ingest.otlp.receiving import PROTOCOL, Outcome, receive
from observability.metrics.ingest.sender import Sender
from observability.metrics.program_lane import for_programs


@csrf_exempt
@for_programs
def otlp_metrics(request: HttpRequest) -> HttpResponse:
    """Store the data points of a body; 200 once all that can be taken are durable."""
    is_protobuf = request.content_type == Media.PROTOBUF
    return _protobuf_door(request) if is_protobuf else _json_door(request)


def _take(request: HttpRequest, sender: Sender) -> HttpResponse:
    try:
        media = Media(request.content_type or "")
    except ValueError as error:
        raise UnsupportedMediaError(f"the body must be {Media.PROTOBUF} or {Media.JSON}") from error
    body = decompress(
        read_body(request, max_bytes=min(media.max_bytes, max_body_bytes())),
        request.META.get("HTTP_CONTENT_ENCODING", ""),
        max_bytes=media.max_bytes,
    )
    outcome = receive(media.read(body), now_ms=int(time.time() * 1000), sender=sender)
    if outcome.is_throttled:
        raise SeriesLimitError(outcome.message, is_temporary=True)
    return HttpResponse(media.write(_response(outcome)), content_type=media.value)


def _response(outcome: Outcome) -> ExportMetricsServiceResponse:
    if not outcome.message:
        return ExportMetricsServiceResponse()
    return ExportMetricsServiceResponse(
        partial_success=ExportMetricsPartialSuccess(
            rejected_data_points=outcome.rejected, error_message=outcome.message
        )
    )


def _refuse_in(media: Media, refusal: Refusal) -> HttpResponse:
    return HttpResponse(
        media.status(refusal.message),
        status=refusal.status,
        content_type=media.value,
        headers=dict(refusal.headers),
    )


_protobuf_door = ingest_door(PROTOCOL, refuse=lambda refusal: _refuse_in(Media.PROTOBUF, refusal))(
    _take
)
_json_door = ingest_door(PROTOCOL, refuse=lambda refusal: _refuse_in(Media.JSON, refusal))(_take)
