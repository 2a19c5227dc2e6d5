"""Regular expressions in templates: RE2, with Go's replacements (`$1`, `${name}`)."""

from __future__ import annotations

from functools import lru_cache

import re2

from alerts.templating.errors import FunctionError
from alerts.templating.limits import BoundedText
from alerts.templating.octets import printable
from observability.promql.expansion import expand


def matches(pattern: str, text: str) -> bool:
    """Say whether a part of the text matches."""
    return _compiled(pattern).search(printable(text)) is not None


def replace_all(pattern: str, replacement: str, text: str) -> str:
    """Return the text with each match replaced; groups of it may stand in the replacement."""
    out = BoundedText()
    text = printable(text)
    end = 0
    for found in _compiled(pattern).finditer(text):
        out.write(text[end : found.start()])
        out.write(expand(replacement, found))
        end = found.end()
    out.write(text[end:])
    return str(out)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(printable(pattern), options)
    except re2.error as error:
        reason = error.args[0]
        shown = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise FunctionError(f"error parsing regexp: {shown}") from error
