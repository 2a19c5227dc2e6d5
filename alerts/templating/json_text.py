"""Values as JSON, as Go's encoding/json writes it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import cast

from alerts.templating.errors import FunctionError
from alerts.templating.kinds import Kind, Struct, kind_of, type_of
from alerts.templating.limits import BoundedText
from alerts.templating.octets import printable
from alerts.templating.times import Time
from alerts.templating.values import sorted_items
from observability.promql.go_floats import plain

_RFC_3339 = "2006-01-02T15:04:05.999999999Z07:00"
_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def to_json(value: object) -> str:
    """Return a value as JSON, safe to stand in HTML.

    Raises:
        FunctionError: JSON has no form for it.
    """
    out = BoundedText()
    _write(out, value)
    return str(out)


def _write(out: BoundedText, value: object) -> None:
    if isinstance(value, Time):
        layout = Time.methods["Format"]
        out.write(f'"{layout.call(value, _RFC_3339)}"')
        return
    match kind_of(value):
        case None:
            out.write("null")
        case Kind.BOOL:
            out.write("true" if value else "false")
        case Kind.INT | Kind.UINT:
            out.write(str(int(cast("int", value))))
        case Kind.FLOAT:
            out.write(_number(cast("float", value)))
        case Kind.STRING:
            out.write(quoted(cast("str", value)))
        case Kind.SLICE:
            _write_list(out, cast("Sequence[object]", value))
        case Kind.MAP:
            _write_object(out, sorted_items(cast("Mapping[str, object]", value)))
        case _ if isinstance(value, Struct):
            names = value.json_names or {name: name for name in value.fields}
            _write_object(
                out,
                [(names[name], getattr(value, place)) for name, place in value.fields.items()],
            )
        case _:
            raise FunctionError(f"json: unsupported type: {type_of(value)}")


def _write_list(out: BoundedText, items: Sequence[object]) -> None:
    out.write("[")
    for position, item in enumerate(items):
        if position:
            out.write(",")
        _write(out, item)
    out.write("]")


def _write_object(out: BoundedText, items: Sequence[tuple[object, object]]) -> None:
    out.write("{")
    for position, (name, value) in enumerate(items):
        out.write(f"{',' if position else ''}{quoted(str(name))}:")
        _write(out, value)
    out.write("}")


def quoted(text: str) -> str:
    """Return a text as a text of JSON."""
    return json.dumps(printable(text), ensure_ascii=False).translate(_ESCAPES)


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise FunctionError(f"json: unsupported value: {value}")
    if value and not 1e-6 <= abs(value) < 1e21:
        mantissa, _, exponent = repr(value).partition("e")
        if not exponent:
            mantissa, _, exponent = f"{value:e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"
    return plain(value)
