"""NDJSON: one sample a line, in bodies of any length that are stored batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db import InterfaceError, OperationalError

from observability.metrics.backend import get_backend
from observability.metrics.errors import (
    LineRejection,
    MetricsError,
    PartlyStoredError,
    RejectedLinesError,
    RejectedSamplesError,
)
from observability.metrics.ingest.json_samples import decode_lines
from observability.metrics.ingest.sender import Sender
from observability.metrics.samples import SampleBatch

MEDIA_TYPES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
MAX_BATCH_LINES = 10_000
MAX_LINE_BYTES = 1024 * 1024
# A batch of long lines ends when they add up to this.
_MAX_BATCH_BYTES = 8 * MAX_LINE_BYTES

NumberedLine = tuple[int, bytes]
"""A line and its number, from 1."""


def store_lines(parts: Iterable[bytes], *, now_ms: int, sender: Sender) -> int:
    """Store the samples of all lines and return their number; at most one batch is in memory.

    Each batch is durable before the next is read; the first that cannot be stored ends the write.

    Args:
        parts: The body, in parts that need not end where lines do.
        now_ms: The time for samples that bring none, and to judge those that do.
        sender: Who sent it.

    Raises:
        PartlyStoredError: A batch could not be stored; those before it were.
    """
    accepted = 0
    try:
        for batch in _batches(_lines(parts)):
            samples = _decode(batch, now_ms=now_ms, sender=sender)
            accepted += get_backend().append(samples, sender=sender)
    except (MetricsError, OperationalError, InterfaceError) as error:
        raise PartlyStoredError(error, accepted=accepted) from error
    return accepted


def _lines(parts: Iterable[bytes]) -> Iterator[NumberedLine]:
    """Yield the lines that are not blank."""
    rest = b""
    number = 0
    for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            number += 1
            _check_length(number, line)
            if line.strip():
                yield number, line
        _check_length(number + 1, rest)
    if rest.strip():
        yield number + 1, rest


def _check_length(number: int, line: bytes) -> None:
    if len(line) > MAX_LINE_BYTES:
        message = f"a line has at most {MAX_LINE_BYTES:,} bytes"
        raise RejectedLinesError([LineRejection(line=number, field="", message=message)])


def _batches(lines: Iterable[NumberedLine]) -> Iterator[list[NumberedLine]]:
    batch: list[NumberedLine] = []
    size = 0
    for number, line in lines:
        batch.append((number, line))
        size += len(line)
        if len(batch) == MAX_BATCH_LINES or size >= _MAX_BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _decode(batch: list[NumberedLine], *, now_ms: int, sender: Sender) -> SampleBatch:
    lines = [line for _, line in batch]
    try:
        return decode_lines(lines, now_ms=now_ms, added_labels=sender.added_labels)
    except RejectedSamplesError as error:
        raise RejectedLinesError(
            [
                LineRejection(line=batch[r.index][0], field=r.field, message=r.message)
                for r in error.rejections
            ]
        ) from error
