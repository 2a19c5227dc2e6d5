"""How many messages a body holds, counted before any of them is built.

An empty message takes two bytes of a body and a hundred of memory, so a body of a few megabytes
could take all that a machine has. The walk over the bytes takes no memory at all.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from google.protobuf.descriptor import Descriptor
from numba import njit
from numpy.typing import NDArray
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from observability.metrics.errors import BodyTooLargeError, MalformedBodyError
from observability.metrics.ingest.known_series import Bytes
from observability.metrics.ingest.remote_write.wire import read_field

# A data point with five attributes is eleven: about 90,000 points, ten times what collectors
# put together.
MAX_MESSAGES = 1_000_000
# As deep as protobuf's own decoder goes.
_MAX_DEPTH = 100

_MALFORMED, _TOO_MANY = -1, -2


def check_message_count(body: bytes) -> None:
    """Refuse the body of an ExportMetricsServiceRequest that would take too much memory.

    Raises:
        MalformedBodyError: It is not protobuf.
        BodyTooLargeError: It has more than MAX_MESSAGES messages.
    """
    count = _count(np.frombuffer(body, np.uint8), _SCHEMA, MAX_MESSAGES)
    if count == _TOO_MANY:
        raise BodyTooLargeError(MAX_MESSAGES, what="messages")
    if count == _MALFORMED:
        raise MalformedBodyError("the body is not a protobuf message of OTLP metrics")


def warm_up() -> None:
    """Load the compiled code, or compile it when no earlier process has; takes a second then."""
    check_message_count(b"\x0a\x00")


def _schema(root: Descriptor) -> NDArray[np.int64]:
    """Return a table of kinds of messages: in row `kind`, column `field`, the kind of what it holds.

    The kinds are numbers from 1, of which the root has the first; 0 stands for no message.
    """
    kinds = list(dict.fromkeys(_descriptors(root, set())))
    width = 1 + max(field.number for kind in kinds for field in kind.fields)
    schema = np.zeros((len(kinds) + 1, width), np.int64)
    for number, kind in enumerate(kinds, 1):
        for field in kind.fields:
            if field.message_type:
                schema[number, field.number] = 1 + kinds.index(field.message_type)
    return schema


def _descriptors(kind: Descriptor, seen: set[str]) -> Iterator[Descriptor]:
    seen.add(kind.full_name)
    yield kind
    for field in kind.fields:
        if field.message_type and field.message_type.full_name not in seen:
            yield from _descriptors(field.message_type, seen)


_SCHEMA = _schema(ExportMetricsServiceRequest.DESCRIPTOR)


@njit(nogil=True, cache=True)
def _count(data: Bytes, schema: NDArray[np.int64], most: int) -> int:
    # The messages around the place where the walk is: where each ends, and its kind.
    ends, kinds = np.empty(_MAX_DEPTH, np.int64), np.empty(_MAX_DEPTH, np.int64)
    ends[0], kinds[0] = len(data), 1
    depth = count = at = 0
    while depth >= 0:
        if at == ends[depth]:
            depth -= 1
            continue
        tag, inside, after = read_field(data, at, ends[depth])
        if after < 0:
            return _MALFORMED
        field = tag >> 3
        kind = schema[kinds[depth], field] if tag & 7 == 2 and field < schema.shape[1] else 0
        at = inside if kind else after
        if kind:
            count += 1
            depth += 1
            if count > most:
                return _TOO_MANY
            if depth == _MAX_DEPTH:
                return _MALFORMED
            ends[depth], kinds[depth] = after, kind
    return count
