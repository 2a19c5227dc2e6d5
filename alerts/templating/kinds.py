"""The types of Go that a template can tell apart: in errors, in comparisons and by `%T`.

Plain values of Python have the type that Go's constants have: `int`, `float64`, `string`, `bool`;
a list is a `[]interface {}` and a dict a `map[string]interface {}`. None is a value that is not
there, and nil. What has another type is a `Typed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from alerts.templating.signatures import Function


class Kind(StrEnum):
    """What a value is underneath its type."""

    BOOL = "bool"
    INT = "int"
    UINT = "uint"
    FLOAT = "float"
    COMPLEX = "complex"
    STRING = "string"
    SLICE = "slice"
    MAP = "map"
    STRUCT = "struct"
    POINTER = "ptr"
    FUNCTION = "func"
    INTERFACE = "interface"


_CAN_BE_NIL = frozenset([Kind.SLICE, Kind.MAP, Kind.POINTER, Kind.FUNCTION, Kind.INTERFACE])


@dataclass(frozen=True, slots=True)
class Type:
    """A type of Go.

    Attributes:
        name: As errors show it.
        underlying: The type that a named one is made of, as `[]string`; '' for others.
        element: What a slice or map holds or a pointer points to, where that is known.
    """

    name: str
    kind: Kind
    underlying: str = ""
    element: Type | None = None

    @property
    def can_be_nil(self) -> bool:
        """Whether nil is a value of the type."""
        return self.kind in _CAN_BE_NIL

    def takes(self, other: Type) -> bool:
        """Say whether a value of another type can be assigned to this one."""
        if self.kind is Kind.INTERFACE or self == other:
            return True
        is_named_once = not (self.underlying and other.underlying)
        structure = self.underlying or self.name
        return (
            is_named_once and structure == (other.underlying or other.name) and structure[0] in "[m"
        )

    def __str__(self) -> str:
        return self.name


ANY = Type("interface {}", Kind.INTERFACE)
BOOL = Type("bool", Kind.BOOL)
INT = Type("int", Kind.INT)
INT32 = Type("int32", Kind.INT)
INT64 = Type("int64", Kind.INT)
UINT8 = Type("uint8", Kind.UINT)
FLOAT = Type("float64", Kind.FLOAT)
COMPLEX = Type("complex128", Kind.COMPLEX)
STRING = Type("string", Kind.STRING)
SLICE = Type("[]interface {}", Kind.SLICE, element=ANY)
STRING_SLICE = Type("[]string", Kind.SLICE, element=STRING)
MAP = Type("map[string]interface {}", Kind.MAP, element=ANY)
STRING_MAP = Type("map[string]string", Kind.MAP, element=STRING)

_ZEROS: Mapping[Kind, object] = {
    Kind.STRING: "",
    Kind.BOOL: False,
    Kind.INT: 0,
    Kind.UINT: 0,
    Kind.FLOAT: 0.0,
}
_PLAIN = {bool: BOOL, int: INT, float: FLOAT, str: STRING, complex: COMPLEX}


class Typed:
    """A value that says what its type in Go is, and which methods a template may call on it."""

    go_type: ClassVar[Type]
    methods: ClassVar[Mapping[str, Function]] = {}

    __slots__ = ()


class Int64(Typed, int):
    """An `int64`, as times have it."""

    go_type = INT64


class Uint8(Typed, int):
    """An octet of a text."""

    go_type = UINT8


class StringMap(Typed, dict[str, str]):
    """A map of texts: labels and annotations."""

    go_type = STRING_MAP


class StringSlice(Typed, list[str]):
    """A list of texts."""

    go_type = STRING_SLICE


class Struct(Typed):
    """A value with fields, by the names that Go has for them."""

    fields: ClassVar[Mapping[str, str]]
    """Name in Go -> attribute."""
    json_names: ClassVar[Mapping[str, str]] = {}
    """Name in Go -> name in JSON, where they differ."""

    __slots__ = ()


def type_of(value: object) -> Type:
    """Return the type of a value that is not nil."""
    if isinstance(value, Typed):
        return value.go_type
    plain = _PLAIN.get(type(value))
    if plain is not None:
        return plain
    if isinstance(value, Mapping):
        return MAP
    if isinstance(value, list | tuple):
        return SLICE
    raise TypeError(f"templates know no {type(value).__name__}")


def kind_of(value: object) -> Kind | None:
    """Return what a value is underneath; None for nil."""
    return None if value is None else type_of(value).kind


def zero(of: Type | None) -> object:
    """Return the value that a variable of a type has before it gets one."""
    return None if of is None else _ZEROS.get(of.kind)
