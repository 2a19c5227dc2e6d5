"""Matchers that no series of their metric satisfies."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.rules.lint.finding import Check, Remark, Subject
from alerts.rules.lint.seen import Seen
from alerts.rules.lint.trees import is_absent_call, metric_of, walk
from observability.promql.labels import METRIC_NAME
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.syntax import VectorSelector


def _look(subject: Subject, seen: Seen) -> Iterator[Remark]:
    told = set()
    for node in walk(subject.expr, skip=is_absent_call):
        if not isinstance(node, VectorSelector):
            continue
        metric = metric_of(node)
        if not metric or metric not in seen.metric_names() or metric in subject.recorded:
            continue
        if str(node.all_matchers) in told or seen.has_series(node.all_matchers):
            continue
        told.add(str(node.all_matchers))
        yield _remark(metric, node.all_matchers, seen)


def _remark(metric: str, matchers: tuple[Matcher, ...], seen: Seen) -> Remark:
    named = Matcher(METRIC_NAME, MatchOp.EQUAL, metric)
    for matcher in matchers:
        if matcher.name == METRIC_NAME or seen.has_series([named, matcher]):
            continue
        labels = seen.label_names(metric)
        if matcher.name not in labels:
            there = ", ".join(labels) or "none"
            return Remark(f"{metric} has no label {matcher.name}", f"its labels are: {there}")
        values = ", ".join(seen.label_values(metric, matcher.name))
        return Remark(f"no series of {metric} has {matcher}", f"there are, for example: {values}")
    shown = ", ".join(str(matcher) for matcher in matchers if matcher.name != METRIC_NAME)
    return Remark(
        f"no series of {metric} has all of {shown}", "each of them is there, but not together"
    )


CHECK = Check(name="unmatched-matcher", needs_store=True, look=_look)
