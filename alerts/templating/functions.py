"""The functions that every template can call, as Go's text/template has them.

`and` and `or` are not here: they leave arguments unevaluated, which only the executor can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import cast
from urllib.parse import quote_plus

from alerts.templating.comparison import equal, less
from alerts.templating.errors import FunctionError
from alerts.templating.formatting import sprint, sprintf, sprintln
from alerts.templating.kinds import ANY, STRING, Kind, Typed, Uint8, kind_of, type_of, zero
from alerts.templating.limits import BoundedText
from alerts.templating.octets import from_octets, to_octets
from alerts.templating.signatures import Function
from alerts.templating.values import check_index, is_true

_HTML = str.maketrans(
    {'"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": "\ufffd"}
)
_JAVASCRIPT = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}


def escape_html(text: str) -> str:
    """Return a text that stands for itself in HTML, between tags and in a quoted attribute."""
    return text.translate(_HTML)


def escape_javascript(text: str) -> str:
    """Return a text that stands for itself in a quoted text of JavaScript."""
    return "".join(map(_javascript_character, text))


def _javascript_character(character: str) -> str:
    known = _JAVASCRIPT.get(character)
    if known is not None:
        return known
    if character >= " " and (character.isascii() or character.isprintable()):
        return character
    return f"\\u{ord(character):04X}"


def escape_query(text: str) -> str:
    """Return a text as a value of a URL's query."""
    return quote_plus(to_octets(text))


def _index(item: object, *indexes: object) -> object:
    if item is None:
        raise FunctionError("index of untyped nil")
    for index in indexes:
        match kind_of(item):
            case Kind.STRING:
                octets = to_octets(cast("str", item))
                item = Uint8(octets[_position(index, len(octets), "string")])
            case Kind.SLICE:
                items = cast("Sequence[object]", item)
                item = items[_position(index, len(items), "slice")]
            case Kind.MAP:
                item = _lookup(cast("Mapping[str, object]", item), index)
            case None:
                raise FunctionError("index of nil pointer")
            case _:
                raise FunctionError(f"can't index item of type {_pointed_to(item)}")
    return item


def _pointed_to(item: object) -> str:
    return type_of(item).name.removeprefix("*")


def _position(index: object, length: int, kind: str) -> int:
    position = check_index(index, length)
    if position == length:
        raise FunctionError(f"reflect: {kind} index out of range")
    return position


def _lookup(mapping: Mapping[str, object], key: object) -> object:
    if key is None:
        raise FunctionError("value is nil; should be of type string")
    if not isinstance(key, str):
        raise FunctionError(f"value has type {type_of(key)}; should be string")
    found = mapping.get(key)
    return zero(type_of(mapping).element) if found is None else found


def _slice(item: object, *indexes: object) -> object:
    if item is None:
        raise FunctionError("slice of untyped nil")
    if len(indexes) > 3:
        raise FunctionError(f"too many slice indexes: {len(indexes)}")
    kind = kind_of(item)
    if kind is Kind.STRING and len(indexes) == 3:
        raise FunctionError("cannot 3-index slice a string")
    if kind not in (Kind.STRING, Kind.SLICE):
        raise FunctionError(f"can't slice item of type {type_of(item)}")
    items = to_octets(cast("str", item)) if kind is Kind.STRING else cast("Sequence[object]", item)
    bounds = [0, len(items)]
    bounds[: len(indexes)] = [check_index(index, len(items)) for index in indexes]
    for first, second in pairwise(bounds):
        if first > second:
            raise FunctionError(f"invalid slice index: {first} > {second}")
    part = items[bounds[0] : bounds[1]]
    if isinstance(part, bytes):
        return from_octets(part)
    return type(item)(part) if isinstance(item, Typed) and isinstance(item, list) else part


def _length(item: object) -> int:
    match kind_of(item):
        case Kind.STRING:
            return len(to_octets(cast("str", item)))
        case Kind.SLICE | Kind.MAP:
            return len(cast("Sequence[object]", item))
        case None:
            raise FunctionError("reflect: call of reflect.Value.Type on zero Value")
        case _:
            raise FunctionError(f"len of type {_pointed_to(item)}")


def _call(function: object, *arguments: object) -> object:
    if function is None:
        raise FunctionError("call of nil")
    if not isinstance(function, Function):
        raise FunctionError(f"non-function of type {type_of(function)}")
    fixed = len(function.takes)
    if len(arguments) < fixed or (len(arguments) > fixed and function.rest is None):
        raise FunctionError(f"wrong number of args: got {len(arguments)} want {fixed}")
    return function.call(*arguments)


def _there(value: object) -> object:
    return "<no value>" if value is None else value


def _less_or_equal(first: object, second: object) -> bool:
    return less(first, second) or equal(first, second)


def _on_text(convert: Callable[[str], str]) -> Function:
    """Return a function of any values, which are printed and converted."""

    def call(*arguments: object) -> str:
        out = BoundedText()
        is_text = len(arguments) == 1 and isinstance(arguments[0], str)
        shown = arguments[0] if is_text else sprint(*map(_there, arguments))
        out.write(convert(cast("str", shown)))
        return str(out)

    return Function(call, rest=ANY)


def _compares(call: Callable[..., bool]) -> Function:
    return Function(call, (ANY, ANY))


SHORT_CIRCUIT = {"and": False, "or": True}
"""The functions that stop at the first argument of this truth."""

BUILTINS: Mapping[str, Function] = {
    "call": Function(_call, (ANY,), ANY),
    "html": _on_text(escape_html),
    "index": Function(_index, (ANY,), ANY),
    "js": _on_text(escape_javascript),
    "len": Function(_length, (ANY,)),
    "not": Function(lambda value: not is_true(value), (ANY,)),
    "print": Function(sprint, rest=ANY),
    "printf": Function(sprintf, (STRING,), ANY),
    "println": Function(sprintln, rest=ANY),
    "slice": Function(_slice, (ANY,), ANY),
    "urlquery": _on_text(escape_query),
    "eq": Function(equal, (ANY,), ANY),
    "ne": _compares(lambda first, second: not equal(first, second)),
    "lt": _compares(less),
    "le": _compares(_less_or_equal),
    "gt": _compares(lambda first, second: not _less_or_equal(first, second)),
    "ge": _compares(lambda first, second: not less(first, second)),
}
