"""What the expressions of a group's rules give at one time, those of a family asked as one."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from celery.exceptions import SoftTimeLimitExceeded

from alerts.rules.plans import GroupPlan, PlannedFamily
from alerts.rules.rule_evaluation import Vector, result_vector
from observability.metrics.store.kept import Kept
from observability.promql.labels import LabelSet
from observability.promql.syntax import BinaryOp, Expr
from observability.promql.values import InstantVector, Value

Ask: TypeAlias = Callable[[Expr, int], Value]
"""Evaluates an expression at a time in ms; raises `PromQLError`."""

_COMPARE: Mapping[BinaryOp, Callable[[float, float], bool]] = {
    BinaryOp.EQL: operator.eq,
    BinaryOp.NEQ: operator.ne,
    BinaryOp.GTR: operator.gt,
    BinaryOp.LSS: operator.lt,
    BinaryOp.GTE: operator.ge,
    BinaryOp.LTE: operator.le,
}


_MAX_KEPT_BYTES = 64_000_000
# A label set that nobody else holds any more, with its places here.
_BYTES_PER_ROW = 600

# The series of a family are mostly the same evaluation after evaluation.
_kept_rows: Kept[
    tuple[tuple[LabelSet, ...], tuple[str, ...]], Mapping[tuple[str, ...], Sequence[int]]
] = Kept(_MAX_KEPT_BYTES, lambda rows: _BYTES_PER_ROW * (sum(map(len, rows.values())) + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the expression of one rule gave.

    Attributes:
        vector: Its result.
        data: Gives what it judged (see `alerts.rules.data_expression`), where that is known by now.
        duration_ms: What it took; of a family, each rule's share.
    """

    vector: Vector
    data: Callable[[], Vector] | None = None
    duration_ms: float = 0.0


def family_answers(plan: GroupPlan, ask: Ask, *, at_ms: int) -> dict[int, Answer]:
    """Return the answers of rules that can be asked together, by their places.

    A family whose expression fails is left out: its rules are then asked one by one, so that
    the error of one is not that of all.
    """
    answers: dict[int, Answer] = {}
    for family in plan.families:
        began = time.perf_counter()
        try:
            value = ask(family.expr, at_ms)
        except SoftTimeLimitExceeded:
            raise
        except Exception:  # noqa: BLE001, S112 (each of its rules is then asked by itself, and tells its error)
            continue
        if isinstance(value, InstantVector):
            vectors = _vectors(family, value)
            took_ms = (time.perf_counter() - began) * 1000 / len(family.members)
            for place, vector, data in vectors:
                answers[place] = Answer(
                    vector=vector,
                    data=data if family.tells_data else None,
                    duration_ms=took_ms,
                )
    return answers


def answer(expr: Expr, ask: Ask, *, at_ms: int) -> Answer:
    """Return the answer of a rule that is asked by itself; raises `PromQLError` or `ResultTypeError`."""
    began = time.perf_counter()
    vector = result_vector(ask(expr, at_ms))
    return Answer(vector=vector, duration_ms=(time.perf_counter() - began) * 1000)


def _vectors(
    family: PlannedFamily, value: InstantVector
) -> Iterator[tuple[int, Vector, Callable[[], Vector]]]:
    """Yield each place of a family with its part of the result, and with what that was chosen from."""
    shape = family.members[0][1].shape
    rows_of = _rows_by_values(tuple(value.label_sets), shape.labels)
    numbers = value.values.tolist()

    def part(rows: Sequence[int]) -> Vector:
        return [(_without(value.label_sets[row], shape.dropped), numbers[row]) for row in rows]

    compare = _COMPARE[shape.comparison] if shape.comparison else None
    for place, member in family.members:
        rows = rows_of.get(member.values, ())
        hits = rows
        if compare is not None:
            hits = [row for row in rows if compare(numbers[row], member.threshold)]
        yield place, part(hits) if hits else (), partial(part, rows)


def _rows_by_values(
    label_sets: tuple[LabelSet, ...], labels: tuple[str, ...]
) -> Mapping[tuple[str, ...], Sequence[int]]:
    """Return which rows of a result have which values of the labels."""
    key = (label_sets, labels)
    kept = _kept_rows.get(key)
    if kept is not None:
        return kept
    rows: dict[tuple[str, ...], list[int]] = {}
    for row, pairs in enumerate(label_sets):
        named = dict(pairs)
        rows.setdefault(tuple(named.get(label, "") for label in labels), []).append(row)
    _kept_rows.keep({key: rows})
    return rows


def _without(labels: LabelSet, dropped: frozenset[str]) -> LabelSet:
    if not dropped:
        return labels
    return tuple(pair for pair in labels if pair[0] not in dropped)
