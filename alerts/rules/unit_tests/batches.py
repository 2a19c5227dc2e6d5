"""What rules give at many evaluations, asked at once.

One range query takes little longer than one instant query, and a test is made of hundreds of
evaluations. So the rules for which that gives the same are asked ahead, part by part; what they
write is put where the rules after them read it. All others are asked one evaluation at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TypeAlias

from alerts.rules.errors import RuleEvaluationError
from alerts.rules.rule_evaluation import NOTHING, Memory, Rule, Vector, evaluate_rule
from alerts.rules.states import Expand
from alerts.rules.unit_tests.errors import AppendError
from alerts.rules.unit_tests.groups import Group
from alerts.rules.unit_tests.rule_set import RuleSet, without_annotations
from alerts.rules.unit_tests.storage import TestStorage
from observability.promql import Engine, Matrix, PromQLError

Expander: TypeAlias = Callable[[Rule, int], Expand]
"""Gives what fills in the templates of a rule at an evaluation."""

_EVALUATIONS_IN_PART = 1_000
_LATER_THAN_ALL_MS = 2**62


class Batches:
    """Answers to rules, for as many evaluations at once as may be.

    Attributes:
        storage: The samples of the input, all of them at once.
    """

    def __init__(
        self,
        rule_set: RuleSet,
        engine: Engine,
        *,
        interval_ms: int,
        end_ms: int,
        expander: Expander,
    ) -> None:
        self.storage = TestStorage()
        self._rules = rule_set.rules
        self._readers = rule_set.readers
        self._places = set(rule_set.askable_ahead)
        self._engine = engine
        self._interval_ms = interval_ms
        self._end_ms = end_ms
        self._expander = expander
        self._asked_until_ms: int | None = None
        self._vectors: dict[int, dict[int, Vector]] = {}
        self._memories: dict[int, Memory] = {}

    def vector(self, place: int, at_ms: int) -> Vector | None:
        """Return what a rule gives at an evaluation, None where it must be asked then.

        Args:
            place: Of the rule.
            at_ms: The time of the evaluation, never before that of the last call.
        """
        if self._asked_until_ms is None or at_ms > self._asked_until_ms:
            self._ask(at_ms)
        if place not in self._places:
            return None
        return self._vectors[place].get(at_ms, ())

    def _give_up(self, place: int) -> None:
        """Leave a rule, and all that read what it writes, to be asked one at a time."""
        waiting = [place]
        while waiting:
            given_up = waiting.pop()
            if given_up in self._places:
                self._places.discard(given_up)
                waiting += self._readers[given_up]

    def _ask(self, at_ms: int) -> None:
        """Ask for the next part of the evaluations."""
        longest_ms = (_EVALUATIONS_IN_PART - 1) * self._interval_ms
        end_ms = min(self._end_ms, at_ms + longest_ms)
        self._asked_until_ms = max(end_ms, at_ms)
        for place, (group, rule) in enumerate(self._rules):
            if place not in self._places:
                continue
            try:
                self._vectors[place] = self._ask_rule(group, rule, at_ms, end_ms)
                if self._readers[place]:
                    self._write(place, at_ms, end_ms)
            except (PromQLError, RuleEvaluationError, AppendError):
                self._give_up(place)

    def _ask_rule(self, group: Group, rule: Rule, start_ms: int, end_ms: int) -> dict[int, Vector]:
        self.storage.until_ms = _LATER_THAN_ALL_MS
        offset_ms = group.query_offset_ms
        value = self._engine.query_range(
            rule.expr,
            start_ms=start_ms - offset_ms,
            end_ms=end_ms - offset_ms,
            step_ms=self._interval_ms,
            storage=self.storage,
        ).value
        vectors = defaultdict(list)
        if isinstance(value, Matrix):
            for labels, times, values in value.series():
                for time_ms, number in zip(times.tolist(), values.tolist(), strict=True):
                    vectors[time_ms + offset_ms].append((labels, number))
        return dict(vectors)

    def _write(self, place: int, start_ms: int, end_ms: int) -> None:
        """Put what a rule gives where those after it read it."""
        group, rule = self._rules[place]
        rule = without_annotations(rule)
        for at_ms in range(start_ms, end_ms + 1, self._interval_ms):
            self.storage.until_ms = at_ms
            vector = self._vectors[place].get(at_ms, ())
            evaluation = evaluate_rule(
                rule,
                self._memories.get(place, NOTHING),
                lambda *_, vector=vector: vector,
                at_ms=at_ms,
                limit=group.limit,
                expand=self._expander(rule, at_ms),
            )
            self._memories[place] = evaluation.memory
            for labels, value in evaluation.samples:
                self.storage.append(labels, at_ms - group.query_offset_ms, value)
