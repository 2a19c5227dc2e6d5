"""Series of tests and of Prometheus's test scripts as samples: `0+10x5 _ stale NaN`."""

import re
from collections.abc import Iterator

from observability.promql.series_notation import parse_values

# Prometheus repeats numbers alone, which NaN and Inf are not; tests want these too.
_REPEATED_WORD = re.compile(r"([-+]?(?:nan|inf))x(\d+)", re.IGNORECASE)
_HISTOGRAM = re.compile(r"\{\{.*?\}\}(?:x(\d+)|[-+]\{\{.*?\}\}x(\d+))?")


def samples(text: str, interval_ms: int) -> Iterator[tuple[int, float]]:
    """Yield the samples, the first of them at 0; native histograms count as no sample."""
    plain = _REPEATED_WORD.sub(_spelled_out, _HISTOGRAM.sub(_as_gap, text))
    found = parse_values(plain)
    yield from zip((found.positions * interval_ms).tolist(), found.values.tolist(), strict=True)


def _as_gap(found: re.Match[str]) -> str:
    times = found[1] or found[2]
    return f"_x{int(times) + 1}" if times else "_"


def _spelled_out(found: re.Match[str]) -> str:
    return " ".join([found[1]] * (int(found[2]) + 1))
