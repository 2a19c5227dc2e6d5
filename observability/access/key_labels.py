"""The labels that a key adds to everything it writes: their rules, and the way people type them."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError

LONGEST_VALUE = 1024
"""Characters in one label value; far more than any real one, little enough for every write to carry."""

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def validate_labels(labels: Any) -> None:
    """Raise `ValidationError` unless `labels` is an object of Prometheus label names and string values.

    Names that start with `__` belong to the system, and an empty value is the same as
    no label, so both are refused.
    """
    if not isinstance(labels, dict):
        raise ValidationError("Labels must be an object of names and values.")
    for name, value in labels.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name.startswith("__"):
            raise ValidationError(
                f"{name!r} is not a label name: letters, digits and _, no digit first, not starting with __."
            )
        if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_VALUE or "\0" in value:
            raise ValidationError(
                f"The value of the label {name!r} must be a text of 1 to {LONGEST_VALUE} characters."
            )


def parse_label(text: str) -> tuple[str, str]:
    """Return name and value of `name=value`; the value may stand in double quotes."""
    name, equals, value = text.partition("=")
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if not equals:
        raise ValidationError(f"{text!r} is not of the form name=value.")
    labels = {name.strip(): value}
    validate_labels(labels)
    return name.strip(), value


def parse_labels(text: str) -> dict[str, str]:
    """Return the labels of lines such as `system=earntrack`; blank lines are passed over."""
    labels: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, value = parse_label(line)
        if name in labels:
            raise ValidationError(f"The label {name!r} is there twice.")
        labels[name] = value
    return labels


def format_labels(labels: dict[str, str]) -> str:
    """Return labels as `parse_labels` reads them, one line each."""
    return "\n".join(f"{name}={value}" for name, value in sorted(labels.items()))
