"""PromQL over lines, as Prometheus's formatter lays it out."""

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.promql import parse
from observability.promql.printing import pretty
from observability.promql.syntax import Expr

from .test_syntax import NUMBERS, VECTORS


@given(st.one_of(VECTORS, NUMBERS), st.sampled_from([1, 20, 100]))
def test_what_is_laid_out_parses_to_the_same_tree(tree: Expr, line_length: int) -> None:
    assert parse(pretty(tree, line_length=line_length)) == tree


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(up)by(job)", "sum by (job) (up)"),
        (
            "sum by (job) (rate(requests{a='1'}[5m]))",
            """\
            sum by (job) (
              rate(
                requests{a="1"}[5m]
              )
            )""",
        ),
        (
            "topk(3, requests{a='1'})",
            """\
            topk(
              3,
              requests{a="1"}
            )""",
        ),
        (
            "(requests > bool on(a) group_left(b) -limits_of_all) or x",
            """\
              (
                  requests
                > bool on (a) group_left (b)
                  -limits_of_all
              )
            or
              x""",
        ),
        (
            "max_over_time(sum(requests_total)[5m:1m] offset 1h)",
            """\
            max_over_time(
              sum(
                requests_total
              )[5m:1m] offset 1h
            )""",
        ),
        ("f" * 30, "f" * 30),
    ],
    ids=["short", "nested", "parameter", "operators", "subquery", "name"],
)
def test_what_is_longer_than_a_line_is_broken(text: str, expected: str) -> None:
    assert pretty(parse(text), line_length=17) == dedent(expected)


def test_a_line_holds_a_hundred_bytes() -> None:
    fits = f"sum({'a' * 95})"

    assert pretty(parse(fits)) == fits
    assert pretty(parse(f"sum({'a' * 96})")) == f"sum(\n  {'a' * 96}\n)"
