"""Functions for counters over metrics that are none."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.rules.lint.finding import Check, Remark, Subject
from alerts.rules.lint.seen import Seen
from alerts.rules.lint.trees import COUNTER_FUNCTIONS, metric_of, walk
from observability.metrics.samples import MetricType
from observability.promql.syntax import Call, MatrixSelector, unwrap


def _look(subject: Subject, seen: Seen) -> Iterator[Remark]:
    for node in walk(subject.expr):
        if not isinstance(node, Call) or node.function not in COUNTER_FUNCTIONS:
            continue
        argument = unwrap(node.args[0])
        if not isinstance(argument, MatrixSelector):
            continue
        metric = metric_of(argument.selector)
        if metric and seen.metric_type(metric) is MetricType.GAUGE:
            yield Remark(
                f"{node.function}() is for counters, and {metric} is a gauge: each time it falls"
                " counts as a restart",
                "use deriv() or delta() for how it changes, or avg_over_time() for its level",
            )


CHECK = Check(name="rate-of-gauge", needs_store=True, look=_look)
