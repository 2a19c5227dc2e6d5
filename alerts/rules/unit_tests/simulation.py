"""Rule groups evaluated over samples in memory, time after time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from alerts.rules.errors import RuleEvaluationError
from alerts.rules.rule_evaluation import (
    NOTHING,
    AlertingRule,
    Evaluation,
    RecordingRule,
    Vector,
    evaluate_rule,
    result_vector,
)
from alerts.rules.states import Episode, State
from alerts.rules.unit_tests.errors import AppendError
from alerts.rules.unit_tests.groups import Group
from alerts.rules.unit_tests.storage import TestStorage
from alerts.templating.errors import TemplateError
from alerts.templating.prometheus import expand, in_place
from observability.promql import Engine, PromQLError
from observability.promql.staleness import STALE_NAN
from observability.promql.syntax import Expr
from observability.promql.values import Value


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that could not be evaluated, and why."""

    rule: str
    reason: str


class Simulation:
    """What a Prometheus with nothing but these groups would do."""

    def __init__(
        self,
        groups: Sequence[Group],
        storage: TestStorage,
        engine: Engine,
        *,
        external_labels: Mapping[str, str],
        external_url: str,
    ) -> None:
        self._storage = storage
        self._engine = engine
        self._external_labels = external_labels
        self._external_url = external_url
        self._rules = [(group, rule) for group in groups for rule in group.rules]
        self._memories = [NOTHING] * len(self._rules)

    def evaluate(self, at_ms: int) -> list[Failure]:
        """Evaluate all groups as of a time, which comes after that of the last call."""
        self._storage.until_ms = at_ms
        failures = []
        for position, (group, rule) in enumerate(self._rules):
            try:
                evaluation = self._evaluate(position, group, rule, at_ms)
                self._memories[position] = evaluation.memory
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

    def _evaluate(
        self, position: int, group: Group, rule: RecordingRule | AlertingRule, at_ms: int
    ) -> Evaluation:
        return evaluate_rule(
            rule,
            self._memories[position],
            self.query,
            at_ms=at_ms,
            query_offset_ms=group.query_offset_ms,
            limit=group.limit,
            expand=partial(self._expand, name=f"__alert_{rule.name}", at_ms=at_ms),
        )

    def _expand(
        self, text: str, *, labels: Mapping[str, str], value: float, name: str, at_ms: int
    ) -> str:
        try:
            return expand(
                text,
                name=name,
                labels=labels,
                value=value,
                external_labels=self._external_labels,
                external_url=self._external_url,
                at_ms=at_ms,
                query=self._value,
            )
        except TemplateError as error:
            return in_place(error)

    def _value(self, expr: Expr | str, at_ms: int) -> Value:
        return self._engine.query(expr, at_ms=at_ms, storage=self._storage).value

    def _write(self, samples: Vector, timestamp_ms: int) -> None:
        """Write what a rule gave.

        Raises:
            AppendError: The series of some samples have others already; the rest was written.
        """
        refused: AppendError | None = None
        for labels, value in samples:
            try:
                self._storage.append(labels, timestamp_ms, value)
            except AppendError as error:
                # Another rule, or the input, goes on with a series that has ended for this one.
                if value is not STALE_NAN:
                    refused = error
        if refused is not None:
            raise refused
