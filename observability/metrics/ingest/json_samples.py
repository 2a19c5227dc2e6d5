"""`POST /api/metrics`: samples as JSON, one object or a list of them.

Decoded with msgspec into typed values; a Django REST serializer would build a tree of
objects for every sample and take 20 times as long.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from django.conf import settings

from observability.metrics.errors import MalformedBodyError, RejectedSamplesError, Rejection
from observability.metrics.ingest.acceptance import TimeBounds, time_bounds
from observability.metrics.iso_times import iso_seconds
from observability.metrics.naming import label_faults, metric_name_fault
from observability.metrics.samples import Metadata, MetricType, SampleBatch
from observability.promql.labels import METRIC_NAME, LabelSet, label_set

# Of a body with more faults only so many are named.
MAX_REJECTIONS = 100

_NUMBERS_IN_WORDS = {"nan": np.nan, "inf": np.inf, "+inf": np.inf, "-inf": -np.inf}
_PLACE = re.compile(r" - at `\$\.?(?P<field>[^`]*)`$")


class JsonSample(msgspec.Struct, forbid_unknown_fields=True):
    """One sample as INTERFACES describes it.

    Attributes:
        name: The metric's name.
        value: A number, or `NaN`, `Inf`, `+Inf`, `-Inf` as text.
        labels: Without the metric's name.
        timestamp: Unix seconds, or ISO 8601 with an offset; missing means now.
        type: What the metric is; missing says nothing about it.
    """

    name: str
    value: float | str
    labels: dict[str, str] = {}
    timestamp: float | str | None = None
    type: MetricType | None = None


_decoder = msgspec.json.Decoder(JsonSample | list[JsonSample])
_item_decoder = msgspec.json.Decoder(JsonSample)
_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def decode_samples(
    body: bytes, *, now_ms: int, added_labels: Mapping[str, str] | None = None
) -> SampleBatch:
    """Return the samples of a body.

    Args:
        body: UTF-8 JSON.
        now_ms: The time for samples that bring none, and to judge those that do.
        added_labels: Labels that every series gets; they win over the sender's.

    Raises:
        MalformedBodyError: It is not JSON, or neither an object nor a list of objects.
        RejectedSamplesError: Samples are not valid; it names each with what is wrong.
    """
    try:
        items = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBodyError(f"the body is not valid JSON: {error}") from error
    return _to_batch(items, now_ms=now_ms, added_labels=added_labels or {})


def decode_lines(
    lines: Sequence[bytes], *, now_ms: int, added_labels: Mapping[str, str]
) -> SampleBatch:
    """Return the samples of lines with one object each; the arguments are those of `decode_samples`.

    Raises:
        RejectedSamplesError: Lines are not valid; it names each by its place.
    """
    items: list[JsonSample] = []
    rejections: list[Rejection] = []
    for index, line in enumerate(lines):
        try:
            items.append(_item_decoder.decode(line))
        except msgspec.ValidationError as error:
            rejections.append(_shape_rejection(index, str(error)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            rejections.append(
                Rejection(index=index, field="", message=f"it is not valid JSON: {error}")
            )
        if len(rejections) == MAX_REJECTIONS:
            break
    if rejections:
        raise RejectedSamplesError(rejections)
    return _to_batch(items, now_ms=now_ms, added_labels=added_labels)


def _decode(body: bytes) -> list[JsonSample]:
    try:
        decoded = _decoder.decode(body)
    except msgspec.ValidationError:
        return _decode_one_by_one(body)
    return decoded if isinstance(decoded, list) else [decoded]


def _decode_one_by_one(body: bytes) -> list[JsonSample]:
    """Name every item that has not the right shape; only reached when there is one."""
    rejections: list[Rejection] = []
    parts = _list_decoder.decode(body) if body.lstrip().startswith(b"[") else [body]
    for index, part in enumerate(parts):
        try:
            _item_decoder.decode(part)
        except msgspec.ValidationError as error:
            rejections.append(_shape_rejection(index, str(error)))
    raise RejectedSamplesError(rejections[:MAX_REJECTIONS])


def _shape_rejection(index: int, message: str) -> Rejection:
    place = _PLACE.search(message)
    missing = re.search(r"(?:required|unknown) field `(\w+)`", message)
    field = missing[1] if missing else place["field"] if place else ""
    return Rejection(index=index, field=field, message=_PLACE.sub("", message))


def _to_batch(
    items: list[JsonSample], *, now_ms: int, added_labels: Mapping[str, str]
) -> SampleBatch:
    bounds = time_bounds(now_ms)
    rejections: list[Rejection] = []
    places: dict[LabelSet, int] = {}
    series = np.empty(len(items), np.int64)
    timestamps_ms = np.empty(len(items), np.int64)
    values = np.empty(len(items), np.float64)
    metadata: dict[str, Metadata] = {}
    for index, item in enumerate(items):
        faults = _faults(item, added_labels)
        try:
            values[index] = _value(item.value)
        except ValueError as error:
            faults.append(("value", str(error)))
        try:
            timestamps_ms[index] = _timestamp_ms(item.timestamp, now_ms, bounds)
        except ValueError as error:
            faults.append(("timestamp", str(error)))
        if faults:
            rejections += [Rejection(index=index, field=f, message=m) for f, m in faults]
            if len(rejections) >= MAX_REJECTIONS:
                break
            continue
        labels = label_set({**item.labels, **added_labels, METRIC_NAME: item.name})
        series[index] = places.setdefault(labels, len(places))
        if item.type is not None:
            metadata[item.name] = Metadata(type=item.type)
    if rejections:
        raise RejectedSamplesError(rejections[:MAX_REJECTIONS])
    return SampleBatch(
        label_sets=list(places),
        series=series,
        timestamps_ms=timestamps_ms,
        values=values,
        metadata=metadata,
    )


def _faults(item: JsonSample, added_labels: Mapping[str, str]) -> list[tuple[str, str]]:
    faults = [("name", fault)] if (fault := metric_name_fault(item.name)) else []
    labels = {**item.labels, **added_labels}
    return faults + [
        (f"labels.{name}" if name else "labels", fault)
        for name, fault in label_faults(labels, max_labels=settings.MAX_LABELS_PER_SERIES)
    ]


def _value(value: float | str) -> float:
    if isinstance(value, float):
        return value
    try:
        return _NUMBERS_IN_WORDS[value.lower()]
    except KeyError:
        raise ValueError(
            f"expected a number, or NaN, +Inf or -Inf as text; got {value[:100]!r}"
        ) from None


def _timestamp_ms(timestamp: float | str | None, now_ms: int, bounds: TimeBounds) -> int:
    if timestamp is None:
        return now_ms
    may_be_milliseconds = isinstance(timestamp, float) and timestamp > 1e11
    if isinstance(timestamp, str):
        timestamp = iso_seconds(timestamp)
    if not abs(timestamp) < 1e15:
        raise ValueError(f"expected Unix seconds; got {timestamp}")
    timestamp_ms = round(timestamp * 1000)
    fault = bounds.fault(timestamp_ms)
    if fault:
        hint = "; Unix seconds are expected, not milliseconds" if may_be_milliseconds else ""
        raise ValueError(fault + hint)
    return timestamp_ms
