"""The two forms in which OTLP/HTTP writes its messages: protobuf and JSON."""

from __future__ import annotations

import base64
import json
from enum import StrEnum
from typing import Any

from google.protobuf.json_format import MessageToJson, ParseDict, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from observability.metrics.errors import BodyTooLargeError, MalformedBodyError
from observability.metrics.ingest.otlp.message_count import check_message_count
from observability.metrics.ingest.protobuf import field

# Of a body, no longer compressed.
MAX_PROTOBUF_BYTES = 16 * 1024 * 1024
MAX_JSON_BYTES = 8 * 1024 * 1024
# Objects and lists of a JSON body. Each takes about 300 bytes of memory: about 20,000 points.
MAX_JSON_VALUES = 250_000


class Media(StrEnum):
    """The media type of a request, and so of its answer."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"

    @property
    def max_bytes(self) -> int:
        """Return how large a body may be once it is no longer compressed."""
        return MAX_JSON_BYTES if self is Media.JSON else MAX_PROTOBUF_BYTES

    def read(self, body: bytes) -> ExportMetricsServiceRequest:
        """Return the message that a body is; what this version of OTLP does not know is left out.

        Raises:
            MalformedBodyError: It is not such a message.
            BodyTooLargeError: It would take too much memory.
        """
        if self is Media.JSON:
            return _from_json(body)
        check_message_count(body)
        try:
            request = ExportMetricsServiceRequest.FromString(body)
        except DecodeError as error:
            raise MalformedBodyError(
                "the body is not a protobuf message of OTLP metrics, or not all of its text is UTF-8"
            ) from error
        request.DiscardUnknownFields()
        return request

    def write(self, response: ExportMetricsServiceResponse) -> bytes:
        """Return an answer in this form."""
        if self is Media.JSON:
            return MessageToJson(response, indent=None).encode()
        return response.SerializeToString()

    def status(self, message: str) -> bytes:
        """Return a google.rpc.Status in this form; OTLP makes no use of its code."""
        if self is Media.JSON:
            return json.dumps({"message": message}).encode()
        return field(2, message.encode(errors="replace"))


def _from_json(body: bytes) -> ExportMetricsServiceRequest:
    if body.count(b"{") + body.count(b"[") > MAX_JSON_VALUES:
        raise BodyTooLargeError(MAX_JSON_VALUES, what="JSON objects and lists")
    try:
        content = json.loads(body, object_hook=_with_trace_ids)
        if not isinstance(content, dict):
            raise MalformedBodyError("the body must be a JSON object with `resourceMetrics`")
        return ParseDict(content, ExportMetricsServiceRequest(), ignore_unknown_fields=True)
    except RecursionError as error:
        raise MalformedBodyError("the body is nested too deeply") from error
    except (ValueError, TypeError, AttributeError, ParseError) as error:
        raise MalformedBodyError(f"the body is not OTLP metrics in JSON: {error}"[:500]) from error


def _with_trace_ids(content: dict[str, Any]) -> dict[str, Any]:
    """Turn what OTLP writes in hexadecimal into protobuf's base64; only exemplars have it."""
    for name in ("traceId", "spanId"):
        if name not in content:
            continue
        try:
            content[name] = base64.b64encode(bytes.fromhex(content[name])).decode()
        except (TypeError, ValueError):
            del content[name]
    return content
