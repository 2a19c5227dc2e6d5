import pytest

from observability.promql import PromQLError
from tests.promql.queries import instant, over_minutes

CPU = {'cpu{host="a"}': "1", 'cpu{host="b"}': "2"}


@pytest.mark.parametrize(
    "expr",
    [
        'label_replace(cpu, "host", "same", "", "")',
        'sum(label_replace(cpu, "host", "same", "", ""))',
        'sum(label_join(cpu, "host", ""))',
        'sum(label_replace(cpu, "host", "b", "host", "a"))',
    ],
    ids=["alone", "in-an-aggregation", "joined", "same-as-one-that-is-there"],
)
def test_series_that_become_the_same_are_refused(expr: str) -> None:
    with pytest.raises(PromQLError, match="same labelset"):
        instant(expr, CPU)


def test_series_that_become_the_same_but_take_turns_are_one() -> None:
    series = {'cpu{host="a"}': "1 stale", 'cpu{host="b"}': "_ 2"}

    found = over_minutes('label_replace(cpu, "host", "same", "", "")', series, minutes=1)

    assert found == {'cpu{host="same"}': {0: 1, 1: 2}}


def test_a_name_given_on_purpose_stays() -> None:
    found = instant('label_replace(-cpu, "__name__", "minus_$1", "host", "(.)")', CPU)

    assert found == {'minus_a{host="a"}': -1, 'minus_b{host="b"}': -2}


def test_a_label_name_that_is_no_utf_8_is_refused() -> None:
    with pytest.raises(PromQLError) as caught:
        instant(r'label_replace(cpu, "a\xff", "x", "", "")', CPU)

    assert str(caught.value) == "invalid destination label name in label_replace(): a�"
