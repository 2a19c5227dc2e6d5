import pytest

from observability.promql import PromQLError
from tests.promql.queries import instant


@pytest.mark.parametrize("name", ["double_exponential_smoothing", "holt_winters"])
def test_a_straight_line_stays_one(name: str) -> None:
    found = instant(f"{name}(x[10m], 0.5, 0.1)", {"x": "0+10x9"}, minutes=9)

    assert found == pytest.approx({"": 90})


def test_a_jump_is_followed_by_the_share_of_the_factor() -> None:
    found = instant("double_exponential_smoothing(x[9m], 0.25, 0.5)", {"x": "0 0 100"}, minutes=2)

    assert found == pytest.approx({"": 25})


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ("0, 0.5", r"invalid smoothing factor. Expected: 0 < sf < 1, got: 0.000000"),
        ("0.5, 1.5", r"invalid trend factor. Expected: 0 < tf < 1, got: 1.500000"),
    ],
)
def test_factors_must_be_between_0_and_1(factors: str, message: str) -> None:
    with pytest.raises(PromQLError, match=message) as caught:
        instant(f"holt_winters(x[9m], {factors})", {"x": "0+10x9"}, minutes=9)

    assert caught.value.kind == "execution"


def test_factors_do_not_matter_where_there_are_no_samples() -> None:
    assert instant("holt_winters(nothing[9m], 7, 7)", {}) == {}
