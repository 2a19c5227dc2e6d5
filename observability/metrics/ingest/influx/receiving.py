"""What is done with line protocol: what can be stored is, the rest is counted with its lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from observability.metrics.ingest.acceptance import TimeBounds, time_bounds
from observability.metrics.ingest.influx.lines import (
    MAX_FAULTS,
    LineFault,
    Points,
    line_number,
    read_lines,
)
from observability.metrics.ingest.influx.precision import Precision
from observability.metrics.ingest.influx.series import labels_of
from observability.metrics.ingest.intake import Incoming, take_in
from observability.metrics.ingest.receipt import Receipt
from observability.metrics.ingest.sender import Sender
from observability.metrics.ingest.series_labels import UnacceptableSeriesError, series_fault
from observability.metrics.instruments import INFLUX_TEXTS_SKIPPED

PROTOCOL = "influx"

# A body is stored in parts of about so many values, which bounds memory and transactions.
MAX_VALUES = 100_000


@dataclass(slots=True, kw_only=True)
class LinesReceipt(Receipt):
    """What became of the lines of a body.

    Attributes:
        faults: The first lines that were wrong, or held values that were refused.
        bad_line_count: How many lines were not line protocol.
    """

    faults: list[LineFault] = field(default_factory=list)
    bad_line_count: int = 0

    def fault(self) -> str:
        """Return in InfluxDB's manner what was refused and why, '' when nothing was."""
        if not self.refused and not self.bad_line_count:
            return ""
        named = sorted(set(self.faults))[:MAX_FAULTS]
        parts = [str(fault) for fault in named]
        # Limits and the like are no matter of a line.
        messages = {fault.message for fault in named}
        parts += [reason for reason in self.refused if reason not in messages][:MAX_FAULTS]
        counts = [f"stored {_counted(self.stored, 'value')}"]
        if self.refused:
            counts.append(f"refused {self.refused.total():,}")
        if self.bad_line_count:
            counts.append(f"could not read {_counted(self.bad_line_count, 'line')}")
        return f"partial write: {', '.join(counts)}; {'; '.join(parts)}"


def receive(body: bytes, precision: Precision, *, now_ms: int, sender: Sender) -> LinesReceipt:
    """Store the values of a body; they are durable when this returns.

    A long body is stored in several parts, one after the other.
    """
    receipt = LinesReceipt()
    for points in read_lines(body, precision, now_ms=now_ms, max_values=MAX_VALUES):
        _receive(points, body, receipt, now_ms=now_ms, sender=sender)
    return receipt


def _receive(
    points: Points, body: bytes, receipt: LinesReceipt, *, now_ms: int, sender: Sender
) -> None:
    asked: list[bytes] = []

    def decode(key: bytes) -> dict[str, str]:
        asked.append(key)
        return labels_of(key)

    part = take_in(
        Incoming(
            keys=points.keys,
            series=points.series,
            timestamps_ms=points.timestamps_ms,
            values=points.values,
            decode=decode,
        ),
        protocol=PROTOCOL,
        sender=sender,
        now_ms=now_ms,
    )
    INFLUX_TEXTS_SKIPPED.inc(points.text_count)
    receipt.stored += part.stored
    receipt.refused += part.refused
    receipt.is_throttled |= part.is_throttled
    receipt.bad_line_count += points.bad_line_count
    receipt.faults += points.faults
    if part.refused:
        receipt.faults += _refused_lines(points, body, asked, time_bounds(now_ms))


def _refused_lines(
    points: Points, body: bytes, asked: list[bytes], bounds: TimeBounds
) -> Iterator[LineFault]:
    """Yield the first line with each thing for which values were refused, as far as lines show it."""
    times = points.timestamps_ms
    for is_wrong in (times < bounds.oldest_ms, times > bounds.newest_ms):
        if is_wrong.any():
            first = int(is_wrong.argmax())
            fault = bounds.fault(int(times[first]))
            yield LineFault(line_number(body, int(points.offsets[first])), fault)
    places = {key: place for place, key in enumerate(points.keys)}
    for key, fault in islice(_faulty_series(asked), MAX_FAULTS):
        offsets = points.offsets[points.series == places[key]]
        if len(offsets):
            yield LineFault(line_number(body, int(offsets[0])), fault)


def _faulty_series(keys: list[bytes]) -> Iterator[tuple[bytes, str]]:
    for key in keys:
        try:
            fault = series_fault(labels_of(key))
        except UnacceptableSeriesError as error:
            fault = str(error)
        if fault:
            yield key, fault


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
