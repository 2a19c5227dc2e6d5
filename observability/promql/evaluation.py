"""Evaluates a syntax tree, node by node, at all steps at once."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from observability.promql.aggregation import aggregate
from observability.promql.blocks import Floats, VectorBlock, concatenate, spread
from observability.promql.context import Context
from observability.promql.functions import SCALAR_FUNCTIONS, VECTOR_FUNCTIONS
from observability.promql.labels import quote
from observability.promql.matching import apply_between_vectors, apply_set_operator
from observability.promql.operators import between_scalars, with_scalar
from observability.promql.plan import is_step_invariant
from observability.promql.rollups import RollupWindows
from observability.promql.selection import (
    select_rollup_windows,
    select_samples,
    select_vector,
    select_windows,
)
from observability.promql.signatures import ValueType
from observability.promql.staleness import InstantSelection
from observability.promql.storage import RollupBlock, RollupColumn, SeriesBlock
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
                return between_scalars(op, self.scalar(lhs), self.scalar(rhs))
            case Call(function=function):
                return SCALAR_FUNCTIONS[function](expr, self)
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
            once = self.within(self.context.once())
            return spread(once._vector(expr, function), steps.count)
        return self._vector(expr, function)

    def _vector(self, expr: Expr, function: str) -> Iterator[VectorBlock]:
        match expr:
            case VectorSelector():
                blocks = select_vector(expr, self.context, function)
                counts = self.context.counts
                return blocks if counts is None else counts.of_shown(blocks)
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
                return VECTOR_FUNCTIONS[called](expr, self)
            case _:
                raise _mistyped(expr, ValueType.VECTOR)

    def samples(
        self, selector: VectorSelector, *, function: str
    ) -> Iterator[tuple[SeriesBlock | RollupBlock, InstantSelection]]:
        """Yield the series of a selector with the sample, not only the value, that each shows."""
        for block, chosen in select_samples(selector, self.context, function):
            if self.context.counts is not None:
                self.context.counts.add_shown(chosen)
            yield block, chosen

    def windows(self, expr: Expr, *, function: str = "") -> Iterator[WindowBlock]:
        """Yield a range vector expression's windows at each step."""
        match unwrap(expr):
            case MatrixSelector() as matrix:
                blocks = select_windows(matrix, self.context, function)
                counts = self.context.counts
                return blocks if counts is None else counts.of_windows(blocks)
            case Subquery() as subquery:
                return self._subquery(subquery, is_whole_query=not function)
            case _:
                raise _mistyped(expr, ValueType.MATRIX)

    def rollup_windows(
        self, expr: Expr, *, columns: frozenset[RollupColumn], function: str = ""
    ) -> Iterator[WindowBlock | RollupWindows]:
        """Yield the same, as rollups with these columns where the storage has them."""
        matrix = unwrap(expr)
        if isinstance(matrix, MatrixSelector) and matrix.selector.boundary is None:
            blocks = select_rollup_windows(matrix, self.context, function, columns)
            counts = self.context.counts
            return blocks if counts is None else counts.of_windows(blocks)
        return self.windows(expr, function=function)

    def within(self, context: Context) -> "Evaluator":
        """Return an evaluator of the same kind with other surroundings."""
        return Evaluator(context)

    def _subquery(self, subquery: Subquery, *, is_whole_query: bool) -> Iterator[WindowBlock]:
        context = self.context
        end_ms = subquery_end(subquery, context)
        steps = subquery_steps(subquery, end_ms, context)
        context.account.check_steps(steps.count)
        if not steps.count:
            return
        inside = self.within(context.inside_subquery(steps))
        windows = cut_subquery(
            context.counted(inside.vector(subquery.expr)), subquery, steps, end_ms, context.edge_ms
        )
        counts, inner = context.counts, inside.context.counts
        if counts is None or inner is None:
            yield from windows
        elif is_whole_query:
            yield from windows
            counts.take_over_all(inner)
        else:
            yield from counts.of_windows(windows, from_storage=False)
            counts.take_over(inner, offset_ms=subquery.offset_ms, range_ms=subquery.range_ms)

    def _binary(self, expr: Binary) -> Iterator[VectorBlock]:
        if expr.op.is_trim:
            # Only the matching counts: there is nothing to trim off a float.
            return self._trimmed(expr, self._binary(replace(expr, op=BinaryOp.SUB)))
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
        lhs, rhs = self._whole(expr.lhs), self._whole(expr.rhs)
        if expr.op.is_set_operator:
            yield apply_set_operator(expr.op, lhs, rhs, matching)
        else:
            yield apply_between_vectors(expr.op, lhs, rhs, matching, return_bool=expr.return_bool)

    def _trimmed(self, expr: Binary, blocks: Iterator[VectorBlock]) -> Iterator[VectorBlock]:
        for block in blocks:
            if block.present.any():
                self.context.annotations.inform(
                    "incompatible sample types encountered for binary operator "
                    f"{quote(expr.op)}: float {expr.op} float",
                    expr.span,
                )
            yield block.with_presence(np.zeros_like(block.present))

    def _whole(self, expr: Expr) -> VectorBlock:
        """Return a vector as one block: a match may join any two of its series."""
        step_count = self.context.steps.count
        return concatenate(self.context.counted(self.vector(expr)), step_count)


def _mistyped(expr: Expr, wanted: ValueType) -> TypeError:
    return TypeError(f"{expr} is a {value_type(expr)}, not a {wanted}")
