"""Whether two systems gave the same answer."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

# Of a value; and of what is left when a value is taken from another that is nearly the same.
_TOLERANCE, _LEAST = 1e-6, 1e-9
_Points = NDArray[np.float64]


def disagreement(one: bytes, other: bytes) -> str:
    """Return in what two answers of Prometheus's API differ, '' when they agree."""
    data = [msgspec.json.decode(body)["data"] for body in (one, other)]
    if isinstance(data[0], list):
        keys = [sorted(map(_key, one_data)) for one_data in data]
        return "" if keys[0] == keys[1] else f"{len(keys[0])} and {len(keys[1])} entries"
    if data[0]["resultType"] != data[1]["resultType"]:
        return f"{data[0]['resultType']} and {data[1]['resultType']}"
    if data[0]["resultType"] == "scalar":
        return "" if data[0] == data[1] else f"{data[0]['result']} and {data[1]['result']}"
    return _difference(*({_key(s["metric"]): _points(s) for s in d["result"]} for d in data))


def _difference(one: dict[str, _Points], other: dict[str, _Points]) -> str:
    if one.keys() != other.keys():
        return f"{len(one)} and {len(other)} series"
    for key, points in one.items():
        others = other[key]
        if points.shape != others.shape or not np.array_equal(points[:, 0], others[:, 0]):
            return f"other times of {key}"
        if not np.allclose(
            points[:, 1], others[:, 1], rtol=_TOLERANCE, atol=_LEAST, equal_nan=True
        ):
            return f"other values of {key}"
    return ""


def _points(series: dict[str, Any]) -> _Points:
    """Return time and value of each point, a row a point."""
    return np.array(series.get("values") or [series["value"]], dtype=np.float64)


def _key(labels: object) -> str:
    return msgspec.json.encode(labels, order="deterministic").decode()
