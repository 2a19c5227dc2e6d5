"""Rule groups evaluated over samples in memory, time after time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from alerts.rules.errors import RuleEvaluationError
from alerts.rules.expansion import expander
from alerts.rules.rule_evaluation import (
    NOTHING,
    AlertingRule,
    Evaluation,
    Rule,
    Vector,
    evaluate_rule,
    result_vector,
)
from alerts.rules.states import Episode, Expand, State
from alerts.rules.unit_tests.batches import Batches
from alerts.rules.unit_tests.definitions import TestGroup
from alerts.rules.unit_tests.errors import AppendError
from alerts.rules.unit_tests.rule_set import RuleSet, without_annotations
from alerts.rules.unit_tests.storage import TestStorage
from observability.promql import Engine, PromQLError
from observability.promql.blocks import Floats, Ints
from observability.promql.labels import LabelSet
from observability.promql.staleness import STALE_NAN
from observability.promql.syntax import Expr
from observability.promql.values import Value


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that could not be evaluated, and why."""

    rule: str
    reason: str


class Simulation:
    """What a Prometheus with nothing but these rules would do.

    Attributes:
        storage: The samples that it has by now.
    """

    def __init__(
        self,
        rule_set: RuleSet,
        test: TestGroup,
        *,
        interval_ms: int,
        compat: int,
    ) -> None:
        self.storage = TestStorage()
        self._engine = Engine(subquery_step_ms=interval_ms, compat=compat)
        self._test = test
        self._rules = rule_set.rules
        self._silent_rules = [without_annotations(rule) for _, rule in self._rules]
        self._memories = [NOTHING] * len(self._rules)
        self._batches = Batches(
            rule_set,
            self._engine,
            interval_ms=interval_ms,
            end_ms=test.start_ms + test.longest_ms,
            expander=self._expander,
        )

    def load(self, labels: LabelSet, timestamps_ms: Ints, values: Floats) -> None:
        """Add a series of the input, before the first evaluation."""
        self.storage.load(labels, timestamps_ms, values)
        self._batches.storage.load(labels, timestamps_ms, values)

    def evaluate(self, at_ms: int, *, is_watched: bool) -> list[Failure]:
        """Evaluate all groups as of a time, which comes after that of the last call.

        Args:
            at_ms: The time.
            is_watched: Whether somebody looks at the alerts after it; annotations are left
                out where nobody does.
        """
        self.storage.until_ms = at_ms
        failures = []
        for place, (group, rule) in enumerate(self._rules):
            try:
                evaluation = self._evaluate(place, at_ms, is_watched=is_watched)
                self._memories[place] = evaluation.memory
                self._write(evaluation.samples, at_ms - group.query_offset_ms)
            except (PromQLError, RuleEvaluationError, AppendError) as error:
                failures.append(Failure(rule.name, str(error)))
        return failures

    def query(self, expr: Expr | str, at_ms: int) -> Vector:
        """Return what an expression gives now, as of a time.

        Raises:
            PromQLError: It has no value.
            RuleEvaluationError: Its value is neither a vector nor a scalar.
        """
        return result_vector(self._value(expr, at_ms))

    def firing(self, alertname: str) -> Iterator[Episode]:
        """Yield the alerts of a name that fire now."""
        for (_, rule), memory in zip(self._rules, self._memories, strict=True):
            if isinstance(rule, AlertingRule) and rule.name == alertname:
                for episode in memory.active.values():
                    if episode.state is State.FIRING:
                        yield episode

    def _evaluate(self, place: int, at_ms: int, *, is_watched: bool) -> Evaluation:
        group, rule = self._rules[place]
        vector = self._batches.vector(place, at_ms)
        # An alert that is kept firing keeps the annotations of an evaluation before.
        if not is_watched and isinstance(rule, AlertingRule) and not rule.terms.keep_firing_ms:
            rule = self._silent_rules[place]
        return evaluate_rule(
            rule,
            self._memories[place],
            self.query if vector is None else lambda *_: vector,
            at_ms=at_ms,
            query_offset_ms=group.query_offset_ms,
            limit=group.limit,
            expand=self._expander(rule, at_ms),
        )

    def _expander(self, rule: Rule, at_ms: int) -> Expand:
        return expander(
            name=rule.name,
            at_ms=at_ms,
            query=self._value,
            external_url=self._test.external_url,
            external_labels=self._test.external_labels,
        )

    def _value(self, expr: Expr | str, at_ms: int) -> Value:
        return self._engine.query(expr, at_ms=at_ms, storage=self.storage).value

    def _write(self, samples: Vector, timestamp_ms: int) -> None:
        """Write what a rule gave.

        Raises:
            AppendError: The series of some samples have others already; the rest was written.
        """
        refused: AppendError | None = None
        for labels, value in samples:
            try:
                self.storage.append(labels, timestamp_ms, value)
            except AppendError as error:
                # Another rule, or the input, goes on with a series that has ended for this one.
                if value is not STALE_NAN:
                    refused = error
        if refused is not None:
            raise refused
