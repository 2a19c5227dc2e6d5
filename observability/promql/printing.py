"""PromQL laid out over lines, as Prometheus's formatter does it.

What is longer than a line holds is broken where its parts meet, and these are indented.
Source: Prometheus 3, promql/parser/prettier.go.
"""

from typing import assert_never

from observability.promql.syntax import (
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
)

LINE_LENGTH = 100
"""Bytes of a node's text from which on it is broken, whatever its indentation."""

_INDENT = "  "


def pretty(expr: Expr, *, line_length: int = LINE_LENGTH) -> str:
    """Return `expr` as PromQL over as many lines as its length asks for."""
    return _Layout(line_length).lay_out(expr, 0)


class _Layout:
    def __init__(self, line_length: int) -> None:
        self._line_length = line_length

    def lay_out(self, expr: Expr, level: int) -> str:
        """Return the lines of a node, each indented from this level on."""
        indent = _INDENT * level
        if isinstance(expr, Unary):
            operand = self.lay_out(expr.expr, level).strip()
            return f"{indent}{'+' if expr.is_plus else '-'}{operand}"
        text = str(expr)
        if len(text.encode(errors="surrogateescape")) <= self._line_length:
            # Prometheus indents all but subqueries.
            return text if isinstance(expr, Subquery) else indent + text
        match expr:
            case NumberLiteral() | StringLiteral() | VectorSelector() | MatrixSelector():
                return indent + text
            case Subquery(expr=inner):
                return self.lay_out(inner, level) + expr.suffix
            case Paren(expr=inner):
                return f"{indent}(\n{self.lay_out(inner, level + 1)}\n{indent})"
            case Call(function=function, args=args):
                return f"{indent}{function}(\n{self._arguments(args, level)}\n{indent})"
            case Aggregation(param=param):
                args = (expr.expr,) if param is None else (param, expr.expr)
                return f"{indent}{expr.prefix}(\n{self._arguments(args, level)}\n{indent})"
            case Binary(lhs=lhs, rhs=rhs):
                left, right = self.lay_out(lhs, level + 1), self.lay_out(rhs, level + 1)
                return f"{left}\n{indent}{expr.operator}\n{right}"
            case _:
                assert_never(expr)

    def _arguments(self, args: tuple[Expr, ...], level: int) -> str:
        return ",\n".join(self.lay_out(arg, level + 1) for arg in args)
