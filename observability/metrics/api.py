"""`/api/metrics`: record samples as JSON and read them back."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from observability.access.api_errors import ApiError
from observability.access.models import ApiKey
from observability.access.negotiation import OneForm
from observability.access.permissions import requires
from observability.access.scopes import Scope
from observability.metrics import reading
from observability.metrics.backend import get_backend
from observability.metrics.errors import (
    MetricsError,
    PartlyStoredError,
    RejectedLinesError,
    RejectedSamplesError,
    SeriesLimitError,
)
from observability.metrics.exposition import metrics_exposition
from observability.metrics.ingest.admission import sender_of
from observability.metrics.ingest.body import announced_bytes, body_parts, read_body, read_to_end
from observability.metrics.ingest.compression import decompress, decompressed_parts
from observability.metrics.ingest.disk_space import require_room
from observability.metrics.ingest.door import refusal_of
from observability.metrics.ingest.json_lines import MEDIA_TYPES, store_lines
from observability.metrics.ingest.json_samples import decode_samples
from observability.metrics.ingest.key_counters import count_samples, count_write
from observability.metrics.ingest.sender import Sender
from observability.metrics.instruments import SAMPLES_INGESTED, WRITES_REJECTED
from observability.metrics.json_numbers import json_number
from observability.metrics.parameters import parse_timestamp_ms
from observability.metrics.serializers import (
    AcceptedSerializer,
    SampleSerializer,
    SeriesPageSerializer,
)

PROTOCOL = "json"
DEFAULT_RANGE_MS = 3_600_000


@csrf_exempt
def metrics(request: HttpRequest) -> HttpResponseBase:
    """Answer `/api/metrics`: without a name, and where JSON is not asked for, it is an exposition."""
    wants_exposition = (
        request.method in ("GET", "HEAD")
        and "name" not in request.GET
        and "application/json" not in request.headers.get("Accept", "")
    )
    return metrics_exposition(request) if wants_exposition else MetricsView.as_view()(request)


class MetricsView(APIView):
    """Record samples; read the samples of one metric."""

    permission_classes = [requires(read=Scope.METRICS_READ, write=Scope.METRICS_WRITE)]
    content_negotiation_class = OneForm

    @extend_schema(
        request={
            "application/json": SampleSerializer(many=True),
            "application/x-ndjson": SampleSerializer,
        },
        responses={202: AcceptedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Store one sample, a list of them, or one a line; they are durable when this answers.

        A list is stored as a whole or not at all, lines batch by batch.
        """
        sender = (
            sender_of(request.auth)
            if isinstance(request.auth, ApiKey)
            else Sender(name=request.user.get_username())
        )
        count_write(sender, announced_bytes(request._request))
        try:
            accepted = _store(request._request, sender)
        except MetricsError as error:
            WRITES_REJECTED.labels(protocol=PROTOCOL).inc()
            _count_stored(error.accepted if isinstance(error, PartlyStoredError) else 0, sender)
            raise _as_api_error(error) from error
        _count_stored(accepted, sender)
        return Response({"accepted": accepted}, status=202)

    @extend_schema(
        parameters=[
            OpenApiParameter("name", str, required=True, description="The metric's name."),
            OpenApiParameter(
                "start", str, description="Unix seconds or ISO 8601; an hour before `end`."
            ),
            OpenApiParameter("end", str, description="Unix seconds or ISO 8601; now."),
            OpenApiParameter("label.<name>", str, description="Only series with this label value."),
            OpenApiParameter("page_size", int, description="Series a page, 1 to 1,000; 100."),
            OpenApiParameter("cursor", str, description="From `next`."),
        ],
        responses=SeriesPageSerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        """Return the samples of a metric in a time range, by series."""
        end_ms = _time_parameter(request, "end", int(time.time() * 1000))
        start_ms = _time_parameter(request, "start", end_ms - DEFAULT_RANGE_MS)
        if start_ms > end_ms:
            raise ValidationError({"start": "must not be after end"})
        name = request.query_params.get("name", "")
        if not name:
            raise ValidationError({"name": "give the name of a metric"})
        page = reading.read_metric(
            name=name,
            labels=_label_parameters(request.query_params),
            start_ms=start_ms,
            end_ms=end_ms,
            after_id=_whole_number(request, "cursor", 0, minimum=0, maximum=2**63 - 1),
            page_size=_whole_number(request, "page_size", 100, minimum=1, maximum=1000),
        )
        answer = {
            "results": [
                {
                    "name": name,
                    "labels": series.labels,
                    "type": page.type.value,
                    "samples": [[t / 1000, json_number(v)] for t, v in series.samples],
                }
                for series in page.series
            ],
            "next": _next_url(request, page.next_after_id),
        }
        return HttpResponse(msgspec.json.encode(answer), content_type="application/json")


def _store(request: HttpRequest, sender: Sender) -> int:
    """Store the samples of a body and return their number.

    It goes to a typed decoder past REST framework's parsers, which are too slow for it.
    """
    require_room()
    now_ms = int(time.time() * 1000)
    encoding = request.headers.get("Content-Encoding", "")
    if request.content_type in MEDIA_TYPES:
        parts = body_parts(request)
        try:
            return store_lines(decompressed_parts(parts, encoding), now_ms=now_ms, sender=sender)
        except PartlyStoredError:
            read_to_end(parts)
            raise
    body = decompress(read_body(request), encoding)
    samples = decode_samples(body, now_ms=now_ms, added_labels=sender.added_labels)
    return get_backend().append(samples, sender=sender)


def _count_stored(samples: int, sender: Sender) -> None:
    SAMPLES_INGESTED.labels(protocol=PROTOCOL).inc(samples)
    count_samples(sender, samples)


def _as_api_error(error: Exception, *, stored: str = "no sample was stored") -> ApiError:
    match error:
        case PartlyStoredError(cause=cause, accepted=accepted):
            if accepted:
                stored = f"only {accepted:,} samples before were stored"
            answer = _as_api_error(cause, stored=stored)
            answer.beside = {"accepted": accepted}
            return answer
        case RejectedSamplesError() | RejectedLinesError():
            details = [dataclasses.asdict(rejection) for rejection in error.rejections]
            return ApiError(422, f"{stored}: {error}", details=details)
        case SeriesLimitError(is_temporary=False):
            return ApiError(422, f"{stored}: {error}")
        case _:
            refusal = refusal_of(error)
            wait = refusal.headers.get("Retry-After")
            return ApiError(
                refusal.status, f"{stored}: {refusal.message}", wait=int(wait) if wait else None
            )


def _next_url(request: Request, after_id: int | None) -> str | None:
    if after_id is None:
        return None
    query = request.query_params.copy()
    query["cursor"] = str(after_id)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def _label_parameters(parameters: Mapping[str, str]) -> dict[str, str]:
    prefix = "label."
    return {
        key.removeprefix(prefix): value
        for key, value in parameters.items()
        if key.startswith(prefix)
    }


def _time_parameter(request: Request, name: str, default_ms: int) -> int:
    text = request.query_params.get(name)
    if not text:
        return default_ms
    try:
        return parse_timestamp_ms(text)
    except ValueError as error:
        raise ValidationError({name: str(error)}) from error


def _whole_number(request: Request, name: str, default: int, *, minimum: int, maximum: int) -> int:
    text = request.query_params.get(name, str(default))
    is_number = text.isdecimal() and len(text) <= len(str(maximum))
    if not is_number or not minimum <= int(text) <= maximum:
        raise ValidationError(
            {name: f"expected a whole number from {minimum} to {maximum}; got {text[:100]!r}"}
        )
    return int(text)
