"""What was expected beside what was found."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from alerts.rules.errors import RuleEvaluationError
from alerts.rules.unit_tests.definitions import (
    AlertLabels,
    AlertTest,
    ExpectedSample,
    ExpressionTest,
)
from alerts.rules.unit_tests.errors import UnitTestError
from alerts.rules.unit_tests.json_difference import difference
from alerts.rules.unit_tests.printing import alerts_text, indent, samples_text
from alerts.templating.literals import quote
from observability.promql.durations import format_duration
from observability.promql.errors import PromQLError
from observability.promql.labels import LabelSet
from observability.promql.series_notation import parse_metric

_MARGIN = "            "

Samples: TypeAlias = Sequence[tuple[LabelSet, float]]


def alert_fault(
    test: AlertTest, found: Iterable[AlertLabels], *, test_name: str, with_diff: bool
) -> str | None:
    """Return what is wrong with the alerts that fire, None when they are as expected.

    Args:
        test: What is expected.
        found: What fires.
        test_name: Of the group of tests, '' for none.
        with_diff: Whether to show the differences in colours instead of both.
    """
    expected = _sorted(
        AlertLabels({**alert.labels, "alertname": test.alertname}, alert.annotations)
        for alert in test.expected
    )
    got = _sorted(found)
    if got == expected:
        return None
    name = f"    name: {test_name},\n" if test_name else ""
    head = f"{name}    alertname: {test.alertname}, time: {format_duration(test.eval_time_ms)}, \n"
    if with_diff:
        return f"{head}        diff: {indent(_diff(expected, got), _MARGIN)}"
    exp_text, got_text = (indent(alerts_text(alerts), _MARGIN) for alerts in (expected, got))
    return f"{head}        exp:{exp_text}, \n        got:{got_text}"


def expression_fault(
    test: ExpressionTest, query: Callable[[str], Samples], *, is_fuzzy: bool
) -> str | None:
    """Return what is wrong with an expression, None when it gives what is expected.

    Args:
        test: What is expected.
        query: Evaluates the expression.
        is_fuzzy: Whether numbers may differ in their last bit.
    """
    head = f"    expr: {quote(test.expr)}, time: {format_duration(test.eval_time_ms)},"
    try:
        got = sorted(query(test.expr), key=lambda sample: sample[0])
        expected = sorted(map(_expected, test.expected), key=lambda sample: sample[0])
    except (PromQLError, RuleEvaluationError, UnitTestError) as error:
        return f"{head} err: {error}"
    if _is_same(expected, got, is_fuzzy=is_fuzzy):
        return None
    return f"{head}\n        exp: {samples_text(expected)}\n        got: {samples_text(got)}"


def _expected(sample: ExpectedSample) -> tuple[LabelSet, float]:
    try:
        labels = parse_metric(sample.labels)
    except PromQLError as error:
        raise UnitTestError(f"labels {quote(sample.labels)}: {error}") from error
    if sample.histogram:
        raise UnitTestError(
            f"labels {quote(sample.labels)}: native histograms are not supported, samples are floats"
        )
    return labels, sample.value


def _is_same(expected: Samples, got: Samples, *, is_fuzzy: bool) -> bool:
    if [labels for labels, _ in expected] != [labels for labels, _ in got]:
        return False
    pairs = zip(expected, got, strict=True)
    return all(_is_equal(first, second, is_fuzzy=is_fuzzy) for (_, first), (_, second) in pairs)


def _is_equal(first: float, second: float, *, is_fuzzy: bool) -> bool:
    """Compare as promtool does, for which no NaN equals another."""
    if first == second:
        return True
    return is_fuzzy and second in (
        math.nextafter(first, -math.inf),
        math.nextafter(first, math.inf),
    )


def _sorted(alerts: Iterable[AlertLabels]) -> list[AlertLabels]:
    return sorted(
        alerts,
        key=lambda alert: (sorted(alert.labels.items()), sorted(alert.annotations.items())),
    )


def _diff(expected: Sequence[AlertLabels], got: Sequence[AlertLabels]) -> str:
    return difference(_as_json(expected), _as_json(got))


def _as_json(alerts: Sequence[AlertLabels]) -> list[dict[str, dict[str, str]]]:
    shown = [
        {"Annotations": dict(alert.annotations), "Labels": dict(alert.labels)} for alert in alerts
    ]
    # An empty alert instead of none, so that each field of the other side is shown.
    return shown or [{"Annotations": {}, "Labels": {}}]
