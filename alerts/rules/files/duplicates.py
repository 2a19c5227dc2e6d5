"""Rules that stand twice in a file. Source: Prometheus 3, cmd/promtool/main.go (`checkDuplicates`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alerts.rules.files.definitions import FileGroup


@dataclass(frozen=True, slots=True, order=True)
class Duplicate:
    """What several rules have in common.

    Attributes:
        name: Of the alert or the recorded metric.
        labels: Sorted, those of the group included.
    """

    name: str
    labels: tuple[tuple[str, str], ...]


def duplicates(groups: Iterable[FileGroup]) -> list[Duplicate]:
    """Return what several rules of a file would write, sorted, each once."""
    counts = Counter(
        Duplicate(rule.name, tuple(sorted({**group.labels, **rule.labels}.items())))
        for group in groups
        for rule in group.rules
    )
    return sorted(duplicate for duplicate, count in counts.items() if count > 1)


def duplicates_message(found: Sequence[Duplicate]) -> str:
    """Return promtool's words for duplicates."""
    lines = [f"lint error {len(found)} duplicate rule(s) found."]
    for duplicate in found:
        lines += [f"Metric: {duplicate.name}", "Label(s):"]
        lines += [f"\t{name}: {value}" for name, value in duplicate.labels]
    return "\n".join([*lines, "Might cause inconsistency while recording expressions"])
