import pytest

from tests.promql.queries import ask, instant

SERIES = {
    'disk{i="10",node="b"}': "1",
    'disk{i="9",node="b"}': "NaN",
    'disk{i="2a",node="a"}': "3",
    'disk{i="02",node="a"}': "2",
}


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("sort(disk)", ["10", "02", "2a", "9"]),
        ("sort_desc(disk)", ["2a", "02", "10", "9"]),
        ('sort_by_label(disk, "i")', ["02", "2a", "9", "10"]),
        ('sort_by_label_desc(disk, "i")', ["10", "9", "2a", "02"]),
        ('sort_by_label(disk, "node", "i")', ["02", "2a", "9", "10"]),
        ("sort_by_label(disk)", ["02", "10", "2a", "9"]),
    ],
)
def test_series_come_in_the_order_asked_for(expr: str, expected: list[str]) -> None:
    found = [series.split('i="')[1].split('"')[0] for series in instant(expr, SERIES)]

    assert found == expected


def test_an_order_at_several_steps_is_none() -> None:
    result = ask("sum_over_time(sort_by_label_desc(disk, 'i')[2m:1m])", SERIES)

    assert result.warnings == (
        "PromQL warning: sort is ineffective for range queries since results are always ordered"
        " by labels (1:15)",
    )
