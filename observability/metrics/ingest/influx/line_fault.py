"""What is wrong with a line that is not line protocol, in words."""

from __future__ import annotations

import re

from observability.metrics.ingest.influx.grammar import FIELD, MEASUREMENT, NAME, STRING, TAG

_SERIES = re.compile(rb"[ \t\r]*+" + MEASUREMENT + rb"(?:," + TAG + rb")*+")
_FIELD = FIELD + rb"(?=[, \r]|\Z)"
_FIELDS = re.compile(rb" ++" + _FIELD + rb"(?:," + _FIELD + rb")*+")
_NEXT_FIELD = re.compile(rb"[ ,]*+(" + NAME + rb")(?:=(.*))?", re.DOTALL)
_TIMESTAMP = re.compile(rb" *+-?[0-9]*+ *+\r?")
_LONGEST_SHOWN = 60


def line_fault(line: bytes) -> str:
    """Return why a line is not line protocol.

    Args:
        line: Without its end; one that does not match `grammar.LINE`.
    """
    series = _SERIES.match(line)
    at = series.end() if series else 0
    if not line[at:].strip():
        return "there are no fields"
    if line[at : at + 1] != b" ":
        return f"expected a tag as name=value, got {_shown(line[at:].lstrip(b','))}"
    fields = _FIELDS.match(line, at)
    at = fields.end() if fields else at
    if fields is None or line[at : at + 1] == b",":
        return _field_fault(line[at:])
    if _TIMESTAMP.fullmatch(line, at):
        return f"the timestamp {_shown(line[at:].strip())} is not a 64-bit number"
    return f"expected a whole number as timestamp, got {_shown(line[at:].strip())}"


def _field_fault(text: bytes) -> str:
    """Return what is wrong with the first field of `text`."""
    field = _NEXT_FIELD.match(text)
    if field is None or field[2] is None:
        return f"expected a field as name=value, got {_shown(text.lstrip(b' ,'))}"
    name, value = field[1], field[2]
    if value.startswith(b'"') and not re.match(STRING, value):
        return f"the text of the field {_shown(name)} has no closing quote"
    return (
        f"the value of the field {_shown(name)} is {_shown(re.split(rb'[, ]', value)[0])}; expected a number"
        " (1.5, 15i, 15u), a boolean (true, false) or a text in double quotes"
    )


def _shown(text: bytes) -> str:
    shown = text[:_LONGEST_SHOWN].decode(errors="replace")
    return repr(shown + "..." if len(text) > _LONGEST_SHOWN else shown)
