"""What values mean to a template: their truth and their elements."""

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
