"""`info`: series with the labels that info metrics, such as `target_info`, have for their target.

Source: Prometheus 3, promql/info.go.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from observability.promql.blocks import Bools, Ints, VectorBlock, concatenate, merge_same_series
from observability.promql.errors import ExecutionError
from observability.promql.functions.signature import VectorFunction
from observability.promql.labels import (
    METRIC_NAME,
    LabelSet,
    format_labels,
    keep_labels,
    label_set,
    label_value,
)
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.operands import Operands
from observability.promql.parser import children
from observability.promql.syntax import AtBound, Call, Expr, Subquery, VectorSelector

IDENTIFYING_LABELS = ("instance", "job")
"""What a series and the info series of its target have in common."""

_DEFAULT_NAME = Matcher(METRIC_NAME, MatchOp.EQUAL, "target_info")
_ANY_INFO_NAME = Matcher(METRIC_NAME, MatchOp.REGEX, ".+_info")


def _info(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    """Yield the series of the first argument with the labels that the second one selects."""
    context = operands.context
    vector = call.args[0]
    whole = concatenate(context.counted(operands.vector(vector)), context.steps.count)
    names, wanted = _selected(call)
    is_info = [
        all(matcher.matches(label_value(labels, METRIC_NAME)) for matcher in names)
        for labels in whole.label_sets
    ]
    is_left = np.array(is_info, dtype=np.bool_)
    plain = whole.take(np.flatnonzero(~is_left))
    infos = _info_series(plain, (*names, *wanted), vector, operands)
    if len(plain):
        infos.refuse_ambiguous(np.logical_or.reduce(plain.present, axis=0))
    enriched = list(_enriched(plain, infos, wanted))
    yield merge_same_series(
        concatenate([whole.take(np.flatnonzero(is_left)), *enriched], context.steps.count)
    )


def _selected(call: Call) -> tuple[tuple[Matcher, ...], tuple[Matcher, ...]]:
    """Return the matchers of the info metrics' names, and those of the labels to add."""
    if len(call.args) == 1:
        return (_DEFAULT_NAME,), ()
    selector = call.args[1]
    if not isinstance(selector, VectorSelector):
        raise TypeError(f"{selector} does not select labels")
    names = tuple(m for m in selector.matchers if m.name == METRIC_NAME)
    wanted = tuple(m for m in selector.matchers if m.name != METRIC_NAME)
    if not names:
        names = (_DEFAULT_NAME,)
    elif all(matcher.op.is_negative for matcher in names):
        names = (_ANY_INFO_NAME, *names)
    return names, wanted


@dataclass(frozen=True, slots=True)
class _InfoSeries:
    """The info series of each target, of which at each step the newest counts.

    Attributes:
        label_sets: One label set a series.
        timestamps_ms: int64, series x steps: when the sample was taken.
        present: bool, series x steps.
        rows_of: The series of each metric name and target.
    """

    label_sets: Sequence[LabelSet]
    timestamps_ms: Ints
    present: Bools
    rows_of: Mapping[tuple[str, LabelSet], Ints]

    def newest(self, name: str, target: LabelSet) -> Ints:
        """Return at each step the row of the newest series, -1 where there is none."""
        rows = self.rows_of.get((name, target))
        if rows is None:
            return np.full(self.present.shape[1], -1, dtype=np.int64)
        times = np.where(self.present[rows], self.timestamps_ms[rows], np.iinfo(np.int64).min)
        return np.where(self.present[rows].any(axis=0), rows[times.argmax(axis=0)], -1)

    def refuse_ambiguous(self, is_used: Bools) -> None:
        """Raise when two series of a target are equally new at a step that is used."""
        for rows in self.rows_of.values():
            if len(rows) == 1:
                continue
            times = np.where(self.present[rows], self.timestamps_ms[rows], np.iinfo(np.int64).min)
            is_newest = self.present[rows] & (times == times.max(axis=0))
            steps = np.flatnonzero((is_newest.sum(axis=0) > 1) & is_used)
            if len(steps):
                first, second = rows[np.flatnonzero(is_newest[:, steps[0]])[:2]].tolist()
                at_ms = int(self.timestamps_ms[first, steps[0]])
                raise ExecutionError(
                    "found duplicate series for info metric: existing "
                    f"{format_labels(self.label_sets[first])} @ {at_ms}, new "
                    f"{format_labels(self.label_sets[second])} @ {at_ms}"
                )


def _info_series(
    block: VectorBlock, matchers: tuple[Matcher, ...], vector: Expr, operands: Operands
) -> _InfoSeries:
    """Return the info series of the targets of a block, as old as what the block was made of."""
    step_count = operands.context.steps.count
    values: dict[str, set[str]] = {}
    for labels in block.label_sets:
        for name, value in keep_labels(labels, IDENTIFYING_LABELS):
            values.setdefault(name, set()).add(value)
    label_sets: list[LabelSet] = []
    times = [np.zeros((0, step_count), dtype=np.int64)]
    present = [np.zeros((0, step_count), dtype=np.bool_)]
    if values:
        targets = (
            Matcher(name, MatchOp.REGEX, "|".join(map(re.escape, sorted(found))))
            for name, found in values.items()
        )
        at, offset_ms = _reference(vector) or (None, 0)
        selector = VectorSelector("", (*targets, *matchers), offset_ms, at)
        for series, chosen in operands.samples(selector, function="info"):
            operands.context.account.add_points(int(chosen.present.sum()))
            label_sets.extend(series.label_sets)
            times.append(chosen.timestamps_ms)
            present.append(chosen.present)
    rows_of: dict[tuple[str, LabelSet], list[int]] = {}
    for row, labels in enumerate(label_sets):
        rows_of.setdefault((label_value(labels, METRIC_NAME), _target(labels)), []).append(row)
    return _InfoSeries(
        label_sets,
        np.concatenate(times),
        np.concatenate(present),
        {key: np.array(rows, dtype=np.int64) for key, rows in rows_of.items()},
    )


def _enriched(
    block: VectorBlock, infos: _InfoSeries, wanted: tuple[Matcher, ...]
) -> Iterator[VectorBlock]:
    """Yield the block's series with labels added, in as many parts as their labels change."""
    names = sorted({name for name, _ in infos.rows_of})
    wanted_names = frozenset(matcher.name for matcher in wanted)
    may_lack = all(matcher.matches("") for matcher in wanted)
    rows_of: dict[LabelSet, list[int]] = {}
    for row, labels in enumerate(block.label_sets):
        rows_of.setdefault(_target(labels), []).append(row)
    for target, rows in rows_of.items():
        part = block.take(np.array(rows, dtype=np.int64))
        newest = np.array([infos.newest(name, target) for name in names], dtype=np.int64).reshape(
            len(names), part.present.shape[1]
        )
        choices, choice_at = np.unique(newest, axis=1, return_inverse=True)
        for number, choice in enumerate(choices.T.tolist()):
            found = [infos.label_sets[row] for row in choice if row >= 0]
            is_here = part.present & (choice_at.reshape(-1) == number)
            if not is_here.any() or not (found or may_lack):
                continue
            added = _added_labels(found, wanted_names)
            yield replace(
                part,
                label_sets=[label_set({**added, **dict(labels)}) for labels in part.label_sets],
                present=is_here,
            )


def _added_labels(infos: Sequence[LabelSet], wanted: frozenset[str]) -> dict[str, str]:
    """Return the labels that info series add; all of them where none are named."""
    added: dict[str, str] = {}
    for name, value in (pair for labels in infos for pair in labels):
        if name == METRIC_NAME or (wanted and name not in wanted):
            continue
        if added.setdefault(name, value) != value:
            raise ExecutionError(f"conflicting label: {name}")
    return added


def _target(labels: LabelSet) -> LabelSet:
    return keep_labels(labels, IDENTIFYING_LABELS)


def _reference(expr: Expr) -> tuple[int | AtBound | None, int] | None:
    """Return `@` and offset of the first selector in an expression, those around it put together."""
    if isinstance(expr, VectorSelector):
        return expr.at, expr.offset_ms
    found = next(filter(None, map(_reference, children(expr))), None)
    if found is not None and found[0] is None and isinstance(expr, Subquery):
        return expr.at, found[1] + expr.offset_ms
    return found


FUNCTIONS: dict[str, VectorFunction] = {"info": _info}
