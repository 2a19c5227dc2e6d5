"""The order in which people expect names with numbers: `disk2` before `disk10`."""

import re
from typing import TypeAlias

_PARTS = re.compile(r"([0-9]+)|[^0-9]+")

Key: TypeAlias = tuple[tuple[str, int], ...]


def natural_key(text: str) -> Key:
    """Return what sorts as `text` does where its numbers count by their value."""
    # A number stands among other texts where a digit does.
    return tuple(
        ("0", int(found[1])) if found[1] else (found[0], 0) for found in _PARTS.finditer(text)
    )
