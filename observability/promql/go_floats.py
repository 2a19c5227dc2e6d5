"""Floats in text, as Go writes them: Prometheus's messages and some labels hold them."""

import math
from decimal import Decimal

import numpy as np

_FIRST_LARGE_EXPONENT = 6


def plain(value: float) -> str:
    """Return the shortest text that reads back as the same float, never with an exponent."""
    if not math.isfinite(value):
        return _not_finite(value)
    return np.format_float_positional(value, trim="-")


def shortest(value: float) -> str:
    """Return the shortest text that reads back as the same float (`%v`, `%g`)."""
    if not math.isfinite(value):
        return _not_finite(value)
    exponent = Decimal(repr(value)).adjusted() if value else 0
    if -4 <= exponent < _FIRST_LARGE_EXPONENT:
        return plain(value)
    return scientific(value).lower()


def scientific(value: float) -> str:
    """Return the same always with an exponent (`%E` of the shortest length): `1.5E+01`."""
    if not math.isfinite(value):
        return _not_finite(value)
    sign, digits, _ = Decimal(repr(value)).normalize().as_tuple()
    exponent = Decimal(repr(value)).adjusted() if value else 0
    first, *rest = map(str, digits)
    mantissa = first + ("." + "".join(rest) if rest else "")
    return f"{'-' if sign else ''}{mantissa}E{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def open_metrics(value: float) -> str:
    """Return the same with a `.0` behind whole numbers, as OpenMetrics has it."""
    text = shortest(value)
    return text if not math.isfinite(value) or set(text) & set("e.") else text + ".0"


def fixed_point(value: float) -> str:
    """Return the number with six digits behind the point (`%f`)."""
    return f"{value:f}" if math.isfinite(value) else _not_finite(value)


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
