"""Numbers in our own JSON, which knows neither NaN nor the infinities."""

from __future__ import annotations

import math


def json_number(value: float) -> float | str:
    """Return a value as JSON can carry it: what is not a finite number goes as text."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
