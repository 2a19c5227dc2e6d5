"""Floats in text, by the verbs of Go's fmt."""

from __future__ import annotations

import math

from observability.promql.go_floats import shortest

_PADDED_DIGITS = 6


def format_float(value: float, verb: str, precision: int | None, *, keeps_zeros: bool) -> str:
    """Return a number by a verb (`e E f F g G b x X`), without padding or a plus sign.

    Args:
        value: The number; infinities are `+Inf` and `-Inf`.
        verb: One of those above.
        precision: Digits behind the point, or significant ones for `g`; None for the default.
        keeps_zeros: The flag `#`: the point and the zeros behind it stay.
    """
    if not math.isfinite(value):
        return shortest(value)
    match verb:
        case "e" | "E" | "f" | "F":
            flag = "#" if keeps_zeros else ""
            return f"%{flag}.{6 if precision is None else precision}{verb}" % value
        case "g" | "G":
            text = _general(value, precision, keeps_zeros=keeps_zeros)
            return text.upper() if verb == "G" else text
        case "b":
            mantissa, exponent = math.frexp(value)
            return f"{int(mantissa * 2**53)}p{exponent - 53:+d}" if value else "0p-1074"
        case _:
            text = _hexadecimal(value, precision)
            return text.upper() if verb == "X" else text


def _general(value: float, precision: int | None, *, keeps_zeros: bool) -> str:
    if precision is not None:
        return f"%{'#' if keeps_zeros else ''}.{precision}g" % value
    text = shortest(value)
    digits = sum(map(str.isdigit, text.partition("e")[0].lstrip("-0.")))
    return f"%#.{_PADDED_DIGITS}g" % value if keeps_zeros and digits < _PADDED_DIGITS else text


def _hexadecimal(value: float, precision: int | None) -> str:
    """Return `0x1.8p+01`: a mantissa from 1 up to 2, and the power of two in two digits or more."""
    sign = "-" if math.copysign(1, value) < 0 else ""
    if not value:
        zeros = "." + "0" * precision if precision else ""
        return f"{sign}0x0{zeros}p+00"
    mantissa, exponent = math.frexp(abs(value))
    bits = int(mantissa * 2**53)
    exponent -= 1
    if precision is not None and precision < 13:
        step = 4 * (13 - precision)
        bits = round(bits / 2**step)
        if bits >> (4 * precision) == 2:
            bits, exponent = bits >> 1, exponent + 1
        digits = f"{bits:x}"
        fraction = digits[1:]
    else:
        digits = f"{bits:x}"
        fraction = digits[1:].rstrip("0") if precision is None else digits[1:].ljust(precision, "0")
    point = "." if fraction else ""
    return f"{sign}0x{digits[0]}{point}{fraction}p{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
