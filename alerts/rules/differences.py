"""What differs between two texts: word by word, or line by line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import Differ, SequenceMatcher
from typing import Literal

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
# Beyond these, comparing takes as long as a page may: the texts are told to differ as a whole.
_MOST_WORDS = 2_000
_MOST_LINES = 2_000


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a text.

    Attributes:
        text: What it says.
        is_changed: Whether the other text has something else there.
    """

    text: str
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line of one of two texts, or of both.

    Attributes:
        kind: `gone` from the first, `new` in the second, or the `same`.
        text: Without its end.
    """

    kind: Literal["gone", "new", "same"]
    text: str


def different_words(before: str, after: str) -> tuple[list[Part], list[Part]]:
    """Return the parts of both texts, which joined make up each of them again."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) > _MOST_WORDS or len(new) > _MOST_WORDS:
        return [Part(before, is_changed=True)], [Part(after, is_changed=True)]
    left: list[Part] = []
    right: list[Part] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for kind, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        is_changed = kind != "equal"
        _add(left, old[old_start:old_end], is_changed=is_changed)
        _add(right, new[new_start:new_end], is_changed=is_changed)
    return left, right


def different_lines(before: str, after: str) -> list[Line]:
    """Return the lines of both texts, those that are gone before those that have come instead."""
    old, new = before.splitlines(), after.splitlines()
    if len(old) > _MOST_LINES or len(new) > _MOST_LINES:
        return [*(Line("gone", line) for line in old), *(Line("new", line) for line in new)]
    kinds: dict[str, Literal["gone", "new", "same"]] = {"- ": "gone", "+ ": "new", "  ": "same"}
    return [
        Line(kinds[line[:2]], line[2:]) for line in Differ().compare(old, new) if line[:2] in kinds
    ]


def _add(parts: list[Part], words: Sequence[str], *, is_changed: bool) -> None:
    if words:
        parts.append(Part("".join(words), is_changed))
