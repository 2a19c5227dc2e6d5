import pytest

from observability.promql import PromQLError
from tests.promql.queries import instant, over_minutes

SERIES = {
    'build{i="1",job="a"}': "1e20",
    'build{i="2",job="a"}': "0.5",
    'build{i="3",job="b"}': "0.5",
    'build{i="4",job="b"}': "NaN",
    'build{i="5",job="b"}': "-1e-7",
}


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (
            'count_values("v", build)',
            {
                '{v="100000000000000000000"}': 1,
                '{v="0.5"}': 2,
                '{v="NaN"}': 1,
                '{v="-0.0000001"}': 1,
            },
        ),
        (
            'count_values by (job) ("v", build == 0.5)',
            {'{job="a",v="0.5"}': 1, '{job="b",v="0.5"}': 1},
        ),
        ('count_values without (i) ("job", build == 0.5)', {'{job="0.5"}': 2}),
        ('count_values without (i, v) ("v", build > 0)', {'{job="a"}': 2, '{job="b"}': 1}),
        ('count_values("v", nothing)', {}),
    ],
)
def test_values_are_counted_under_a_label(expr: str, expected: dict[str, float]) -> None:
    assert instant(expr, SERIES) == expected


def test_a_value_is_counted_at_the_steps_that_have_it() -> None:
    values = over_minutes('count_values("v", x)', {"x": "1 2 1", 'x{i="1"}': "_ 2 2"}, minutes=2)

    assert values == {'{v="1"}': {0: 1, 2: 1}, '{v="2"}': {1: 2, 2: 1}}


@pytest.mark.parametrize("label", ["", "a\\xc5z"], ids=["empty", "no-utf-8"])
def test_a_label_that_cannot_be_is_an_error(label: str) -> None:
    with pytest.raises(PromQLError) as caught:
        instant(f'count_values("{label}", x)', {"x": "1"})

    assert str(caught.value) == f'invalid label name "{label}"'
