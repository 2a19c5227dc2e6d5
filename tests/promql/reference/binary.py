"""Binary operators of the reference: which series belong together, one at a time."""

from observability.promql.labels import (
    METRIC_NAME,
    LabelSet,
    drop_labels,
    drop_metadata,
    keep_labels,
    label_set,
    label_value,
)
from observability.promql.syntax import Binary, BinaryOp, Cardinality, VectorMatching

from .numbers import number
from .series import RefusedError, Sample, Vector


def with_scalar(expr: Binary, lhs: Vector | float, rhs: Vector | float) -> Vector:
    """Return an operator between a vector and a scalar, on whichever side it stands."""
    vector = lhs if isinstance(lhs, list) else rhs
    assert isinstance(vector, list)
    found = []
    for sample in vector:
        left = sample.value if isinstance(lhs, list) else lhs
        right = sample.value if isinstance(rhs, list) else rhs
        assert isinstance(left, float)
        assert isinstance(right, float)
        outcome = number(expr.op, left, right)
        if not expr.op.is_comparison or expr.return_bool:
            found.append(sample.with_value(outcome))
        elif outcome:
            found.append(sample)
    return found


def between_vectors(expr: Binary, lhs: Vector, rhs: Vector) -> Vector:
    """Return an operator between two vectors."""
    matching = expr.matching or VectorMatching()
    match expr.op:
        case BinaryOp.AND:
            theirs = _signatures(rhs, matching)
            return [s for s in lhs if _signature(s, matching) in theirs]
        case BinaryOp.UNLESS:
            theirs = _signatures(rhs, matching)
            return [s for s in lhs if _signature(s, matching) not in theirs]
        case BinaryOp.OR:
            ours = _signatures(lhs, matching)
            return lhs + [s for s in rhs if _signature(s, matching) not in ours]
        case _:
            return _matched(expr, matching, lhs, rhs)


def _signature(sample: Sample, matching: VectorMatching) -> LabelSet:
    if matching.on:
        return keep_labels(sample.labels, matching.labels)
    return drop_labels(sample.labels, {*matching.labels, METRIC_NAME})


def _signatures(vector: Vector, matching: VectorMatching) -> set[LabelSet]:
    return {_signature(sample, matching) for sample in vector}


def _matched(expr: Binary, matching: VectorMatching, lhs: Vector, rhs: Vector) -> Vector:
    if not (lhs or rhs) or (not (lhs and rhs) and not matching.fills):
        return []
    is_swapped = matching.cardinality is Cardinality.ONE_TO_MANY
    many, one = (rhs, lhs) if is_swapped else (lhs, rhs)
    partners: dict[LabelSet, Sample] = {}
    for sample in one:
        if partners.setdefault(_signature(sample, matching), sample) is not sample:
            raise RefusedError("found duplicate series for the match group")
    pairs = []
    for sample in many:
        signature = _signature(sample, matching)
        partner = partners.get(signature)
        if partner is None and matching.fill_right is not None:
            partner = Sample(signature, matching.fill_right)
        if partner is not None:
            pairs.append((signature, sample, partner))
    if matching.fill_left is not None:
        taken = _signatures(many, matching)
        for signature, sample in partners.items():
            if signature not in taken:
                pairs.append((signature, Sample(signature, matching.fill_left), sample))
    found: Vector = []
    used: set[tuple[LabelSet, LabelSet]] = set()
    for signature, from_many, from_one in pairs:
        labels = _result_labels(expr, matching, from_many.labels, from_one.labels)
        is_one_to_one = matching.cardinality is Cardinality.ONE_TO_ONE
        key = signature, () if is_one_to_one else labels
        if key in used:
            raise RefusedError(
                "many-to-one matching must be explicit"
                if is_one_to_one
                else "grouping labels must ensure unique matches"
            )
        used.add(key)
        left, right = from_many.value, from_one.value
        if is_swapped:
            left, right = right, left
        outcome = number(expr.op, left, right)
        if not expr.op.is_comparison:
            found.append(Sample(labels, outcome, from_many.drop_name))
        elif expr.return_bool:
            found.append(Sample(labels, outcome, True))
        elif outcome:
            found.append(Sample(labels, left, from_many.drop_name))
    return found


def _result_labels(
    expr: Binary, matching: VectorMatching, many: LabelSet, one: LabelSet
) -> LabelSet:
    labels = many if expr.op.is_comparison else drop_metadata(many)
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        cut = keep_labels if matching.on else drop_labels
        return cut(labels, matching.labels)
    included = {name: label_value(one, name) for name in matching.include}
    return label_set({**dict(labels), **included})
