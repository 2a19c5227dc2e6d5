"""Alerts and samples as promtool prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alerts.rules.unit_tests.definitions import AlertLabels
from observability.promql.go_floats import scientific
from observability.promql.labels import LabelSet, format_labels


def labels_text(labels: Mapping[str, str]) -> str:
    """Return `{a="b", c="d"}`, sorted by name."""
    return format_labels(tuple(sorted(labels.items())))


def alerts_text(alerts: Sequence[AlertLabels]) -> str:
    """Return labels and annotations of alerts, numbered, over several lines."""
    if not alerts:
        return "[]"
    shown = (
        f"{number}:"
        + indent(
            f"\nLabels:{labels_text(alert.labels)}\nAnnotations:{labels_text(alert.annotations)}",
            "  ",
        )
        for number, alert in enumerate(alerts)
    )
    return "[\n" + ",\n".join(shown) + "\n]"


def samples_text(samples: Sequence[tuple[LabelSet, float]]) -> str:
    """Return series with their values in one line."""
    if not samples:
        return "nil"
    return ", ".join(f"{format_labels(labels)} {scientific(value)}" for labels, value in samples)


def indent(text: str, margin: str) -> str:
    """Return a text with a margin before all lines but the first."""
    return text.replace("\n", "\n" + margin)
