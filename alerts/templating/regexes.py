"""Regular expressions in templates: RE2, with Go's replacements (`$1`, `${name}`) and messages."""

from __future__ import annotations

from functools import lru_cache

import re2

from alerts.templating.errors import FunctionError
from alerts.templating.limits import BoundedText
from alerts.templating.literals import quote
from alerts.templating.octets import printable
from observability.promql.expansion import expand
from observability.promql.matchers import regex_fault


def matches(pattern: str, text: str) -> bool:
    """Say whether a part of the text matches.

    Raises:
        FunctionError: The pattern is not a regular expression.
    """
    return _compiled(pattern).search(printable(text)) is not None


def replace_all(pattern: str, replacement: str, text: str) -> str:
    """Return the text with each match replaced; groups of it may stand in the replacement.

    Raises:
        FunctionError: The pattern is not a regular expression, or the text gets too long.
    """
    try:
        regex = _compiled(pattern)
    except FunctionError as error:
        shown = quote(pattern) if "`" in pattern else f"`{pattern}`"
        raise FunctionError(f"regexp: Compile({shown}): {error}") from error
    out = BoundedText()
    text = printable(text)
    end = 0
    is_first = True
    for found in regex.finditer(text):
        if not found.group() and found.start() == end and not is_first:
            # Right behind a match, nothing is no other match.
            continue
        out.write(text[end : found.start()])
        out.write(expand(replacement, found))
        end = found.end()
        is_first = False
    out.write(text[end:])
    return str(out)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(printable(pattern), options)
    except re2.error as error:
        raise FunctionError(f"error parsing regexp: {regex_fault(error)}") from error
