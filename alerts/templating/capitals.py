"""Words with capitals."""

from __future__ import annotations

import re

_WORD = re.compile(r"[\w'\u2019]+")


def title(text: str) -> str:
    """Return the text with the first letter of each word large and the others as they are."""
    return _WORD.sub(lambda word: word.group()[:1].title() + word.group()[1:], text)
