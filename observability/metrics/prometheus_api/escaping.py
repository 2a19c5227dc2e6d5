"""Metric and label names with characters that older clients and URLs do not know, written in theirs.

Source: prometheus/common, model/metric.go (`EscapeName`, `UnescapeName`), expfmt/expfmt.go (`Negotiate`).
"""

from __future__ import annotations

import re
from enum import StrEnum


class Escaping(StrEnum):
    """How names are written; the words of the `escaping` parameter of `Accept`."""

    ALLOW_UTF_8 = "allow-utf-8"
    UNDERSCORES = "underscores"
    DOTS = "dots"
    VALUES = "values"


_VALUES_PREFIX = "U__"
_CODE = re.compile(r"_(?:(?P<underscore>_)|(?P<code>[0-9a-fA-F]{1,5})_)")
_ESCAPED = re.compile(r"(?:[^_]|__|_[0-9a-fA-F]{1,5}_)*")
_FOREIGN = re.compile(r"[^a-zA-Z0-9_:]|^[0-9]")
_LEGACY = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def escape_name(name: str, escaping: Escaping) -> str:
    """Return a name as a client reads it that wants this escaping."""
    match escaping:
        case Escaping.ALLOW_UTF_8:
            return name
        case Escaping.UNDERSCORES:
            return _FOREIGN.sub("_", name)
        case Escaping.DOTS:
            dotted = name.replace("_", "__").replace(".", "_dot_")
            return _FOREIGN.sub("__", dotted)
        case Escaping.VALUES:
            if _LEGACY.fullmatch(name):
                return name
            escaped = _FOREIGN.sub(
                lambda foreign: f"_{ord(foreign[0]):x}_", name.replace("_", "__")
            )
            return _VALUES_PREFIX + escaped


def unescape_name(name: str) -> str:
    """Return what `U__http_2e_requests` means; a name that is not escaped, or not rightly so, means itself."""
    escaped = name.removeprefix(_VALUES_PREFIX)
    if escaped == name or not _ESCAPED.fullmatch(escaped):
        return name
    unescaped = _CODE.sub(_meant, escaped)
    # Half of a surrogate pair is no character.
    return name if any("\ud800" <= each <= "\udfff" for each in unescaped) else unescaped


def _meant(code: re.Match[str]) -> str:
    return "_" if code["underscore"] else chr(int(code["code"], 16))


def wanted_escaping(accept: str) -> Escaping:
    """Return the escaping that an `Accept` header asks for, in its most wanted clause that does; underscores unless any."""
    clauses = []
    for clause in accept.split(","):
        _, *parameters = (part.strip() for part in clause.split(";"))
        named = dict(parameter.partition("=")[::2] for parameter in parameters)
        clauses.append((_weight(named.get("q", "1")), named.get("escaping", "")))
    clauses.sort(key=lambda clause: -clause[0])
    wanted = [escaping for _, escaping in clauses if escaping in set(Escaping)]
    return Escaping(wanted[0]) if wanted else Escaping.UNDERSCORES


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
