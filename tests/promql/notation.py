"""Series in the short notation of Prometheus's test scripts: `0+10x5 _ stale NaN`."""

import re
from collections.abc import Iterator

from observability.promql.staleness import STALE_NAN

# No hexadecimal numbers: `0x10` is ten more zeros.
_NUMBER = r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[iI]nf|[nN]a[nN])"
_ITEM = re.compile(rf"(?P<first>{_NUMBER})(?:(?P<step>[-+]{_NUMBER[5:]})?x(?P<times>\d+))?")
_HISTOGRAM = re.compile(r"\{\{.*?\}\}(?:x(\d+)|[-+]\{\{.*?\}\}x(\d+))?")


def expand(text: str) -> Iterator[float | None]:
    """Yield one value for each interval, None where there is no sample.

    Native histograms count as no sample.
    """
    for item in _HISTOGRAM.sub(_as_gap, text).split():
        if item == "_":
            yield None
        elif item.startswith("_x"):
            yield from [None] * int(item[2:])
        elif item.startswith("stale"):
            yield from [STALE_NAN] * (int(item[6:]) + 1 if item[5:] else 1)
        else:
            yield from _expand_numbers(item)


def samples(text: str, interval_ms: int) -> Iterator[tuple[int, float]]:
    """Yield the samples, the first of them at 0."""
    for n, value in enumerate(expand(text)):
        if value is not None:
            yield n * interval_ms, value


def _as_gap(found: re.Match[str]) -> str:
    times = found[1] or found[2]
    return f"_x{int(times) + 1}" if times else "_"


def _expand_numbers(item: str) -> Iterator[float]:
    found = _ITEM.fullmatch(item)
    if found is None:
        raise ValueError(f"expected a value, got {item!r}")
    value, step = float(found["first"]), float(found["step"] or "0")
    for _ in range(int(found["times"] or 0) + 1):
        yield value
        value += step
