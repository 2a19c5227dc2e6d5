"""Attributes as labels: their values as text, their names as Prometheus allows them."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable

import numpy as np
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from observability.metrics.ingest.otlp.names import label_name
from observability.metrics.ingest.series_labels import UnacceptableSeriesError
from observability.promql.labels import METRIC_NAME


def labels_of(attributes: Iterable[KeyValue]) -> dict[str, str]:
    """Return attributes as labels; what two of one label say is joined by `;`, in the order of their keys.

    Raises:
        UnacceptableSeriesError: Nothing is left of a name.
    """
    labels: dict[str, str] = {}
    for attribute in sorted(attributes, key=lambda attribute: attribute.key):
        if attribute.key == METRIC_NAME:
            continue
        name = label_name(attribute.key)
        if not name:
            raise UnacceptableSeriesError(
                f"the attribute {attribute.key[:100]!r} has no letter or digit to make a label of"
            )
        value = text_of(attribute.value)
        earlier = labels.get(name)
        labels[name] = f"{earlier};{value}" if earlier else value
    return labels


def text_of(value: AnyValue) -> str:
    """Return an attribute's value as text, lists and maps as JSON."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return "true" if value.bool_value else "false"
        case "int_value":
            return str(value.int_value)
        case "double_value":
            return _double_text(value.double_value)
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case "array_value" | "kvlist_value":
            return json.dumps(
                _plain(value), ensure_ascii=False, separators=(",", ":"), sort_keys=True
            )
        case _:
            return ""


def number_text(number: float) -> str:
    """Return a number without an exponent, as short as it can be told; for `le` and `quantile`."""
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    return np.format_float_positional(number, trim="-")


def _double_text(number: float) -> str:
    """Return a number as JSON has it: with an exponent when it is very large or small."""
    if math.isfinite(number) and number and not 1e-6 <= abs(number) < 1e21:
        return repr(number).replace("e-0", "e-")
    return "NaN" if math.isnan(number) else number_text(number)


def _plain(value: AnyValue) -> object:
    match value.WhichOneof("value"):
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {item.key: _plain(item.value) for item in value.kvlist_value.values}
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value" if math.isfinite(value.double_value):
            return value.double_value
        case None:
            return None
        case _:
            return text_of(value)
