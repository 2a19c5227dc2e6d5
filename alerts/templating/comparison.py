"""Values compared: which are equal, and which comes first.

Source: Go, text/template/funcs.go.
"""

from __future__ import annotations

from typing import cast

from alerts.templating.errors import FunctionError
from alerts.templating.formatting import sprint
from alerts.templating.kinds import Kind, Struct, kind_of, type_of
from alerts.templating.octets import to_octets


def equal(first: object, *others: object) -> bool:
    """Say whether a value equals one of the others.

    Raises:
        FunctionError: They are of types that cannot be compared.
    """
    if not others:
        raise FunctionError("missing argument for comparison")
    return any(_equals(first, other) for other in others)


def _equals(first: object, second: object) -> bool:
    kind, other = _basic_kind(first), _basic_kind(second)
    if kind is not None and other is not None:
        if kind is other or {kind, other} == {Kind.INT, Kind.UINT}:
            return first == second
    elif kind is None and other is None:
        return _same(first, second)
    if first is None or second is None:
        return False
    raise FunctionError(
        f"incompatible types for comparison: {type_of(first)} and {type_of(second)}"
    )


def _same(first: object, second: object) -> bool:
    if first is None or second is None:
        return first is second
    if kind_of(first) is not kind_of(second):
        raise FunctionError(
            f"non-comparable types {sprint(first)}: {type_of(first)}, "
            f"{type_of(second)}: {sprint(second)}"
        )
    if kind_of(second) is Kind.POINTER:
        return first is second
    if not _is_comparable(second):
        raise FunctionError(f"non-comparable type {sprint(second)}: {type_of(second)}")
    return type_of(first) == type_of(second) and first == second


def _is_comparable(value: object) -> bool:
    if isinstance(value, Struct):
        return all(_is_comparable(getattr(value, place)) for place in value.fields.values())
    return kind_of(value) not in (Kind.SLICE, Kind.MAP, Kind.FUNCTION)


def less(first: object, second: object) -> bool:
    """Say whether the first value is below the second.

    Raises:
        FunctionError: They are of types that have no order, or not the same one.
    """
    kind, other = _basic_kind(first), _basic_kind(second)
    if kind is None or other is None:
        raise FunctionError("invalid type for comparison")
    if kind is not other and {kind, other} != {Kind.INT, Kind.UINT}:
        raise FunctionError(
            f"incompatible types for comparison: {type_of(first)} and {type_of(second)}"
        )
    if kind in (Kind.BOOL, Kind.COMPLEX):
        raise FunctionError("invalid type for comparison")
    if kind is Kind.STRING:
        return to_octets(cast("str", first)) < to_octets(cast("str", second))
    return cast("float", first) < cast("float", second)


def _basic_kind(value: object) -> Kind | None:
    kind = kind_of(value)
    return kind if kind in _BASIC else None


_BASIC = (Kind.BOOL, Kind.INT, Kind.UINT, Kind.FLOAT, Kind.COMPLEX, Kind.STRING)
