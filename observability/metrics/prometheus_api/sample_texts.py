"""Times and values of samples in Prometheus's JSON, one by one and many at once.

Source: Prometheus util/jsonutil/marshal.go (`MarshalFloat`, `MarshalTimestamp`).
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

_FIRST_POSITIONAL_EXPONENT = -6
_FIRST_LARGE_EXPONENT = 21


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


def value_texts(values: NDArray[np.float64]) -> list[bytes]:
    """Return the same of many values: the JSON encoder writes them, what is odd is put right."""
    if not values.size:
        return []
    encoded = msgspec.json.encode(values.tolist())
    # Shortest forms have a zero behind the point only when nothing else is there.
    texts = (encoded[1:-1] + b",").replace(b".0,", b",").split(b",")
    del texts[-1]
    if b"e" in encoded:
        texts = [_as_go(text) if b"e" in text else text for text in texts]
    if b"n" in encoded:
        # The encoder writes `null` for all that is not finite.
        for place in np.flatnonzero(~np.isfinite(values)).tolist():
            texts[place] = format_value(values[place]).encode()
    return texts


def time_text(timestamp_ms: int) -> bytes:
    """Return Unix seconds, with three decimals when there are milliseconds."""
    seconds, milliseconds = divmod(abs(timestamp_ms), 1000)
    sign = "-" if timestamp_ms < 0 else ""
    fraction = f".{milliseconds:03d}" if milliseconds else ""
    return f"{sign}{seconds}{fraction}".encode()


def _as_go(text: bytes) -> bytes:
    """Return a number with an exponent as Go writes it, which may be without one."""
    mantissa, _, power = text.partition(b"e")
    exponent = int(power)
    if not _FIRST_POSITIONAL_EXPONENT <= exponent < _FIRST_LARGE_EXPONENT:
        return b"%se%s%02d" % (mantissa, b"-" if exponent < 0 else b"+", abs(exponent))
    sign = b"-" if mantissa.startswith(b"-") else b""
    digits = mantissa.lstrip(b"-").replace(b".", b"")
    if exponent < 0:
        return sign + b"0." + b"0" * (-exponent - 1) + digits
    return sign + digits.ljust(exponent + 1, b"0")
