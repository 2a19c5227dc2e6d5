"""One walk over the bytes of a remote-write 1.0 body: protobuf in, arrays out, in compiled code.

The message (prometheus/prometheus, prompb/remote.proto and types.proto) reads

    WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
    TimeSeries { repeated Label labels = 1; repeated Sample samples = 2;
                 repeated Exemplar exemplars = 3; repeated Histogram histograms = 4; }
    Sample { double value = 1; int64 timestamp = 2; }
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from observability.metrics.errors import BodyTooLargeError, MalformedBodyError
from observability.metrics.ingest.known_series import (
    Bytes,
    Ints,
    KnownSeries,
    Table,
    find,
    load_word,
)

# Far above what senders put together (Prometheus: 2,000); bounds the memory of a hostile body.
MAX_SAMPLES = 1_000_000

_DONE, _MALFORMED, _TOO_MANY, _SCATTERED = range(4)
_EXEMPLARS, _HISTOGRAMS, _METADATA = range(3)
_SERIES, _SAMPLES = range(2)

# A field's tag: its number times eight, plus its wire type (1: eight bytes, 2: a length and so many bytes).
_SERIES_TAG, _METADATA_TAG = 1 << 3 | 2, 3 << 3 | 2
_LABEL_TAG, _SAMPLE_TAG, _EXEMPLAR_TAG, _HISTOGRAM_TAG = (n << 3 | 2 for n in (1, 2, 3, 4))
_VALUE_TAG, _TIMESTAMP_TAG = 1 << 3 | 1, 2 << 3


class ScatteredLabelsError(Exception):
    """The labels of a series do not stand together; allowed, but no known sender does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What a body holds. Series without samples are left out.

    Attributes:
        starts: int64, where the labels of each series begin.
        ends: int64, where they end.
        ids: int64, the series when the process knows it, -1 otherwise.
        series: int64, for each sample the place of its series in `ids`.
        timestamps_ms: int64, for each sample.
        values: float64, for each sample, bit for bit.
        exemplar_count: How many exemplars there are.
        histogram_count: How many native histograms.
        metadata_count: How many statements about metrics.
    """

    starts: Ints
    ends: Ints
    ids: Ints
    series: Ints
    timestamps_ms: Ints
    values: NDArray[np.float64]
    exemplar_count: int
    histogram_count: int
    metadata_count: int


def walk(data: Bytes, realm: int, known: KnownSeries) -> Walked:
    """Return what `data` holds.

    Raises:
        MalformedBodyError: It is not a WriteRequest.
        BodyTooLargeError: It has more than MAX_SAMPLES samples.
        ScatteredLabelsError: The labels of a series do not stand together.
    """
    # No sample takes less than two bytes. What is not touched of these arrays costs no memory.
    room = min(len(data) // 2, MAX_SAMPLES)
    starts, ends, ids, series, timestamps_ms = (np.empty(room, np.int64) for _ in range(5))
    bits = np.empty(room, np.uint64)
    counts, others = np.zeros(2, np.int64), np.zeros(3, np.int64)
    with known.lock:
        outcome = _walk(
            data, realm, known.table, starts, ends, ids, series, timestamps_ms, bits, counts, others
        )
    if outcome == _MALFORMED:
        raise MalformedBodyError("the body is not a protobuf message of remote write 1.0")
    if outcome == _TOO_MANY:
        raise BodyTooLargeError(MAX_SAMPLES, what="samples")
    if outcome == _SCATTERED:
        raise ScatteredLabelsError
    series_count, sample_count = counts.tolist()
    return Walked(
        starts=starts[:series_count],
        ends=ends[:series_count],
        ids=ids[:series_count],
        series=series[:sample_count],
        timestamps_ms=timestamps_ms[:sample_count],
        values=bits[:sample_count].view(np.float64),
        exemplar_count=int(others[_EXEMPLARS]),
        histogram_count=int(others[_HISTOGRAMS]),
        metadata_count=int(others[_METADATA]),
    )


def warm_up() -> None:
    """Load the compiled code, or compile it when no earlier process has; takes seconds then.

    For the start of a process, so that no request waits for it.
    """
    known = KnownSeries()
    body = np.frombuffer(b"\x0a\x04\x0a\x00\x12\x00", np.uint8)
    for _ in range(2):
        walked = walk(body, 0, known)
        known.add(body, 0, walked.starts, walked.ends, np.zeros(1, np.int64))
    known.grow()


@njit(nogil=True, cache=True)
def _walk(
    data: Bytes,
    realm: int,
    table: Table,
    starts: Ints,
    ends: Ints,
    ids: Ints,
    series: Ints,
    timestamps_ms: Ints,
    bits: NDArray[np.uint64],
    counts: Ints,
    others: Ints,
) -> int:
    at, end = 0, len(data)
    series_count = sample_count = 0
    while at < end:
        tag, inside, after = _field(data, at, end)
        if after < 0 or (tag < 32 and tag & 7 != 2 and tag >> 3 != 2):
            return _MALFORMED
        at = after
        if tag == _METADATA_TAG:
            others[_METADATA] += 1
        if tag != _SERIES_TAG:
            continue
        label_start = label_end = -1
        first_sample = sample_count
        while inside < after:
            field_start = inside
            tag, field, inside = _field(data, inside, after)
            if inside < 0 or (tag < 40 and tag & 7 != 2):
                return _MALFORMED
            if tag == _LABEL_TAG:
                if label_end < 0:
                    label_start = field_start
                elif label_end != field_start:
                    return _SCATTERED
                label_end = inside
            elif tag == _SAMPLE_TAG:
                if sample_count == len(bits):
                    return _TOO_MANY
                value, timestamp_ms, is_right = _sample(data, field, inside)
                if not is_right:
                    return _MALFORMED
                series[sample_count] = series_count
                timestamps_ms[sample_count] = timestamp_ms
                bits[sample_count] = value
                sample_count += 1
            elif tag == _EXEMPLAR_TAG:
                others[_EXEMPLARS] += 1
            elif tag == _HISTOGRAM_TAG:
                others[_HISTOGRAMS] += 1
        if sample_count > first_sample:
            if label_start < 0:
                label_start = label_end = after
            entry, _ = find(table, data, realm, label_start, label_end)
            starts[series_count] = label_start
            ends[series_count] = label_end
            ids[series_count] = table.ids[entry] if entry >= 0 else -1
            series_count += 1
    counts[_SERIES] = series_count
    counts[_SAMPLES] = sample_count
    return _DONE


@njit(nogil=True, cache=True)
def _sample(data: Bytes, at: int, end: int) -> Any:
    """Return the bits and the time of a Sample, and whether it is one; fields that are zero may be missing."""
    value = np.uint64(0)
    timestamp_ms = np.int64(0)
    while at < end:
        tag, inside, at = _field(data, at, end)
        if at < 0:
            return value, timestamp_ms, False
        if tag == _VALUE_TAG:
            value = load_word(data, inside)
        elif tag == _TIMESTAMP_TAG:
            number, _ = _varint(data, inside, at)
            timestamp_ms = np.int64(number)
        elif tag < 24:
            return value, timestamp_ms, False
    return value, timestamp_ms, True


@njit(nogil=True, cache=True)
def _field(data: Bytes, at: int, end: int) -> Any:
    """Return a field's tag, where its content begins and where it ends; -1 for the end of a broken one."""
    number, at = _varint(data, at, end)
    # Field numbers end at 2**29 - 1, and begin at 1.
    if at < 0 or number < 8 or number >= 1 << 32:
        return 0, at, -1
    tag = np.int64(number)
    wire = tag & 7
    if wire == 0:
        _, after = _varint(data, at, end)
        return tag, at, after
    if wire == 1:
        return tag, at, at + 8 if at + 8 <= end else -1
    if wire == 5:
        return tag, at, at + 4 if at + 4 <= end else -1
    if wire != 2:
        return tag, at, -1
    size, at = _varint(data, at, end)
    if at < 0 or size > np.uint64(end - at):
        return tag, at, -1
    return tag, at, at + np.int64(size)


@njit(nogil=True, cache=True)
def _varint(data: Bytes, at: int, end: int) -> Any:
    """Return a variable-length number and where it ends, -1 when it does not."""
    value = np.uint64(0)
    shift = np.uint64(0)
    while at < end and shift < 64:
        byte = np.uint64(data[at])
        at += 1
        value |= (byte & np.uint64(0x7F)) << shift
        if byte < 0x80:
            return value, at
        shift += np.uint64(7)
    return value, -1
