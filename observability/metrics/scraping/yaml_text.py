"""YAML as people write it, with a bound on what its aliases make of it."""

from __future__ import annotations

from typing import Any

import yaml

# A text of a few hundred bytes can mean billions of values: aliases of lists of aliases.
MAX_VALUES = 1_000_000


class YamlError(ValueError):
    """A text is not YAML, or means too much."""


def load_yaml(text: str | bytes) -> Any:
    """Return what a text in YAML says, of plain types.

    Raises:
        YamlError: It is not YAML, or has more than MAX_VALUES values.
    """
    try:
        # Not with the parser in C, which is faster, but dies of what is nested deeply.
        loaded = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise YamlError(str(error)) from error
    waiting, count = [loaded], 0
    while waiting:
        value = waiting.pop()
        count += 1
        if count + len(waiting) > MAX_VALUES:
            raise YamlError(f"it has more than {MAX_VALUES:,} values")
        if isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list | tuple | set):
            waiting += value
    return loaded
