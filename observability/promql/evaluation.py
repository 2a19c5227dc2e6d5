"""Evaluates a syntax tree, node by node, at all steps at once."""

from collections.abc import Iterator

import numpy as np

from observability.promql.aggregation import aggregate
from observability.promql.blocks import Floats, VectorBlock, concatenate, spread
from observability.promql.context import Context
from observability.promql.errors import UnsupportedError
from observability.promql.functions import SCALAR_FUNCTIONS, VECTOR_FUNCTIONS
from observability.promql.matching import apply_between_vectors, apply_set_operator
from observability.promql.operators import between_scalars, with_scalar
from observability.promql.plan import is_step_invariant
from observability.promql.rollups import RollupWindows
from observability.promql.selection import select_rollup_windows, select_vector, select_windows
from observability.promql.signatures import ValueType
from observability.promql.storage import RollupColumn
from observability.promql.subqueries import cut_subquery, subquery_end, subquery_steps
from observability.promql.syntax import (
    Aggregation,
    Binary,
    BinaryOp,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorMatching,
    VectorSelector,
    unwrap,
)
from observability.promql.typecheck import value_type
from observability.promql.windows import WindowBlock


class Evaluator:
    """Gives the value of nodes at the steps of its context; one method a type of value."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def scalar(self, expr: Expr) -> Floats:
        """Return a scalar expression's value at each step."""
        match expr:
            case NumberLiteral(value=value):
                return np.full(self.context.steps.count, value)
            case Paren(expr=inner):
                return self.scalar(inner)
            case Unary(expr=inner, is_plus=is_plus):
                return self.scalar(inner) if is_plus else -self.scalar(inner)
            case Binary(op=op, lhs=lhs, rhs=rhs):
                _refuse_trim(op)
                return between_scalars(op, self.scalar(lhs), self.scalar(rhs))
            case Call(function=function):
                scalar_function = SCALAR_FUNCTIONS.get(function)
                if scalar_function is None:
                    raise UnsupportedError(f"function {function}()")
                return scalar_function(expr, self)
            case _:
                raise _mistyped(expr, ValueType.SCALAR)

    def string(self, expr: Expr) -> str:
        """Return a string expression's value."""
        inner = unwrap(expr)
        if not isinstance(inner, StringLiteral):
            raise _mistyped(expr, ValueType.STRING)
        return inner.value

    def vector(self, expr: Expr, *, function: str = "") -> Iterator[VectorBlock]:
        """Yield an instant vector expression's value at each step.

        Args:
            expr: The expression.
            function: The function or aggregation around it, for the storage to know.
        """
        steps = self.context.steps
        if steps.count > 1 and is_step_invariant(expr):
            once = Evaluator(self.context.on(steps.first_only()))
            return spread(once.vector(expr, function=function), steps.count)
        match expr:
            case VectorSelector():
                _refuse_boundary(expr)
                return select_vector(expr, self.context, function)
            case Paren(expr=inner):
                return self.vector(inner, function=function)
            case Unary(expr=inner, is_plus=True):
                return self.vector(inner)
            case Unary(expr=inner):
                return (block.with_values(-block.values) for block in self.vector(inner))
            case Aggregation():
                return aggregate(expr, self)
            case Binary():
                return self._binary(expr)
            case Call(function=called):
                vector_function = VECTOR_FUNCTIONS.get(called)
                if vector_function is None:
                    raise UnsupportedError(f"function {called}()")
                return vector_function(expr, self)
            case _:
                raise _mistyped(expr, ValueType.VECTOR)

    def windows(self, expr: Expr, *, function: str = "") -> Iterator[WindowBlock]:
        """Yield a range vector expression's windows at each step."""
        match unwrap(expr):
            case MatrixSelector() as matrix:
                _refuse_boundary(matrix.selector)
                return select_windows(matrix, self.context, function)
            case Subquery() as subquery:
                end_ms = subquery_end(subquery, self.context)
                steps = subquery_steps(subquery, end_ms)
                self.context.account.check_steps(steps.count)
                inside = Evaluator(self.context.on(steps)).vector(subquery.expr)
                return cut_subquery(self.context.counted(inside), subquery, steps, end_ms)
            case _:
                raise _mistyped(expr, ValueType.MATRIX)

    def rollup_windows(
        self, expr: Expr, *, columns: frozenset[RollupColumn], function: str = ""
    ) -> Iterator[WindowBlock | RollupWindows]:
        """Yield the same, as rollups with these columns where the storage has them."""
        matrix = unwrap(expr)
        if isinstance(matrix, MatrixSelector):
            _refuse_boundary(matrix.selector)
            return select_rollup_windows(matrix, self.context, function, columns)
        return self.windows(expr, function=function)

    def _binary(self, expr: Binary) -> Iterator[VectorBlock]:
        _refuse_trim(expr.op)
        match value_type(expr.lhs), value_type(expr.rhs):
            case ValueType.VECTOR, ValueType.VECTOR:
                return self._between_vectors(expr)
            case ValueType.VECTOR, ValueType.SCALAR:
                vector, scalar, is_scalar_left = expr.lhs, expr.rhs, False
            case _:
                vector, scalar, is_scalar_left = expr.rhs, expr.lhs, True
        return with_scalar(
            expr.op,
            self.vector(vector),
            self.scalar(scalar),
            is_scalar_left=is_scalar_left,
            return_bool=expr.return_bool,
        )

    def _between_vectors(self, expr: Binary) -> Iterator[VectorBlock]:
        matching = expr.matching or VectorMatching()
        if matching.fill_left is not None or matching.fill_right is not None:
            raise UnsupportedError("fill modifier")
        lhs, rhs = self._whole(expr.lhs), self._whole(expr.rhs)
        if expr.op.is_set_operator:
            yield apply_set_operator(expr.op, lhs, rhs, matching)
        else:
            yield apply_between_vectors(expr.op, lhs, rhs, matching, return_bool=expr.return_bool)

    def _whole(self, expr: Expr) -> VectorBlock:
        """Return a vector as one block: a match may join any two of its series."""
        step_count = self.context.steps.count
        return concatenate(self.context.counted(self.vector(expr)), step_count)


def _refuse_boundary(selector: VectorSelector) -> None:
    if selector.boundary is not None:
        raise UnsupportedError(f"{selector.boundary} selector")


def _refuse_trim(op: BinaryOp) -> None:
    if op in (BinaryOp.TRIM_UPPER, BinaryOp.TRIM_LOWER):
        raise UnsupportedError("trim operator")


def _mistyped(expr: Expr, wanted: ValueType) -> TypeError:
    return TypeError(f"{expr} is a {value_type(expr)}, not a {wanted}")
