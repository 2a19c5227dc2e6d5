"""One walk over the bytes of a remote-write 2.0 body, in compiled code.

The message (prometheus/prometheus, prompb/io/prometheus/write/v2/types.proto) reads

    Request { repeated string symbols = 4; repeated TimeSeries timeseries = 5; }
    TimeSeries { repeated uint32 labels_refs = 1; repeated Sample samples = 2;
                 repeated Histogram histograms = 3; repeated Exemplar exemplars = 4;
                 Metadata metadata = 5; }
    Sample { double value = 1; int64 timestamp = 2; int64 start_timestamp = 3; }
    Metadata { MetricType type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }

where a `ref` is the place of a text in `symbols`. They mean nothing outside of their body, so labels
are written out as 1.0 writes them, and so is what is said about metrics: the memory of known series
and all that follows is the same for both versions.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from observability.metrics.errors import BodyTooLargeError, MalformedBodyError
from observability.metrics.ingest.body import max_unpacked_bytes
from observability.metrics.ingest.known_series import (
    Bytes,
    Ints,
    KnownSeries,
    Table,
    find,
    load_word,
)
from observability.metrics.ingest.remote_write.exemplars import (
    END,
    KEY_END,
    KEY_START,
    SERIES_ID,
    START,
    FoundExemplars,
    labels_of_v2,
    room_for_exemplars,
)
from observability.metrics.ingest.remote_write.messages import MAX_HELP_LENGTH, MAX_UNIT_LENGTH
from observability.metrics.ingest.remote_write.walk import MAX_SAMPLES, Stated, Walked
from observability.metrics.ingest.remote_write.wire import (
    read_field,
    read_sample,
    read_varint,
    text_field_size,
    write_head,
    write_text,
)

# Far above what senders put together; they bound the memory of a hostile body.
MAX_SYMBOLS = 1_000_000
# Labels of known series are written out, too, and then over each other: it bounds the time.
_MAX_KEY_RATIO = 100
# What does not fit is heard from one of the next bodies.
STATEMENT_BYTES = 256 * 1024
# Of a text so many characters are kept, each of up to four bytes.
_MAX_HELP_BYTES, _MAX_UNIT_BYTES = 4 * MAX_HELP_LENGTH, 4 * MAX_UNIT_LENGTH

_DONE, _MALFORMED, _OLDER, _NOT_EMPTY, _NO_SYMBOL, _ODD = range(6)
_TOO_MANY_SYMBOLS, _TOO_MANY_SAMPLES, _NO_ROOM, _TOO_LONG = range(6, 10)
_SERIES, _SAMPLES, _EXEMPLARS, _NOTED, _HISTOGRAMS, _STATED, _STATEMENT_BYTES = range(7)

_FAULTS = {
    _MALFORMED: "the body is not a protobuf message of remote write 2.0",
    _OLDER: "the body has fields of remote write 1.0, but its Content-Type says 2.0",
    _NOT_EMPTY: "the first symbol must be the empty text",
    _NO_SYMBOL: "the body refers to a symbol that is not in it",
    _ODD: "the labels_refs of a series must be even in number, a name and a value for each label",
}

# A field's tag: its number times eight, plus its wire type (0: a number, 2: a length and so many bytes).
_SYMBOL_TAG, _SERIES_TAG = 4 << 3 | 2, 5 << 3 | 2
_REF_TAG, _REFS_TAG = 1 << 3, 1 << 3 | 2
_SAMPLE_TAG, _HISTOGRAM_TAG, _EXEMPLAR_TAG, _METADATA_TAG = (n << 3 | 2 for n in (2, 3, 4, 5))
_TYPE_TAG, _HELP_TAG, _UNIT_TAG = 1 << 3, 3 << 3, 4 << 3
# The same in 1.0: a label of a series with its parts, a statement about a metric with its parts.
_V1_LABEL_TAG, _V1_NAME_TAG, _V1_VALUE_TAG = (n << 3 | 2 for n in (1, 1, 2))
_V1_STATEMENT_TAG, _V1_TYPE_TAG = 3 << 3 | 2, 1 << 3
_V1_FAMILY_TAG, _V1_HELP_TAG, _V1_UNIT_TAG = (n << 3 | 2 for n in (2, 4, 5))

_METRIC_NAME = np.frombuffer(b"__name__", np.uint64)[0]


class _Symbols(NamedTuple):
    """Where the symbols stand in the body, and whether a metric of that name was spoken of."""

    starts: Ints
    ends: Ints
    is_stated: NDArray[np.bool_]


class _Found(NamedTuple):
    """What `Walked` and `Stated` are made of, with room for more."""

    keys: Bytes
    starts: Ints
    ends: Ints
    ids: Ints
    series: Ints
    timestamps_ms: Ints
    bits: NDArray[np.uint64]
    exemplars: Ints
    statements: Bytes
    stated_symbols: Ints
    stated_series: Ints
    stated_hashes: Ints
    counts: Ints


def walk(data: Bytes, realm: int, known: KnownSeries, heard: KnownSeries) -> Walked:
    """Return what `data` holds.

    Args:
        data: The body.
        realm: Which labels are added to the series (`KnownSeries.realm`).
        known: The series that the process knows.
        heard: What it has heard about metrics: by a metric's name a hash of the last statement.

    Raises:
        MalformedBodyError: It is not a Request.
        BodyTooLargeError: It has too many symbols, samples or labels.
    """
    # No symbol takes less than two bytes.
    room = min(len(data) // 2, MAX_SYMBOLS)
    symbols = _Symbols(
        starts=np.empty(room, np.int64),
        ends=np.empty(room, np.int64),
        is_stated=np.zeros(room, np.bool_),
    )
    symbol_count, outcome = _find_symbols(data, symbols)
    if outcome == _DONE:
        # Labels of new series are written out, and may take as much as in a body of 1.0. Seldom do
        # they take more than the first figure; then the walk begins again.
        max_key_bytes = max_unpacked_bytes()
        for key_bytes in (min(2 * len(data) + 65_536, max_key_bytes), max_key_bytes):
            found = _room(len(data), key_bytes)
            symbols.is_stated[:symbol_count] = False
            with known.lock, heard.lock:
                outcome = _walk(data, symbols, symbol_count, realm, known.table, heard.table, found)
            if outcome != _NO_ROOM:
                break
    if outcome == _TOO_MANY_SYMBOLS:
        raise BodyTooLargeError(MAX_SYMBOLS, what="symbols")
    if outcome == _TOO_MANY_SAMPLES:
        raise BodyTooLargeError(MAX_SAMPLES, what="samples")
    if outcome in (_NO_ROOM, _TOO_LONG):
        raise BodyTooLargeError(max_key_bytes, what="bytes of labels")
    if outcome != _DONE:
        raise MalformedBodyError(_FAULTS[outcome])
    return _walked(data, symbols, symbol_count, found)


def _room(size: int, key_bytes: int) -> _Found:
    """Return arrays for what a body of this size can hold; what is not touched of them costs no memory."""
    # No sample takes less than two bytes.
    samples = min(size // 2, MAX_SAMPLES)
    starts, ends, ids, series, timestamps_ms = (np.empty(samples, np.int64) for _ in range(5))
    # No statement takes less than ten.
    stated = min(samples, STATEMENT_BYTES // 10)
    return _Found(
        keys=np.empty(key_bytes, np.uint8),
        starts=starts,
        ends=ends,
        ids=ids,
        series=series,
        timestamps_ms=timestamps_ms,
        bits=np.empty(samples, np.uint64),
        exemplars=room_for_exemplars(size),
        statements=np.empty(STATEMENT_BYTES, np.uint8),
        stated_symbols=np.empty(stated, np.int64),
        stated_series=np.empty(stated, np.int64),
        stated_hashes=np.empty(stated, np.int64),
        counts=np.zeros(7, np.int64),
    )


def _walked(data: Bytes, symbols: _Symbols, symbol_count: int, found: _Found) -> Walked:
    starts, ends = symbols.starts[:symbol_count], symbols.ends[:symbol_count]

    def symbol(place: int) -> bytes:
        return data[starts[place] : ends[place]].tobytes()

    counts = found.counts.tolist()
    series_count, sample_count = counts[_SERIES], counts[_SAMPLES]
    names = found.stated_symbols[: counts[_STATED]]
    return Walked(
        keys=found.keys,
        starts=found.starts[:series_count],
        ends=found.ends[:series_count],
        ids=found.ids[:series_count],
        series=found.series[:sample_count],
        timestamps_ms=found.timestamps_ms[:sample_count],
        values=found.bits[:sample_count].view(np.float64),
        exemplars=FoundExemplars(
            data=data,
            keys=found.keys,
            rows=found.exemplars[: counts[_NOTED]],
            count=counts[_EXEMPLARS],
            decode_labels=partial(labels_of_v2, symbol=symbol),
        ),
        histogram_count=counts[_HISTOGRAMS],
        statements=found.statements[: counts[_STATEMENT_BYTES]],
        stated=Stated(
            names=data,
            starts=symbols.starts[names],
            ends=symbols.ends[names],
            series=found.stated_series[: len(names)],
            hashes=found.stated_hashes[: len(names)],
        ),
    )


@njit(nogil=True, cache=True)
def _find_symbols(data: Bytes, symbols: _Symbols) -> Any:
    """Note where the symbols stand; return their number and what is wrong with the body."""
    at, end = 0, len(data)
    count = 0
    while at < end:
        tag, start, at = read_field(data, at, end)
        if at < 0 or (tag >> 3 in (4, 5) and tag & 7 != 2):
            return count, _MALFORMED
        if tag < _SYMBOL_TAG:
            return count, _OLDER
        if tag != _SYMBOL_TAG:
            continue
        if count == 0 and start != at:
            return count, _NOT_EMPTY
        if count == len(symbols.starts):
            return count, _TOO_MANY_SYMBOLS
        symbols.starts[count] = start
        symbols.ends[count] = at
        count += 1
    return count, _DONE


@njit(nogil=True, cache=True)
def _walk(
    data: Bytes,
    symbols: _Symbols,
    symbol_count: int,
    realm: int,
    known: Table,
    heard: Table,
    found: _Found,
) -> int:
    """Fill `found`; the fields of the body itself have been judged by `_find_symbols`."""
    keys, counts = found.keys, found.counts
    at, end = 0, len(data)
    series_count = sample_count = noted_count = 0
    key_start = 0
    left = _MAX_KEY_RATIO * len(data) + len(keys)
    while at < end:
        tag, inside, after = read_field(data, at, end)
        at = after
        if tag != _SERIES_TAG:
            continue
        first_sample, first_noted = sample_count, noted_count
        key_end = key_start
        # The symbol of a label's name whose value has not come yet, of the metric's name.
        name = metric = -1
        metadata_start = metadata_end = 0
        while inside < after:
            tag, field, inside = read_field(data, inside, after)
            if inside < 0 or (tag < 48 and tag & 7 != 2 and tag != _REF_TAG):
                return _MALFORMED
            if tag in (_REFS_TAG, _REF_TAG):
                while field < inside:
                    number, field = read_varint(data, field, inside)
                    if field < 0:
                        return _MALFORMED
                    if number >= np.uint64(symbol_count):
                        return _NO_SYMBOL
                    symbol: Any = np.int64(number)
                    if name < 0:
                        name = symbol
                        continue
                    if _is_metric_name(data, symbols, name):
                        metric = symbol
                    key_end = _write_label(data, symbols, name, symbol, keys, key_end)
                    if key_end < 0:
                        return _NO_ROOM
                    name = -1
            elif tag == _SAMPLE_TAG:
                if sample_count == len(found.bits):
                    return _TOO_MANY_SAMPLES
                value, timestamp_ms, is_right = read_sample(data, field, inside)
                if not is_right:
                    return _MALFORMED
                found.series[sample_count] = series_count
                found.timestamps_ms[sample_count] = timestamp_ms
                found.bits[sample_count] = value
                sample_count += 1
            elif tag == _HISTOGRAM_TAG:
                counts[_HISTOGRAMS] += 1
            elif tag == _EXEMPLAR_TAG:
                counts[_EXEMPLARS] += 1
                if noted_count < len(found.exemplars):
                    found.exemplars[noted_count, START] = field
                    found.exemplars[noted_count, END] = inside
                    noted_count += 1
            elif tag == _METADATA_TAG:
                metadata_start, metadata_end = field, inside
        if name >= 0:
            return _ODD
        left -= key_end - key_start
        if left < 0:
            return _TOO_LONG
        if sample_count == first_sample and noted_count == first_noted:
            continue
        entry, _ = find(known, keys, realm, key_start, key_end)
        series_id = known.ids[entry] if entry >= 0 else -1
        for place in range(first_noted, noted_count):
            found.exemplars[place, SERIES_ID] = series_id
            found.exemplars[place, KEY_START] = key_start
            found.exemplars[place, KEY_END] = key_end
        found.starts[series_count] = key_start
        found.ends[series_count] = key_end
        found.ids[series_count] = series_id
        if entry < 0:
            # Else the next series is written over this one.
            key_start = key_end
        if sample_count == first_sample:
            continue
        if metric >= 0 and metadata_start < metadata_end and not symbols.is_stated[metric]:
            outcome = _state(
                data,
                metadata_start,
                metadata_end,
                symbols,
                symbol_count,
                metric,
                series_count,
                heard,
                found,
            )
            if outcome != _DONE:
                return outcome
        series_count += 1
    counts[_SERIES] = series_count
    counts[_SAMPLES] = sample_count
    counts[_NOTED] = noted_count
    return _DONE


@njit(nogil=True, cache=True)
def _is_metric_name(data: Bytes, symbols: _Symbols, symbol: int) -> Any:
    start = symbols.starts[symbol]
    return symbols.ends[symbol] - start == 8 and load_word(data, start) == _METRIC_NAME


@njit(nogil=True, cache=True)
def _write_label(
    data: Bytes, symbols: _Symbols, name: int, value: int, target: Bytes, at: int
) -> Any:
    """Write a label as 1.0 does; return where it ends, -1 when there is no room for it."""
    name_start, name_end = symbols.starts[name], symbols.ends[name]
    value_start, value_end = symbols.starts[value], symbols.ends[value]
    size = text_field_size(name_end - name_start) + text_field_size(value_end - value_start)
    if at + text_field_size(size) > len(target):
        return -1
    at = write_head(target, at, _V1_LABEL_TAG, size)
    at = write_text(target, at, _V1_NAME_TAG, data, name_start, name_end)
    return write_text(target, at, _V1_VALUE_TAG, data, value_start, value_end)


@njit(nogil=True, cache=True)
def _state(
    data: Bytes,
    at: int,
    end: int,
    symbols: _Symbols,
    symbol_count: int,
    metric: int,
    series: int,
    heard: Table,
    found: _Found,
) -> int:
    """Write down what a Metadata from `at` to `end` says about a metric, unless that has been heard."""
    kind, help_text, unit = np.uint64(0), np.uint64(0), np.uint64(0)
    while at < end:
        tag, inside, at = read_field(data, at, end)
        if at < 0:
            return _MALFORMED
        if tag == _TYPE_TAG:
            kind, _ = read_varint(data, inside, at)
        elif tag == _HELP_TAG:
            help_text, _ = read_varint(data, inside, at)
        elif tag == _UNIT_TAG:
            unit, _ = read_varint(data, inside, at)
        elif tag < 40 and tag >> 3 != 2:
            return _MALFORMED
    if help_text >= np.uint64(symbol_count) or unit >= np.uint64(symbol_count):
        return _NO_SYMBOL
    symbols.is_stated[metric] = True
    if kind == 0 and help_text == 0 and unit == 0:
        return _DONE
    counts, statements = found.counts, found.statements
    name_start, name_end = symbols.starts[metric], symbols.ends[metric]
    help_start, unit_start = symbols.starts[help_text], symbols.starts[unit]
    help_end = min(symbols.ends[help_text], help_start + _MAX_HELP_BYTES)
    unit_end = min(symbols.ends[unit], unit_start + _MAX_UNIT_BYTES)
    size = (
        2
        + text_field_size(name_end - name_start)
        + text_field_size(help_end - help_start)
        + text_field_size(unit_end - unit_start)
    )
    start = counts[_STATEMENT_BYTES]
    if start + text_field_size(size) > len(statements):
        return _DONE
    at = write_head(statements, start, _V1_STATEMENT_TAG, size)
    statements[at] = _V1_TYPE_TAG
    statements[at + 1] = kind if kind < 128 else 0
    at = write_text(statements, at + 2, _V1_FAMILY_TAG, data, name_start, name_end)
    at = write_text(statements, at, _V1_HELP_TAG, data, help_start, help_end)
    at = write_text(statements, at, _V1_UNIT_TAG, data, unit_start, unit_end)
    entry, _ = find(heard, data, 0, name_start, name_end)
    _, code = find(heard, statements, 0, start, at)
    if entry >= 0 and heard.ids[entry] == np.int64(code):
        return _DONE
    place = counts[_STATED]
    found.stated_symbols[place] = metric
    found.stated_series[place] = series
    found.stated_hashes[place] = np.int64(code)
    counts[_STATED] += 1
    counts[_STATEMENT_BYTES] = at
    return _DONE
