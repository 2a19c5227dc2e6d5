"""Query results in the JSON of Prometheus's API, made part by part.

Source: Prometheus web/api/v1/json_codec.go, api.go (`respond`), util/stats/query_stats.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from observability.metrics.prometheus_api.sample_texts import time_text, value_texts
from observability.promql.explanation import Explanation
from observability.promql.go_floats import plain
from observability.promql.labels import LabelSet
from observability.promql.statistics import QueryStatistics
from observability.promql.values import InstantVector, Matrix, QueryResult, Scalar, String, Value

MOST_ANNOTATIONS = 10
"""How many warnings, and how many infos, an answer holds: Prometheus's API cuts them there."""

# Points whose texts are made at once: the more, the quicker, and the more memory.
_POINTS_IN_PART = 8_192


def result_parts(result: QueryResult, *, per_step: bool = False) -> Iterator[bytes]:
    """Yield the body of a successful answer in parts of some hundred kilobytes at most.

    Args:
        result: With its statistics and its explanation, where it has them.
        per_step: Whether the statistics say what each step took.
    """
    yield b'{"status":"success","data":{"resultType":'
    yield from _value_parts(result.value)
    if result.statistics is not None:
        yield b',"stats":' + msgspec.json.encode(_statistics(result.statistics, per_step=per_step))
    if result.explanation is not None:
        yield b',"explanation":' + encode(_explanation(result.explanation))
    yield b"}"
    if result.warnings:
        yield b',"warnings":' + encode(_shortened(result.warnings, "warning"))
    if result.infos:
        yield b',"infos":' + encode(_shortened(result.infos, "info"))
    yield b"}"


def success(data: Any, *, is_sorted: bool = False) -> bytes:
    """Return the whole body of a successful answer with other data, by keys if so wished."""
    return b'{"status":"success","data":%s}' % encode(data, is_sorted=is_sorted)


def encode(data: Any, *, is_sorted: bool = False) -> bytes:
    """Return JSON as Go writes it, which escapes what HTML would take for a tag or an entity."""
    encoded = _plainly_encoded(data, is_sorted=is_sorted)
    return encoded.replace(b"&", b"\\u0026").replace(b"<", b"\\u003c").replace(b">", b"\\u003e")


def _value_parts(value: Value) -> Iterator[bytes]:
    match value:
        case Scalar(timestamp_ms, number):
            # Without an exponent, unlike the values of series.
            pair = [_seconds(timestamp_ms), plain(number)]
            yield b'"scalar","result":' + msgspec.json.encode(pair)
        case String(timestamp_ms, text):
            yield b'"string","result":' + encode([_seconds(timestamp_ms), text])
        case InstantVector() as vector:
            yield b'"vector","result":['
            yield from _vector_parts(vector)
            yield b"]"
        case Matrix() as matrix:
            yield b'"matrix","result":['
            yield from _matrix_parts(matrix)
            yield b"]"


def _vector_parts(vector: InstantVector) -> Iterator[bytes]:
    before = b',"value":[%s,"' % time_text(vector.timestamp_ms)
    for start in range(0, len(vector), _POINTS_IN_PART):
        part = slice(start, start + _POINTS_IN_PART)
        samples = [
            b'{"metric":%s%s%s"]}' % (_metric(labels), before, text)
            for labels, text in zip(
                vector.label_sets[part], value_texts(vector.values[part]), strict=True
            )
        ]
        yield (b"," if start else b"") + b",".join(samples)


def _matrix_parts(matrix: Matrix) -> Iterator[bytes]:
    """Yield the series, several at once as far as their points allow it."""
    first = 0
    while first < len(matrix):
        limit = matrix.offsets[first] + _POINTS_IN_PART
        last = max(first + 1, int(np.searchsorted(matrix.offsets, limit, side="right")) - 1)
        yield (b"," if first else b"") + _series(matrix, first, last)
        first = last


def _series(matrix: Matrix, first: int, last: int) -> bytes:
    """Return the series from `first` on, without `last`."""
    offsets = matrix.offsets[first : last + 1]
    texts = value_texts(matrix.values[offsets[0] : offsets[-1]])
    begin = 0
    known_times = np.zeros(0, dtype=np.int64)
    before_values: list[bytes] = []
    series = []
    for labels, start, count in zip(
        matrix.label_sets[first:last], offsets.tolist(), np.diff(offsets).tolist(), strict=False
    ):
        times = matrix.timestamps_ms[start : start + count]
        if not np.array_equal(times, known_times):
            # Most series of a range query have all steps.
            known_times = times
            before_values = [b'"],[%s,"' % time_text(time_ms) for time_ms in times.tolist()]
        points = [b""] * (2 * count)
        points[0::2] = before_values
        points[1::2] = texts[begin : begin + count]
        begin += count
        series.append(
            b'{"metric":%s,"values":[%s"]]}' % (_metric(labels), b"".join(points)[len(b'"],') :])
        )
    return b",".join(series)


def _metric(labels: LabelSet) -> bytes:
    return _plainly_encoded(dict(labels))


def _plainly_encoded(data: Any, *, is_sorted: bool = False) -> bytes:
    order: Literal["sorted"] | None = "sorted" if is_sorted else None
    try:
        return msgspec.json.encode(data, order=order)
    except UnicodeEncodeError:
        return msgspec.json.encode(_without_stray_bytes(data), order=order)


def _without_stray_bytes(data: Any) -> Any:
    r"""Return JSON data with a replacement character for each byte that is no UTF-8, as `\xff` gives it."""
    match data:
        case str():
            return data.encode(errors="surrogateescape").decode(errors="replace")
        case dict():
            return {
                _without_stray_bytes(key): _without_stray_bytes(value)
                for key, value in data.items()
            }
        case list() | tuple():
            return [_without_stray_bytes(item) for item in data]
        case _:
            return data


def _shortened(sentences: Sequence[str], kind: str) -> list[str]:
    omitted = len(sentences) - MOST_ANNOTATIONS
    shown = list(sentences[:MOST_ANNOTATIONS])
    return [*shown, f"{omitted} more {kind} annotations omitted"] if omitted > 0 else shown


def _statistics(statistics: QueryStatistics, *, per_step: bool) -> dict[str, Any]:
    samples: dict[str, Any] = {}
    seconds = [_seconds(time_ms) for time_ms in statistics.timestamps_ms.tolist()]
    if per_step:
        counts = statistics.samples_per_step.tolist()
        samples["totalQueryableSamplesPerStep"] = list(zip(seconds, counts, strict=True))
    samples["totalQueryableSamples"] = statistics.total_samples
    if per_step:
        reads = statistics.reads_per_step.tolist()
        samples["samplesReadPerStep"] = list(zip(seconds, reads, strict=True))
    samples["samplesRead"] = statistics.samples_read
    samples["peakSamples"] = statistics.peak_samples
    return {
        "timings": {
            "evalTotalTime": statistics.total_seconds,
            "resultSortTime": statistics.sorting_seconds,
            "queryPreparationTime": statistics.preparation_seconds,
            "innerEvalTime": statistics.evaluation_seconds,
            # Queries do not wait for one another.
            "execQueueTime": 0.0,
            "execTotalTime": statistics.total_seconds,
        },
        "samples": samples,
    }


def _explanation(node: Explanation) -> dict[str, Any]:
    return {
        "text": node.text,
        "start": node.span.start,
        "end": node.span.end,
        "kind": node.kind,
        "seconds": node.seconds,
        "ownSeconds": node.own_seconds,
        "series": node.series,
        "points": node.points,
        "samples": node.samples,
        "sources": node.sources,
        "children": [_explanation(child) for child in node.children],
    }


def _seconds(timestamp_ms: int) -> int | float:
    """Return Unix seconds as a JSON number, whole where they are."""
    return timestamp_ms // 1000 if timestamp_ms % 1000 == 0 else timestamp_ms / 1000
