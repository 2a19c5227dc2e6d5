"""Answers of queries in Prometheus's JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.prometheus_api.answers import result_parts
from observability.metrics.prometheus_api.sample_texts import format_value
from observability.promql.labels import LabelSet, label_set
from observability.promql.values import InstantVector, Matrix, QueryResult, Scalar, String

LABELS = st.dictionaries(st.text(max_size=4), st.text(max_size=6), max_size=3).map(label_set)
TIMES = st.lists(st.integers(-(2**50), 2**50), min_size=1, max_size=6, unique=True).map(sorted)
VALUES = st.floats() | st.integers(-100, 100).map(float)


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    shared = draw(TIMES)
    series = [
        (labels, times, draw(st.lists(VALUES, min_size=len(times), max_size=len(times))))
        for labels, times in draw(st.lists(st.tuples(LABELS, st.just(shared) | TIMES), max_size=5))
    ]
    return matrix_of(series)


def matrix_of(series: Sequence[tuple[LabelSet, Sequence[int], Sequence[float]]]) -> Matrix:
    lengths = [len(times) for _, times, _ in series]
    return Matrix(
        [labels for labels, _, _ in series],
        np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)]),
        np.array([at for _, times, _ in series for at in times], dtype=np.int64),
        np.array([value for _, _, values in series for value in values], dtype=np.float64),
    )


def body(result: QueryResult) -> str:
    return b"".join(result_parts(result)).decode()


@given(matrices())
def test_a_matrix_is_written_series_by_series(matrix: Matrix) -> None:
    text = body(QueryResult(value=matrix))

    assert json.loads(text)["data"]["result"] == [
        {
            "metric": dict(labels),
            "values": [
                [at / 1000, format_value(value)]
                for at, value in zip(times.tolist(), values.tolist(), strict=True)
            ],
        }
        for labels, times, values in matrix.series()
    ]


def test_a_matrix_of_many_series_comes_in_parts() -> None:
    times, values = range(0, 1_000_000, 1000), np.arange(1000) / 7
    matrix = matrix_of([((("i", f"{i:02}"),), times, values.tolist()) for i in range(50)])

    parts = list(result_parts(QueryResult(value=matrix)))

    assert len(parts) > 6
    assert max(map(len, parts)) < 400_000
    result = json.loads(b"".join(parts))["data"]["result"]
    assert [series["metric"]["i"] for series in result] == [f"{i:02}" for i in range(50)]
    assert {len(series["values"]) for series in result} == {1000}


def test_a_series_longer_than_a_part_stays_whole() -> None:
    matrix = matrix_of([((), range(20_000), [1.0] * 20_000), ((("a", "b"),), [5], [math.inf])])

    result = json.loads(body(QueryResult(value=matrix)))["data"]["result"]

    assert [len(series["values"]) for series in result] == [20_000, 1]


@given(st.lists(st.tuples(LABELS, VALUES), max_size=6), st.integers(-(2**50), 2**50))
def test_a_vector_is_written_sample_by_sample(
    samples: list[tuple[LabelSet, float]], at_ms: int
) -> None:
    values = np.array([value for _, value in samples], dtype=np.float64)
    vector = InstantVector(at_ms, [labels for labels, _ in samples], values)

    answer = json.loads(body(QueryResult(value=vector)))

    assert answer["data"]["result"] == [
        {"metric": dict(labels), "value": [at_ms / 1000, format_value(value)]}
        for labels, value in samples
    ]


def test_times_of_series_have_three_decimals_and_labels_no_escapes_of_html() -> None:
    vector = InstantVector(1_500, [(("a", '<&>"\\é\n'),)], np.array([1.0]))

    assert body(QueryResult(value=vector)) == (
        '{"status":"success","data":{"resultType":"vector","result":'
        r'[{"metric":{"a":"<&>\"\\é\n"},"value":[1.500,"1"]}]}}'
    )


def test_scalars_and_strings_are_written_as_go_does_without_prometheus() -> None:
    scalar = body(QueryResult(value=Scalar(1_500, 1e-9)))
    string = body(QueryResult(value=String(2_000, "<a>")))

    assert scalar.endswith('"resultType":"scalar","result":[1.5,"0.000000001"]}}')
    assert string.endswith(r'"resultType":"string","result":[2,"\u003ca\u003e"]}}')


def test_warnings_and_infos_stand_behind_the_data() -> None:
    result = QueryResult(value=Scalar(0, 1.0), warnings=("a > b",), infos=("c",))

    assert body(result).endswith(r'[0,"1"]},"warnings":["a \u003e b"],"infos":["c"]}')
