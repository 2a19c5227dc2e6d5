"""Words with capitals.

Source: Go, golang.org/x/text/cases (`Title` for American English).
"""

from __future__ import annotations

import re

# Within a word, an apostrophe, a full stop or a colon begins no new one.
_WORD = re.compile(
    r"\w+(?:(?:(?<=[^\W_])['.\u2019](?=[^\W_])|(?<=[^\W\d_])[:\u00b7](?=[^\W\d_]))\w+)*"
)


def title(text: str) -> str:
    """Return the text with the first letter of each word large and the others as they are."""
    return _WORD.sub(lambda word: _capitalized(word.group()), text)


def title_lower(text: str) -> str:
    """Return the text with the first letter of each word large and the others small."""
    return _WORD.sub(lambda word: _capitalized(word.group().lower()), text)


def _capitalized(word: str) -> str:
    for place, character in enumerate(word):
        if character.isalpha():
            return word[:place] + character.title() + word[place + 1 :]
    return word
