"""Texts in columns, as wide as a terminal shows them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

_GAP = "  "


def width(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    return sum(_cells(char) for char in text)


def printable(text: str) -> str:
    """Return a text without characters that would act on the terminal instead of being shown."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as lines, all columns to the left but the last one, which goes to the right."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        *others, last = [
            (cell, " " * (wide - width(cell))) for cell, wide in zip(row, widths, strict=True)
        ]
        yield _GAP.join([*(cell + gap for cell, gap in others), last[1] + last[0]])


def _cells(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
