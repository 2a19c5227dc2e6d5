"""Metrics that nobody has recorded within a week."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from alerts.rules.lint.finding import Check, Remark, Subject
from alerts.rules.lint.seen import Seen
from alerts.rules.lint.trees import is_absent_call, metric_of, walk
from observability.promql.syntax import VectorSelector

WRITTEN_BY_ALERTS = frozenset({"ALERTS", "ALERTS_FOR_STATE"})
_COMPARED = 2_000
_ALIKE = 0.75


def _look(subject: Subject, seen: Seen) -> Iterator[Remark]:
    names = [
        metric_of(node)
        for node in walk(subject.expr, skip=is_absent_call)
        if isinstance(node, VectorSelector)
    ]
    known = seen.metric_names()
    for name in dict.fromkeys(filter(None, names)):
        if name in known or name in subject.recorded or name in WRITTEN_BY_ALERTS:
            continue
        similar = _similar(name, known)
        yield Remark(
            f"there is no metric {name}",
            f"did you mean {similar}?"
            if similar
            else "see which there are in the metrics explorer",
        )


def _similar(name: str, known: Collection[str]) -> str:
    # The beginning or the end is right more often than not, and comparing takes its time.
    begin, end = name[:4], name[-6:]
    candidates = [other for other in known if other.startswith(begin) or other.endswith(end)]
    found = difflib.get_close_matches(name, sorted(candidates)[:_COMPARED], n=1, cutoff=_ALIKE)
    return found[0] if found else ""


CHECK = Check(name="missing-metric", needs_store=True, look=_look)
