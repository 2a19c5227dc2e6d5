"""One group of tests: its series, the rules evaluated over them, and what is wrong."""

from __future__ import annotations

from functools import partial

from alerts.rules.unit_tests.comparison import alert_fault, expression_fault
from alerts.rules.unit_tests.definitions import AlertLabels, AlertTest, TestGroup
from alerts.rules.unit_tests.options import Options
from alerts.rules.unit_tests.rule_set import RuleSet
from alerts.rules.unit_tests.simulation import Simulation
from alerts.rules.unit_tests.storage import TestStorage
from alerts.templating.durations import MILLISECOND
from alerts.templating.durations import format_duration as go_duration
from observability.promql.durations import format_duration
from observability.promql.errors import ParseError
from observability.promql.series_notation import parse_series


class Execution:
    """The run of one group of tests."""

    def __init__(
        self, test: TestGroup, rule_set: RuleSet, *, interval_ms: int, options: Options
    ) -> None:
        self._test = test
        self._interval_ms = interval_ms
        self._options = options
        self._simulation = Simulation(
            rule_set, test, interval_ms=interval_ms, compat=options.compat
        )

    @property
    def storage(self) -> TestStorage:
        """The samples, of the input and of the rules."""
        return self._simulation.storage

    def run(self, *, is_fuzzy: bool) -> list[str]:
        """Evaluate the rules as often as the tests need, and return what is wrong."""
        try:
            self._load()
        except ParseError as error:
            return [str(error)]
        for test in self._test.alert_tests:
            if not test.alertname:
                return [self._nameless(test)]
        faults: list[str] = []
        start_ms = self._test.start_ms
        for at_ms in range(start_ms, start_ms + self._test.longest_ms + 1, self._interval_ms):
            due = self._due(at_ms - start_ms)
            failures = self._simulation.evaluate(at_ms, is_watched=bool(due))
            if failures:
                since_epoch = go_duration(at_ms * MILLISECOND)
                return faults + [
                    f"    rule: {failure.rule}, time: {since_epoch}, err: {failure.reason}"
                    for failure in failures
                ]
            faults += [fault for fault in map(self._alert_fault, due) if fault]
        return faults + self._expression_faults(is_fuzzy=is_fuzzy)

    def _load(self) -> None:
        # Of a series that is described twice the last one counts.
        series = dict(parse_series(described.text) for described in self._test.input_series)
        for labels, samples in series.items():
            times_ms = self._test.start_ms + samples.positions * self._test.interval_ms
            self._simulation.load(labels, times_ms, samples.values)

    def _due(self, elapsed_ms: int) -> list[AlertTest]:
        """Return the tests of alerts before the next evaluation, the earliest first."""
        due = [
            test
            for test in self._test.alert_tests
            if elapsed_ms <= test.eval_time_ms < elapsed_ms + self._interval_ms
        ]
        return sorted(due, key=lambda test: test.eval_time_ms)

    def _alert_fault(self, test: AlertTest) -> str | None:
        found = [
            AlertLabels(dict(episode.labels), episode.annotations)
            for episode in self._simulation.firing(test.alertname)
        ]
        return alert_fault(
            test, found, test_name=self._test.name, with_diff=self._options.with_diff
        )

    def _expression_faults(self, *, is_fuzzy: bool) -> list[str]:
        faults = []
        for test in self._test.expression_tests:
            query = partial(self._simulation.query, at_ms=self._test.start_ms + test.eval_time_ms)
            faults.append(expression_fault(test, query, is_fuzzy=is_fuzzy))
        return [fault for fault in faults if fault]

    def _nameless(self, test: AlertTest) -> str:
        where = f" (in TestGroup {self._test.name})" if self._test.name else ""
        return (
            "an item under alert_rule_test misses required attribute alertname at eval_time "
            f"{format_duration(test.eval_time_ms)}{where}"
        )
