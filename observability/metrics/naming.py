"""Prometheus's rules for metric and label names, and this store's limits on labels.

Source: Prometheus "Metric names and labels" (prometheus.io/docs/concepts/data_model).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

METRIC_NAME_PATTERN = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME_PATTERN = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

MAX_METRIC_NAME_LENGTH = 256
MAX_LABEL_NAME_LENGTH = 256
# A label pair must fit into one index entry of PostgreSQL, about 2,700 bytes.
MAX_LABEL_VALUE_BYTES = 2_048
# Unless MAX_LABELS_PER_SERIES says otherwise.
MAX_LABELS = 40


def metric_name_fault(name: str) -> str:
    """Return what is wrong with a metric name, '' when nothing is."""
    if not METRIC_NAME_PATTERN.fullmatch(name):
        return (
            f"{_shown(name)} is not a metric name: letters, digits, '_' and ':' are allowed,"
            " and it must not begin with a digit"
        )
    if len(name) > MAX_METRIC_NAME_LENGTH:
        return (
            f"a metric name has at most {MAX_METRIC_NAME_LENGTH} characters; this has {len(name)}"
        )
    return ""


def label_name_fault(name: str) -> str:
    """Return what is wrong with a label name, '' when nothing is."""
    if not LABEL_NAME_PATTERN.fullmatch(name):
        return (
            f"{_shown(name)} is not a label name: letters, digits and '_' are allowed,"
            " and it must not begin with a digit"
        )
    if name.startswith("__"):
        return f"{_shown(name)}: label names that begin with '__' are reserved"
    if len(name) > MAX_LABEL_NAME_LENGTH:
        return f"a label name has at most {MAX_LABEL_NAME_LENGTH} characters; this has {len(name)}"
    return ""


def label_value_fault(value: str) -> str:
    """Return what is wrong with a label value, '' when nothing is."""
    if "\x00" in value:
        return "a label value must not hold the character U+0000"
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "a label value must be valid Unicode text"
    if size > MAX_LABEL_VALUE_BYTES:
        return f"a label value has at most {MAX_LABEL_VALUE_BYTES} bytes; this has {size}"
    return ""


def label_faults(
    labels: Mapping[str, str], *, max_labels: int = MAX_LABELS
) -> Iterator[tuple[str, str]]:
    """Yield a label's name and what is wrong with it, for each faulty label; '' for all together."""
    if len(labels) > max_labels:
        yield (
            "",
            (
                f"a series has at most {max_labels} labels (MAX_LABELS_PER_SERIES);"
                f" this has {len(labels)}"
            ),
        )
    for name, value in labels.items():
        fault = label_name_fault(name) or label_value_fault(value)
        if fault:
            yield name, fault


def _shown(name: str) -> str:
    return repr(name if len(name) <= 100 else name[:100] + "...")
