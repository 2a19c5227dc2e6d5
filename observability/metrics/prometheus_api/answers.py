"""Query results in the JSON of Prometheus's API, numbers formatted as it formats them.

Source: Prometheus util/jsonutil/marshal.go (`MarshalFloat`, `MarshalTimestamp`).
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np

from observability.promql.values import InstantVector, Matrix, QueryResult, Scalar, String


def result_json(result: QueryResult) -> bytes:
    """Return the whole body of a successful answer."""
    body: dict[str, Any] = {"status": "success", "data": result_data(result)}
    if result.warnings:
        body["warnings"] = result.warnings
    if result.infos:
        body["infos"] = result.infos
    return msgspec.json.encode(body)


def result_data(result: QueryResult) -> dict[str, Any]:
    """Return `resultType` and `result`, ready for the JSON encoder."""
    match result.value:
        case Scalar(timestamp_ms, value):
            return {"resultType": "scalar", "result": [_time(timestamp_ms), format_value(value)]}
        case String(timestamp_ms, text):
            return {"resultType": "string", "result": [_time(timestamp_ms), text]}
        case InstantVector() as vector:
            at = _time(vector.timestamp_ms)
            samples = [
                {"metric": dict(labels), "value": [at, format_value(value)]}
                for labels, value in vector.samples()
            ]
            return {"resultType": "vector", "result": samples}
        case Matrix() as matrix:
            series = [
                {
                    "metric": dict(labels),
                    "values": [
                        [_time(at), format_value(value)]
                        for at, value in zip(times.tolist(), values.tolist(), strict=True)
                    ],
                }
                for labels, times, values in matrix.series()
            ]
            return {"resultType": "matrix", "result": series}


def format_value(value: float) -> str:
    """Return a sample's value as Go's shortest form: no exponent from 1e-6 up to 1e21."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    size = abs(value)
    if size != 0 and (size < 1e-6 or size >= 1e21):
        return repr(value)
    if size < 1e-4 or size >= 1e16:
        return np.format_float_positional(value, trim="-")
    return repr(value).removesuffix(".0")


def _time(timestamp_ms: int) -> msgspec.Raw:
    """Return Unix seconds, with three decimals when there are milliseconds."""
    seconds, milliseconds = divmod(abs(timestamp_ms), 1000)
    sign = "-" if timestamp_ms < 0 else ""
    fraction = f".{milliseconds:03d}" if milliseconds else ""
    return msgspec.Raw(f"{sign}{seconds}{fraction}".encode())
