"""What a test file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class InputSeries:
    """A series in the notation of `observability.promql.series_notation`."""

    series: str
    values: str

    @property
    def text(self) -> str:
        """The metric with its values."""
        return f"{self.series} {self.values}"


@dataclass(frozen=True, slots=True)
class AlertLabels:
    """Labels and annotations of one alert, as expected or as found."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTest:
    """Which alerts of a name must fire at a time.

    Attributes:
        eval_time_ms: The time, counted from the start of the test.
        alertname: The alerts' name; they may come from several rules.
        expected: The alerts, `alertname` not among their labels; none must fire when empty.
    """

    eval_time_ms: int = 0
    alertname: str = ""
    expected: Sequence[AlertLabels] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedSample:
    """A series in Prometheus's notation and its value; `histogram` takes the value's place."""

    labels: str = ""
    value: float = 0.0
    histogram: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionTest:
    """What an expression must give at a time, which is counted from the start of the test."""

    expr: str = ""
    eval_time_ms: int = 0
    expected: Sequence[ExpectedSample] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TestGroup:
    """Series, and what is expected of the rules over them.

    Attributes:
        name: Shown with what fails; '' for none.
        interval_ms: Distance of the samples of the input series.
        input_series: What is there beside the rules' results.
        alert_tests: What must fire.
        expression_tests: What expressions must give, after all evaluations.
        external_labels: For templates.
        external_url: For templates.
        start_ms: The time of the first samples, from which all times count.
    """

    # Not a class of tests, whatever pytest takes it for.
    __test__ = False

    name: str = ""
    interval_ms: int
    input_series: Sequence[InputSeries] = ()
    alert_tests: Sequence[AlertTest] = ()
    expression_tests: Sequence[ExpressionTest] = ()
    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""
    start_ms: int = 0

    @property
    def longest_ms(self) -> int:
        """The latest time at which anything is expected."""
        times = [test.eval_time_ms for test in self.alert_tests]
        times += [test.eval_time_ms for test in self.expression_tests]
        return max(times, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestFile:
    """One file of tests.

    Attributes:
        rule_files: Patterns of paths, relative to the test file.
        evaluation_interval_ms: From one evaluation of the rules to the next.
        group_order: Names of rule groups in the order of their evaluation.
        fuzzy_compare: Whether numbers may differ in their last bit.
        groups: The tests.
    """

    __test__ = False

    rule_files: Sequence[str] = ()
    evaluation_interval_ms: int
    group_order: Sequence[str] = ()
    fuzzy_compare: bool = False
    groups: Sequence[TestGroup] = ()
