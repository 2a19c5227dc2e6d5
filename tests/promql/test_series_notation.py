from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.promql import ParseError
from observability.promql.labels import format_metric
from observability.promql.series_notation import (
    DescribedSamples,
    parse_metric,
    parse_series,
    parse_values,
)
from observability.promql.staleness import is_stale


def with_gaps(samples: DescribedSamples) -> list[float | None]:
    """Return one value for each interval up to the last sample, None where there is none."""
    found = dict(zip(samples.positions.tolist(), samples.values.tolist(), strict=True))
    return [found.get(position) for position in range(max(found, default=-1) + 1)]


def up_to_last(values: list[float | None]) -> list[float | None]:
    """Return the values without the gap at their end, which leaves no trace."""
    return values[: max((n for n, value in enumerate(values, 1) if value is not None), default=0)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("1 -2.5  .5 1e3 +7", [1, -2.5, 0.5, 1000, 7], id="numbers"),
        pytest.param("1_000 010", [1000, 8], id="separated and octal digits"),
        pytest.param("Inf -inf", [math.inf, -math.inf], id="infinities"),
        pytest.param("1 _ 2 _x3", [1, None, 2, None, None, None], id="no samples"),
        pytest.param("-2+4x3", [-2, 2, 6, 10], id="growing"),
        pytest.param("1-2x4", [1, -1, -3, -5, -7], id="falling"),
        pytest.param("1x2 0x1", [1, 1, 1, 0, 0], id="repeated"),
        pytest.param("1e2+1.5e1x2", [100, 115, 130], id="exponents"),
    ],
)
def test_values_are_expanded(text: str, values: list[float | None]) -> None:
    assert with_gaps(parse_values(text)) == up_to_last(values)


def test_the_stale_marker_is_told_from_other_nans() -> None:
    assert is_stale(parse_values("stale NaN").values).tolist() == [True, False]


def test_sums_are_rounded_one_after_the_other() -> None:
    expected, value = [], 0.0
    for _ in range(101):
        expected.append(value)
        value += 0.1

    assert parse_values("0+0.1x100").values.tolist() == expected


def test_gaps_take_no_memory() -> None:
    samples = parse_values("1 _x1000000000 2")

    assert samples.positions.tolist() == [0, 1_000_000_001]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("1 2 tree", 'unexpected "tree" in series values', id="a word"),
        pytest.param("1 2x", 'unexpected "2x" in series values', id="no number of times"),
        pytest.param("1.2.3", 'unexpected "1.2.3" in series values', id="two points"),
        pytest.param("stalex3", 'unexpected "stalex3" in series values', id="stale repeated"),
        pytest.param("1 {{count:5}}", "native histograms are not supported", id="a histogram"),
        pytest.param("1x99999999999", "more than 10,000,000 samples", id="far too many"),
    ],
)
def test_other_values_are_refused(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_values(text)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("{}", {}, id="empty braces"),
        pytest.param("up", {"__name__": "up"}, id="a name"),
        pytest.param("job:up:sum{}", {"__name__": "job:up:sum"}, id="a recorded name"),
        pytest.param(
            'up{job="a b", le=\'"\',}',
            {"__name__": "up", "job": "a b", "le": '"'},
            id="labels and a comma too many",
        ),
        pytest.param('{"höhe", "a.b"="c"}', {"__name__": "höhe", "a.b": "c"}, id="in quotes"),
        pytest.param('up{job=""}', {"__name__": "up"}, id="an empty label"),
    ],
)
def test_metrics_are_read(text: str, labels: dict[str, str]) -> None:
    assert dict(parse_metric(text)) == labels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "up{job=0}",
            "1:8: parse error: unexpected character inside braces: '0'",
            id="a number as value",
        ),
        pytest.param(
            'up{job!="a"}',
            '1:7: parse error: unexpected <op:!=> in label set, expected "="',
            id="a matcher",
        ),
        pytest.param(
            'up{job="a"',
            "1:11: parse error: unexpected end of input inside braces",
            id="cut off",
        ),
        pytest.param("up 1", "1:4: parse error: unexpected '1' after a metric", id="a value"),
        pytest.param("5", "1:1: parse error: unexpected '5', expected a metric", id="a number"),
    ],
)  # fmt: skip
def test_other_metrics_are_refused(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_metric(text)

    assert str(caught.value) == message


def test_a_series_is_a_metric_with_its_values() -> None:
    labels, samples = parse_series('up{job="a"} 1 _ 3')

    assert dict(labels) == {"__name__": "up", "job": "a"}
    assert with_gaps(samples) == [1, None, 3]


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1),
        st.text(st.characters(codec="utf-8"), min_size=1),
        max_size=4,
    )
)
def test_whatever_is_printed_is_read_back(labels: dict[str, str]) -> None:
    printed = format_metric(tuple(sorted(labels.items())))

    assert dict(parse_metric(printed)) == labels


@given(st.lists(st.floats(allow_nan=False) | st.none(), max_size=20))
def test_numbers_are_read_as_they_are(values: list[float | None]) -> None:
    text = " ".join("_" if value is None else repr(value) for value in values)

    assert with_gaps(parse_values(text)) == up_to_last(values)
