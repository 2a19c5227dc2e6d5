"""Annotations: text for people, in which an alert's value and labels can be named.

Two forms are known, spelled as in Prometheus: `{{ $value }}` and `{{ $labels.name }}`.
Anything else in double braces is an error and never text that is shown as it stands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal

_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_VALUE = re.compile(r"\s*\$value\s*")
_LABEL = re.compile(r"\s*\$labels\.([a-zA-Z_][a-zA-Z0-9_]*)\s*")

# Go's `%g` without a precision writes larger numbers with an exponent.
_EXPONENT_FROM = 6


class InvalidTemplateError(ValueError):
    """A text has braces that are neither of the two known forms."""


def check_template(text: str) -> None:
    """Raise `InvalidTemplateError` when `render` could not render `text`."""
    for action in _ACTION.finditer(text):
        inner = action.group(1)
        if not _VALUE.fullmatch(inner) and not _LABEL.fullmatch(inner):
            raise InvalidTemplateError(
                f"{action.group()} is not known; use {{{{ $value }}}} or {{{{ $labels.name }}}}"
            )
    rest = _ACTION.sub("", text)
    if "{{" in rest or "}}" in rest:
        raise InvalidTemplateError("a pair of double braces is not closed or not opened")


def render(text: str, *, labels: Mapping[str, str], value: float) -> str:
    """Return `text` with value and labels filled in; a label that is absent gives ''."""

    def fill(action: re.Match[str]) -> str:
        label = _LABEL.fullmatch(action.group(1))
        return labels.get(label.group(1), "") if label else format_value(value)

    return _ACTION.sub(fill, text)


def format_value(value: float) -> str:
    """Return a number as Prometheus's templates print it: `95.5`, `1e+06`, `+Inf`.

    Source: Go's `%v` of a float64, with the shortest digits that give it back.
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, _ = (number := Decimal(repr(value)).normalize()).as_tuple()
    exponent = number.adjusted()
    if number.is_zero():
        return "-0" if sign else "0"
    if -4 <= exponent < _EXPONENT_FROM:
        return f"{number:f}"
    first, rest = str(digits[0]), "".join(map(str, digits[1:]))
    mantissa = ("-" if sign else "") + first + (f".{rest}" if rest else "")
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
