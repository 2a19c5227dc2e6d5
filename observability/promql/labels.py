"""Label sets as plain values: how they are made, reduced and printed."""

import re
from collections.abc import Collection, Mapping
from typing import TypeAlias

LabelSet: TypeAlias = tuple[tuple[str, str], ...]
"""Pairs of label name and value, sorted by name, with no empty value and no name twice."""

METRIC_NAME = "__name__"
METADATA_LABELS = frozenset({METRIC_NAME, "__type__", "__unit__"})

_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r",
    "\t": "\\t", "\v": "\\v",
}  # fmt: skip
_LEGACY_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LEGACY_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def label_set(labels: Mapping[str, str]) -> LabelSet:
    """Return `labels` as a label set; an empty value is the same as an absent label."""
    return tuple(sorted((name, value) for name, value in labels.items() if value))


def label_value(labels: LabelSet, name: str) -> str:
    """Return the value of one label, '' when it is absent."""
    for candidate, value in labels:
        if candidate == name:
            return value
    return ""


def keep_labels(labels: LabelSet, names: Collection[str]) -> LabelSet:
    """Return the part of `labels` whose names are among `names`."""
    return tuple(pair for pair in labels if pair[0] in names)


def drop_labels(labels: LabelSet, names: Collection[str]) -> LabelSet:
    """Return `labels` without those whose names are among `names`."""
    return tuple(pair for pair in labels if pair[0] not in names)


def drop_metric_name(labels: LabelSet) -> LabelSet:
    """Return `labels` without the metric name."""
    return tuple(pair for pair in labels if pair[0] != METRIC_NAME)


def drop_metadata(labels: LabelSet) -> LabelSet:
    """Return `labels` without those that a changed value no longer deserves.

    These are the metric name, and the type and unit labels that Prometheus 3 keeps with it.
    """
    return drop_labels(labels, METADATA_LABELS)


def quote(text: str) -> str:
    """Return `text` as a double-quoted PromQL string literal, escaped as Go does it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if escape := _ESCAPES.get(character):
        return escape
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        # A byte that is no UTF-8.
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def format_label_name(name: str) -> str:
    """Return a label name as PromQL writes it: quoted when it needs UTF-8."""
    return name if _LEGACY_LABEL_NAME.fullmatch(name) else quote(name)


def format_grouping_label(name: str) -> str:
    """Return a label name as `by`, `on` and their kin take it: quoted, too, where it is a number or a keyword."""
    return quote(name) if name.lower() in ("inf", "nan", "without") else format_label_name(name)


def is_legacy_metric_name(name: str) -> bool:
    """Say whether a metric name may be written without quotes."""
    return _LEGACY_METRIC_NAME.fullmatch(name) is not None


def format_labels(labels: LabelSet) -> str:
    """Return `{a="b", c="d"}`, as Prometheus writes label sets in its messages."""
    return "{" + ", ".join(f"{format_label_name(n)}={quote(v)}" for n, v in labels) + "}"


def format_metric(labels: LabelSet) -> str:
    """Return `name{a="b"}`, as Prometheus writes a metric in its messages."""
    name = label_value(labels, METRIC_NAME)
    rest = drop_metric_name(labels)
    if not name or not is_legacy_metric_name(name):
        inner = [quote(name)] if name else []
        inner += [f"{format_label_name(n)}={quote(v)}" for n, v in rest]
        return "{" + ", ".join(inner) + "}"
    return name + (format_labels(rest) if rest else "")
