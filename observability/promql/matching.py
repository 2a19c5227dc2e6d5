"""Binary operators between two vectors: which series belong together, and what they give."""

from dataclasses import dataclass

import numpy as np

from observability.promql.blocks import (
    Bools,
    Floats,
    Ints,
    VectorBlock,
    concatenate,
    merge_same_series,
)
from observability.promql.errors import ExecutionError
from observability.promql.labels import (
    METRIC_NAME,
    LabelSet,
    drop_labels,
    drop_metadata,
    format_labels,
    keep_labels,
    label_set,
)
from observability.promql.operators import calculate, compare
from observability.promql.syntax import BinaryOp, Cardinality, VectorMatching


def signature(labels: LabelSet, matching: VectorMatching) -> LabelSet:
    """Return the part of a label set that must be equal on both sides."""
    if matching.on:
        return keep_labels(labels, matching.labels)
    return drop_labels(labels, (*matching.labels, METRIC_NAME))


def apply_set_operator(
    op: BinaryOp, lhs: VectorBlock, rhs: VectorBlock, matching: VectorMatching
) -> VectorBlock:
    """Return `and`, `or` or `unless` of two whole vectors."""
    groups = _Groups(lhs, rhs, matching)
    match op:
        case BinaryOp.AND:
            return lhs.with_presence(lhs.present & groups.right_present[groups.left])
        case BinaryOp.UNLESS:
            return lhs.with_presence(lhs.present & ~groups.right_present[groups.left])
        case BinaryOp.OR:
            rest = rhs.with_presence(rhs.present & ~groups.left_present[groups.right])
            both = concatenate([lhs, rest], lhs.values.shape[1])
            return merge_same_series(both)
        case _:
            raise ValueError(f"{op} is not a set operator")


def apply_between_vectors(
    op: BinaryOp,
    lhs: VectorBlock,
    rhs: VectorBlock,
    matching: VectorMatching,
    *,
    return_bool: bool,
) -> VectorBlock:
    """Return an arithmetic or comparison operator between two whole vectors.

    Raises:
        ExecutionError: At some step a series finds more than one partner where the
            matching allows only one.
    """
    is_swapped = matching.cardinality is Cardinality.ONE_TO_MANY
    many, one = (rhs, lhs) if is_swapped else (lhs, rhs)
    groups = _Groups(many, one, matching)
    _refuse_duplicates(one, groups, matching)
    matches = [_pairs(many, one, groups)]
    # As in Prometheus, `fill_left` stands in for the "many" side even where that is the right one.
    if matching.fill_right is not None:
        matches.append(_without_one(many, matching.fill_right, groups, matching))
    if matching.fill_left is not None:
        matches.append(_without_many(one, matching.fill_left, groups, matching))
    found = _joined(matches)
    left, right = found.many_values, found.one_values
    if is_swapped:
        left, right = right, left
    labels = [
        _result_labels(many_labels, one_labels, op, matching)
        for many_labels, one_labels in zip(found.many_labels, found.one_labels, strict=True)
    ]
    present = found.present
    _refuse_multiple(labels, found.group, present, matching)
    drop_name = found.drop_name
    if not op.is_comparison:
        values = calculate(op, left, right)
    elif return_bool:
        values = compare(op, left, right).astype(np.float64)
        drop_name = np.ones(len(labels), dtype=np.bool_)
    else:
        values = left
        present = present & compare(op, left, right)
    return merge_same_series(
        VectorBlock(label_sets=labels, values=values, present=present, drop_name=drop_name)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Matches:
    """Series of the two sides that belong together, one pair a row; values are rows x steps."""

    many_labels: list[LabelSet]
    one_labels: list[LabelSet]
    many_values: Floats
    one_values: Floats
    present: Bools
    drop_name: Bools
    group: Ints


class _Groups:
    """The match groups of two vectors: numbers for equal signatures."""

    def __init__(self, lhs: VectorBlock, rhs: VectorBlock, matching: VectorMatching) -> None:
        numbers: dict[LabelSet, int] = {}
        self.left = self._number(lhs, matching, numbers)
        self.right = self._number(rhs, matching, numbers)
        self.count = len(numbers)
        self.left_present = self._presence(lhs, self.left)
        self.right_present = self._presence(rhs, self.right)

    @staticmethod
    def _number(block: VectorBlock, matching: VectorMatching, numbers: dict[LabelSet, int]) -> Ints:
        return np.array(
            [
                numbers.setdefault(signature(labels, matching), len(numbers))
                for labels in block.label_sets
            ],
            dtype=np.int64,
        )

    def _presence(self, block: VectorBlock, group: Ints) -> Bools:
        """Return, groups x steps, whether the side has any series of the group."""
        present = np.zeros((self.count, block.present.shape[1]), dtype=np.bool_)
        np.logical_or.at(present, group, block.present)
        return present


def _pairs(many: VectorBlock, one: VectorBlock, groups: _Groups) -> _Matches:
    """Return the series that have the same signature."""
    rows_of: dict[int, list[int]] = {}
    for row, group in enumerate(groups.right.tolist()):
        rows_of.setdefault(group, []).append(row)
    pairs = [
        (many_row, one_row)
        for many_row, group in enumerate(groups.left.tolist())
        for one_row in rows_of.get(group, ())
    ]
    many_rows, one_rows = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return _Matches(
        many_labels=[many.label_sets[row] for row in many_rows.tolist()],
        one_labels=[one.label_sets[row] for row in one_rows.tolist()],
        many_values=many.values[many_rows],
        one_values=one.values[one_rows],
        present=many.present[many_rows] & one.present[one_rows],
        drop_name=many.drop_name[many_rows],
        group=groups.left[many_rows],
    )


def _without_one(
    many: VectorBlock, fill: float, groups: _Groups, matching: VectorMatching
) -> _Matches:
    """Return the series of the "many" side where they have no partner, with one made up."""
    return _Matches(
        many_labels=list(many.label_sets),
        one_labels=[signature(labels, matching) for labels in many.label_sets],
        many_values=many.values,
        one_values=np.full(many.values.shape, fill),
        present=many.present & ~groups.right_present[groups.left],
        drop_name=many.drop_name,
        group=groups.left,
    )


def _without_many(
    one: VectorBlock, fill: float, groups: _Groups, matching: VectorMatching
) -> _Matches:
    """Return the same for the other side."""
    return _Matches(
        many_labels=[signature(labels, matching) for labels in one.label_sets],
        one_labels=list(one.label_sets),
        many_values=np.full(one.values.shape, fill),
        one_values=one.values,
        present=one.present & ~groups.left_present[groups.right],
        drop_name=np.zeros(len(one), dtype=np.bool_),
        group=groups.right,
    )


def _joined(matches: list[_Matches]) -> _Matches:
    if len(matches) == 1:
        return matches[0]
    return _Matches(
        many_labels=[labels for part in matches for labels in part.many_labels],
        one_labels=[labels for part in matches for labels in part.one_labels],
        many_values=np.concatenate([part.many_values for part in matches]),
        one_values=np.concatenate([part.one_values for part in matches]),
        present=np.concatenate([part.present for part in matches]),
        drop_name=np.concatenate([part.drop_name for part in matches]),
        group=np.concatenate([part.group for part in matches]),
    )


def _result_labels(
    many: LabelSet, one: LabelSet, op: BinaryOp, matching: VectorMatching
) -> LabelSet:
    labels = many if op.is_comparison else drop_metadata(many)
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        if matching.on:
            return keep_labels(labels, matching.labels)
        return drop_labels(labels, matching.labels)
    if not matching.include:
        return labels
    included = dict(keep_labels(one, matching.include))
    return label_set({**dict(drop_labels(labels, matching.include)), **included})


def _refuse_duplicates(one: VectorBlock, groups: _Groups, matching: VectorMatching) -> None:
    """Raise when the "one" side has two series of a match group at some step.

    Steps at which the other side is empty do not count where nothing is filled in: nothing is
    matched there.
    """
    counts = np.zeros((groups.count, one.present.shape[1]), dtype=np.int64)
    np.add.at(counts, groups.right, one.present)
    is_duplicate = counts > 1
    if not matching.fills:
        is_duplicate &= groups.left_present.any(axis=0)
    if not is_duplicate.any():
        return
    step = int(np.flatnonzero(is_duplicate.any(axis=0))[0])
    group = int(np.flatnonzero(is_duplicate[:, step])[0])
    rows = np.flatnonzero((groups.right == group) & one.present[:, step])[:2]
    first, second = sorted(format_labels(one.label_sets[row]) for row in rows.tolist())
    shared = format_labels(signature(one.label_sets[int(rows[0])], matching))
    side = "left" if matching.cardinality is Cardinality.ONE_TO_MANY else "right"
    raise ExecutionError(
        f"found duplicate series for the match group {shared} on the {side} hand-side of the "
        f"operation: [{first}, {second}];many-to-many matching not allowed: matching labels "
        "must be unique on one side"
    )


def _refuse_multiple(
    labels: list[LabelSet], group: Ints, present: Bools, matching: VectorMatching
) -> None:
    """Raise when two matches at one step give the same result series."""
    is_one_to_one = matching.cardinality is Cardinality.ONE_TO_ONE
    rows_of: dict[tuple[int, LabelSet], list[int]] = {}
    for row, (number, result) in enumerate(zip(group.tolist(), labels, strict=True)):
        rows_of.setdefault((number, () if is_one_to_one else result), []).append(row)
    for rows in rows_of.values():
        if len(rows) > 1 and (present[rows].sum(axis=0) > 1).any():
            raise ExecutionError(
                "multiple matches for labels: many-to-one matching must be explicit "
                "(group_left/group_right)"
                if is_one_to_one
                else "multiple matches for labels: grouping labels must ensure unique matches"
            )
