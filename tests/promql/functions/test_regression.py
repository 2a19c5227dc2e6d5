import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.promql import Engine, InstantVector, MemoryStorage
from tests.promql.queries import instant


@given(
    distances=st.lists(st.integers(1, 60_000), min_size=2, max_size=30),
    data=st.data(),
)
def test_the_line_is_the_one_of_least_squares(distances: list[int], data: st.DataObject) -> None:
    times = np.cumsum(distances)
    values = data.draw(
        st.lists(
            st.floats(-1e4, 1e4, allow_subnormal=False), min_size=len(times), max_size=len(times)
        )
    )
    storage = MemoryStorage()
    storage.add({"__name__": "x"}, zip(times.tolist(), values, strict=True))
    at_ms = int(times[-1])
    slope, intercept = np.polyfit((times - at_ms) / 1000, values, 1)

    found = [
        Engine().query(expr, at_ms=at_ms, storage=storage).value
        for expr in ("deriv(x[1h])", "predict_linear(x[1h], 60)")
    ]

    assert all(isinstance(value, InstantVector) for value in found)
    numbers = [float(value.values[0]) for value in found if isinstance(value, InstantVector)]
    assert numbers == pytest.approx([slope, intercept + 60 * slope], rel=1e-5, abs=1e-3)


@pytest.mark.parametrize(
    ("notation", "slope", "predicted"),
    [
        ("5x9", 0, 5),
        ("0+60x9", 1, 600),
        ("infx9", math.nan, math.nan),
        ("1 _x8", None, None),
    ],
    ids=["constant", "rising", "infinite", "one-sample"],
)
def test_lines_of_windows(notation: str, slope: float | None, predicted: float | None) -> None:
    series = {"x": notation}

    slopes = instant("deriv(x[10m])", series, minutes=9)
    values = instant("predict_linear(x[10m], 60)", series, minutes=9)

    assert slopes == pytest.approx({} if slope is None else {"": slope}, nan_ok=True)
    assert values == pytest.approx({} if predicted is None else {"": predicted}, nan_ok=True)


def test_a_prediction_is_made_from_the_evaluation_time_whatever_the_offset() -> None:
    found = instant("predict_linear(x[5m] offset 5m, 60)", {"x": "0+60x20"}, minutes=10)

    assert found == pytest.approx({"": 660})
