"""What values mean to a template: their truth, their elements, their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from alerts.templating.errors import FunctionError
from alerts.templating.kinds import Kind, Type, kind_of, type_of
from alerts.templating.octets import to_octets


def is_true(value: object) -> bool:
    """Say whether a value is not the zero of its type; a struct is always true."""
    if kind_of(value) in (Kind.STRUCT, Kind.POINTER, Kind.FUNCTION):
        return True
    return bool(value)


def elements(value: object) -> list[tuple[object, object]] | None:
    """Return what a range goes over, each with its key or index; None when it cannot.

    A map goes in the order of its keys, a whole number from 0 up to it.
    """
    match kind_of(value):
        case None:
            return []
        case Kind.SLICE:
            return list(enumerate(cast("list[object]", value)))
        case Kind.MAP:
            return sorted_items(cast("Mapping[str, object]", value))
        case _:
            return None


def sorted_items(mapping: Mapping[str, object]) -> list[tuple[object, object]]:
    """Return the items of a map in the order in which Go prints and visits them."""
    return [(name, mapping[name]) for name in sorted(mapping, key=to_octets)]


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
        raise FunctionError(f"non-comparable types {type_of(first)}, {type_of(second)}")
    if kind_of(second) in (Kind.SLICE, Kind.MAP, Kind.FUNCTION):
        raise FunctionError(f"non-comparable type {type_of(second)}")
    return type_of(first) == type_of(second) and first == second


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


def check_index(index: object, length: int) -> int:
    """Return an index into something of a length; the length itself is allowed.

    Raises:
        FunctionError: It is no whole number, or out of range.
    """
    if index is None:
        raise FunctionError("cannot index slice/array with nil")
    if kind_of(index) not in (Kind.INT, Kind.UINT):
        raise FunctionError(f"cannot index slice/array with type {type_of(index)}")
    position = int(cast("int", index))
    if not 0 <= position <= length:
        raise FunctionError(f"index out of range: {position}")
    return position


def assignable(value: object, to: Type) -> bool:
    """Say whether a value that is not nil is one of a type."""
    return to.takes(type_of(value))
