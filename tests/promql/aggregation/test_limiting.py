import pytest

from observability.promql import PromQLError
from observability.promql.aggregation.label_hash import hash_bytes
from tests.promql.queries import ask, instant, over_minutes

SERIES = {f'x{{i="{i}",job="{"ab"[i % 2]}"}}': f"_x{i} 1x9" for i in range(6)}


def test_limitk_keeps_so_many_series_of_each_group() -> None:
    assert instant("count by (job) (limitk by (job) (2, x))", SERIES, minutes=6) == {
        '{job="a"}': 2,
        '{job="b"}': 2,
    }


def test_limitk_counts_the_series_that_are_there_at_a_step() -> None:
    assert over_minutes("count(limitk(2, x))", SERIES, minutes=3) == {"": {0: 1, 1: 2, 2: 2, 3: 2}}


def test_the_two_parts_of_a_ratio_and_the_rest_are_all_series() -> None:
    whole = instant("x", SERIES, minutes=6)

    part = instant("limit_ratio(0.4, x)", SERIES, minutes=6)
    rest = instant("limit_ratio(-0.6, x)", SERIES, minutes=6)

    assert part.keys().isdisjoint(rest)
    assert {**part, **rest} == whole


@pytest.mark.parametrize(
    ("expr", "warnings", "count"),
    [
        ("limit_ratio(1, x)", (), 6),
        ("limit_ratio(0, x)", (), 0),
        (
            "limit_ratio(1.1, x)",
            (
                "PromQL warning: ratio value should be between -1 and 1, got 1.1,"
                " capping to 1 (1:13)",
            ),
            6,
        ),
        (
            "limit_ratio(-2, x)",
            (
                "PromQL warning: ratio value should be between -1 and 1, got -2,"
                " capping to -1 (1:13)",
            ),
            6,
        ),
    ],
)
def test_a_ratio_beyond_all_is_all_with_a_warning(
    expr: str, warnings: tuple[str, ...], count: int
) -> None:
    result = ask(expr, SERIES, minutes=6)

    assert result.warnings == warnings
    assert len(instant(expr, SERIES, minutes=6)) == count


def test_a_ratio_that_is_no_number_is_an_error() -> None:
    with pytest.raises(PromQLError, match=r"^Ratio value is NaN$"):
        instant("limit_ratio(NaN, x)", SERIES)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"The quick brown fox jumps over the lazy dog", 0x0B242D361FDA71BC),
    ],
    ids=["nothing", "one-byte", "three-bytes", "longer-than-32-bytes"],
)
def test_the_hash_is_xxh64(data: bytes, expected: int) -> None:
    assert hash_bytes(data) == expected
