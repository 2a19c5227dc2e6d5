"""Names with characters that URLs of older clients cannot hold: `U__http_2e_requests` is `http.requests`.

Source: Prometheus, model/metric.go of prometheus/common (`UnescapeName`, `ValueEncodingEscaping`).
"""

from __future__ import annotations

import re

_PREFIX = "U__"
_ESCAPE = re.compile(r"_(?:(?P<underscore>_)|(?P<code>[0-9a-fA-F]{1,5})_)")
_ESCAPED = re.compile(r"(?:[^_]|__|_[0-9a-fA-F]{1,5}_)*")


def unescape_name(name: str) -> str:
    """Return the name that is meant; one that is not escaped, or not rightly so, means itself."""
    escaped = name.removeprefix(_PREFIX)
    if escaped == name or not _ESCAPED.fullmatch(escaped):
        return name
    unescaped = _ESCAPE.sub(_meant, escaped)
    # Half of a surrogate pair is no character.
    return name if any("\ud800" <= each <= "\udfff" for each in unescaped) else unescaped


def _meant(escape: re.Match[str]) -> str:
    return "_" if escape["underscore"] else chr(int(escape["code"], 16))
