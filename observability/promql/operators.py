"""Binary operators on numbers, and between a vector and a scalar."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from observability.promql.blocks import Bools, Floats, VectorBlock
from observability.promql.errors import ExecutionError
from observability.promql.labels import quote
from observability.promql.syntax import BinaryOp

_ARITHMETIC: dict[BinaryOp, Callable[[Floats, Floats], Floats]] = {
    BinaryOp.ADD: np.add,
    BinaryOp.SUB: np.subtract,
    BinaryOp.MUL: np.multiply,
    BinaryOp.DIV: np.divide,
    # The sign of the dividend, as in Go and C, and not the divisor's as in Python.
    BinaryOp.MOD: np.fmod,
    BinaryOp.POW: np.power,
    BinaryOp.ATAN2: np.arctan2,
}
_COMPARISONS: dict[BinaryOp, Callable[[Floats, Floats], Bools]] = {
    BinaryOp.EQL: np.equal,
    BinaryOp.NEQ: np.not_equal,
    BinaryOp.GTR: np.greater,
    BinaryOp.LSS: np.less,
    BinaryOp.GTE: np.greater_equal,
    BinaryOp.LTE: np.less_equal,
}


def calculate(op: BinaryOp, lhs: Floats, rhs: Floats) -> Floats:
    """Return `lhs op rhs` for an arithmetic operator."""
    return _ARITHMETIC[op](lhs, rhs)


def compare(op: BinaryOp, lhs: Floats, rhs: Floats) -> Bools:
    """Return whether `lhs op rhs` holds for a comparison operator."""
    return _COMPARISONS[op](lhs, rhs)


def between_scalars(op: BinaryOp, lhs: Floats, rhs: Floats) -> Floats:
    """Return `lhs op rhs` for two scalars; a comparison gives 0 or 1.

    Raises:
        ExecutionError: The operator is for histograms only.
    """
    if op.is_trim:
        raise ExecutionError(f"operator {quote(op)} not allowed for Scalar operations")
    if op.is_comparison:
        return compare(op, lhs, rhs).astype(np.float64)
    return calculate(op, lhs, rhs)


def with_scalar(
    op: BinaryOp,
    blocks: Iterable[VectorBlock],
    scalar: Floats,
    *,
    is_scalar_left: bool,
    return_bool: bool,
) -> Iterator[VectorBlock]:
    """Yield a vector with an operator applied between each value and the step's scalar.

    A comparison without `bool` keeps the vector's own values, on whichever side it stands.
    """
    for block in blocks:
        lhs, rhs = (scalar, block.values) if is_scalar_left else (block.values, scalar)
        if not op.is_comparison:
            yield block.with_values(calculate(op, lhs, rhs))
        elif return_bool:
            yield block.with_values(compare(op, lhs, rhs).astype(np.float64))
        else:
            yield block.with_presence(block.present & compare(op, lhs, rhs))
