import pytest

from observability.promql import PromQLError
from tests.promql.queries import instant, over_minutes

SERIES = {
    'up{instance="a",job="1"}': "1x9",
    'up{instance="b",job="1"}': "1x9",
    'target_info{instance="a",job="1",zone="x",version="1"}': "1 1 1 stale",
    'target_info{instance="a",job="1",zone="y",version="2"}': "_ _ _ 1x6",
    'build_info{instance="a",job="1",revision="r"}': "1x9",
}


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (
            "info(up)",
            {'up{instance="a",job="1",version="1",zone="x"}', 'up{instance="b",job="1"}'},
        ),
        (
            'info(up, {zone=~".*"})',
            {'up{instance="a",job="1",zone="x"}', 'up{instance="b",job="1"}'},
        ),
        ('info(up, {zone="x"})', {'up{instance="a",job="1",zone="x"}'}),
        ('info(up, {zone="y"})', set()),
        (
            'info(up, {__name__="build_info"})',
            {'up{instance="a",job="1",revision="r"}', 'up{instance="b",job="1"}'},
        ),
        (
            'info(up, {__name__=~".+_info",revision="r"})',
            {'up{instance="a",job="1",revision="r"}'},
        ),
        (
            'info(build_info, {__name__="build_info"})',
            {'build_info{instance="a",job="1",revision="r"}'},
        ),
        (
            "info(up offset -4m)",
            {'up{instance="a",job="1",version="2",zone="y"}', 'up{instance="b",job="1"}'},
        ),
        ("info(nothing)", set()),
    ],
)
def test_series_get_the_labels_of_their_target(expr: str, expected: set[str]) -> None:
    assert set(instant(expr, SERIES, minutes=1)) == expected


def test_without_any_info_series_all_stays_as_it_is() -> None:
    assert instant("info(up)", {'up{instance="a"}': "1", "up": "2"}) == {
        'up{instance="a"}': 1,
        "up": 2,
    }


def test_labels_change_when_the_info_does() -> None:
    values = over_minutes('info(up{instance="a"}, {zone!=""})', SERIES, minutes=4)

    assert {series: list(found) for series, found in values.items()} == {
        'up{instance="a",job="1",zone="x"}': [0, 1, 2],
        'up{instance="a",job="1",zone="y"}': [3, 4],
    }


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ({'target_info{instance="a",job="1",zone="z"}': "1x9"}, "found duplicate series for info"),
        ({'other_info{instance="a",job="1",zone="z"}': "1x9"}, "conflicting label: zone"),
    ],
)
def test_infos_that_contradict_each_other_are_an_error(added: dict[str, str], message: str) -> None:
    with pytest.raises(PromQLError, match=message):
        instant('info(up, {__name__=~".+_info"})', {**SERIES, **added}, minutes=1)


def test_of_infos_of_a_target_the_newest_counts() -> None:
    newer = {'target_info{instance="a",job="1",zone="new"}': "_ 1"}

    found = instant(
        'info(up{instance="a"}, {zone=~".+"})',
        {**SERIES, 'target_info{instance="a",job="1",zone="x",version="1"}': "1", **newer},
        minutes=2,
    )

    assert list(found) == ['up{instance="a",job="1",zone="new"}']
