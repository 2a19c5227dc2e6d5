"""One walk over the bytes of a remote-write 1.0 body: protobuf in, arrays out, in compiled code.

The message (prometheus/prometheus, prompb/remote.proto and types.proto) reads

    WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
    TimeSeries { repeated Label labels = 1; repeated Sample samples = 2;
                 repeated Exemplar exemplars = 3; repeated Histogram histograms = 4; }
    Sample { double value = 1; int64 timestamp = 2; }
"""

from __future__ import annotations

from dataclasses import dataclass

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
)
from observability.metrics.ingest.remote_write.exemplars import (
    END,
    KEY_END,
    KEY_START,
    SERIES_ID,
    START,
    FoundExemplars,
    labels_of_v1,
    room_for_exemplars,
)
from observability.metrics.ingest.remote_write.wire import read_field, read_sample

# Far above what senders put together (Prometheus: 2,000); bounds the memory of a hostile body.
MAX_SAMPLES = 1_000_000
# The same (Prometheus: 2,000) for the time that recording them takes.
MAX_STATEMENTS = 20_000

_DONE, _MALFORMED, _TOO_MANY, _SCATTERED = range(4)
_EXEMPLARS, _HISTOGRAMS, _METADATA = range(3)
_SERIES, _SAMPLES, _NOTED = range(3)

# A field's tag: its number times eight, plus its wire type (1: eight bytes, 2: a length and so many bytes).
_SERIES_TAG, _METADATA_TAG = 1 << 3 | 2, 3 << 3 | 2
_LABEL_TAG, _SAMPLE_TAG, _EXEMPLAR_TAG, _HISTOGRAM_TAG = (n << 3 | 2 for n in (1, 2, 3, 4))

# Nothing of 1.0 has these numbers: whoever calls a message of 2.0 one of 1.0 is told, and loses nothing.
_FIELDS_OF_V2 = (4, 5)


class ScatteredLabelsError(Exception):
    """The labels of a series do not stand together; allowed, but no known sender does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The metrics that a body makes news of.

    Attributes:
        names: The bytes in which their names stand.
        starts: int64, where in `names` each begins.
        ends: int64, where it ends.
        series: int64, the place of a series of each.
        hashes: int64, one of what is said about each.
    """

    names: Bytes
    starts: Ints
    ends: Ints
    series: Ints
    hashes: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What a body holds. Series without samples are left out.

    Attributes:
        keys: The bytes in which the labels of the series stand, as 1.0 writes them.
        starts: int64, where in `keys` the labels of each series begin.
        ends: int64, where they end.
        ids: int64, the series when the process knows it, -1 otherwise.
        series: int64, for each sample the place of its series in `ids`.
        timestamps_ms: int64, for each sample.
        values: float64, for each sample, bit for bit.
        exemplars: Those that there are, also of series without samples.
        histogram_count: How many native histograms.
        statements: A message of 1.0 that says something about metrics; empty for nothing.
        stated: What of it is worth remembering, when it is.
    """

    keys: Bytes
    starts: Ints
    ends: Ints
    ids: Ints
    series: Ints
    timestamps_ms: Ints
    values: NDArray[np.float64]
    exemplars: FoundExemplars
    histogram_count: int
    statements: Bytes
    stated: Stated | None = None


def walk(data: Bytes, realm: int, known: KnownSeries) -> Walked:
    """Return what `data` holds.

    Raises:
        MalformedBodyError: It is not a WriteRequest.
        BodyTooLargeError: It has too many samples or statements about metrics.
        ScatteredLabelsError: The labels of a series do not stand together.
    """
    # No sample takes less than two bytes. What is not touched of these arrays costs no memory.
    room = min(len(data) // 2, MAX_SAMPLES)
    starts, ends, ids, series, timestamps_ms = (np.empty(room, np.int64) for _ in range(5))
    bits = np.empty(room, np.uint64)
    exemplars = room_for_exemplars(len(data))
    counts, others = np.zeros(3, np.int64), np.zeros(3, np.int64)
    with known.lock:
        outcome = _walk(
            data, realm, known.table, starts, ends, ids, series, timestamps_ms, bits, exemplars,
            counts, others,
        )  # fmt: skip
    if outcome == _MALFORMED:
        raise MalformedBodyError("the body is not a protobuf message of remote write 1.0")
    if outcome == _TOO_MANY:
        raise BodyTooLargeError(MAX_SAMPLES, what="samples")
    if others[_METADATA] > MAX_STATEMENTS:
        raise BodyTooLargeError(MAX_STATEMENTS, what="statements about metrics")
    if outcome == _SCATTERED:
        raise ScatteredLabelsError
    series_count, sample_count, noted_count = counts.tolist()
    return Walked(
        keys=data,
        starts=starts[:series_count],
        ends=ends[:series_count],
        ids=ids[:series_count],
        series=series[:sample_count],
        timestamps_ms=timestamps_ms[:sample_count],
        values=bits[:sample_count].view(np.float64),
        exemplars=FoundExemplars(
            data=data,
            keys=data,
            rows=exemplars[:noted_count],
            count=int(others[_EXEMPLARS]),
            decode_labels=labels_of_v1,
        ),
        histogram_count=int(others[_HISTOGRAMS]),
        statements=data if others[_METADATA] else data[:0],
    )


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
    exemplars: Ints,
    counts: Ints,
    others: Ints,
) -> int:
    at, end = 0, len(data)
    series_count = sample_count = noted_count = 0
    while at < end:
        tag, inside, after = read_field(data, at, end)
        if after < 0 or (tag < 32 and tag & 7 != 2 and tag >> 3 != 2) or tag >> 3 in _FIELDS_OF_V2:
            return _MALFORMED
        at = after
        if tag == _METADATA_TAG:
            others[_METADATA] += 1
        if tag != _SERIES_TAG:
            continue
        label_start = label_end = -1
        first_sample, first_noted = sample_count, noted_count
        while inside < after:
            field_start = inside
            tag, field, inside = read_field(data, inside, after)
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
                value, timestamp_ms, is_right = read_sample(data, field, inside)
                if not is_right:
                    return _MALFORMED
                series[sample_count] = series_count
                timestamps_ms[sample_count] = timestamp_ms
                bits[sample_count] = value
                sample_count += 1
            elif tag == _EXEMPLAR_TAG:
                others[_EXEMPLARS] += 1
                if noted_count < len(exemplars):
                    exemplars[noted_count, START] = field
                    exemplars[noted_count, END] = inside
                    noted_count += 1
            elif tag == _HISTOGRAM_TAG:
                others[_HISTOGRAMS] += 1
        if sample_count == first_sample and noted_count == first_noted:
            continue
        if label_start < 0:
            label_start = label_end = after
        entry, _ = find(table, data, realm, label_start, label_end)
        series_id = table.ids[entry] if entry >= 0 else -1
        for place in range(first_noted, noted_count):
            exemplars[place, SERIES_ID] = series_id
            exemplars[place, KEY_START] = label_start
            exemplars[place, KEY_END] = label_end
        if sample_count > first_sample:
            starts[series_count] = label_start
            ends[series_count] = label_end
            ids[series_count] = series_id
            series_count += 1
    counts[_SERIES] = series_count
    counts[_SAMPLES] = sample_count
    counts[_NOTED] = noted_count
    return _DONE
