"""Two values of JSON as one, with their differences in the colours of a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_ADDED = "\x1b[0;32m"
_REMOVED = "\x1b[0;31m"
_CHANGED = "\x1b[0;33m"
_PLAIN = "\x1b[0m"
_INDENT = "    "


def difference(before: object, after: object) -> str:
    """Return what is the same, removed (red), added (green) and changed (yellow, `old => new`)."""
    return "\n".join(_lines(before, after))


def _lines(before: object, after: object) -> Iterator[str]:
    match before, after:
        case dict(), dict():
            names = sorted({*before, *after})
            rows = [_entry(f"{json.dumps(name)}: ", name, before, after) for name in names]
            yield from _bracketed("{", rows, "}")
        case list(), list():
            count = max(len(before), len(after))
            old, new = dict(enumerate(before)), dict(enumerate(after))
            yield from _bracketed("[", [_entry("", i, old, new) for i in range(count)], "]")
        case _ if before == after:
            yield from _text(before)
        case _:
            shown = f"{' '.join(_text(before))} => {' '.join(_text(after))}"
            yield f"{_CHANGED}{shown}{_PLAIN}"


def _entry(prefix: str, key: object, before: dict[Any, Any], after: dict[Any, Any]) -> list[str]:
    if key in before and key in after:
        lines = list(_lines(before[key], after[key]))
        return [prefix + lines[0], *lines[1:]]
    colour, side = (_REMOVED, before) if key in before else (_ADDED, after)
    first, *rest = _text(side[key])
    return [f"{colour}{line}{_PLAIN}" for line in (prefix + first, *rest)]


def _bracketed(opening: str, entries: list[list[str]], closing: str) -> Iterator[str]:
    yield opening
    for number, lines in enumerate(entries, 1):
        *others, last = lines
        yield from (_INDENT + line for line in others)
        yield _INDENT + last + ("," if number < len(entries) else "")
    yield closing


def _text(value: object) -> list[str]:
    return json.dumps(value, indent=len(_INDENT), ensure_ascii=False, sort_keys=True).split("\n")
