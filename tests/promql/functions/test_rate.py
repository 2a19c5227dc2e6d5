import numpy as np
import pytest

from observability.promql.functions.rate import extrapolated_rate, instant_change
from observability.promql.storage import SeriesBlock
from observability.promql.windows import WindowBlock, cut_windows


def window_of(*samples: tuple[int, float], end_s: int, range_s: int) -> WindowBlock:
    """Return one window of one series; times are in seconds."""
    block = SeriesBlock(
        label_sets=[()],
        offsets=np.array([0, len(samples)]),
        timestamps_ms=np.array([time * 1000 for time, _ in samples], dtype=np.int64),
        values=np.array([value for _, value in samples], dtype=np.float64),
    )
    return cut_windows(block, end_ms=np.array([end_s * 1000]), range_ms=range_s * 1000)


@pytest.mark.parametrize(
    ("end_s", "stretched_to_s"),
    [(310, 310), (311, 305), (400, 305)],
    ids=["just-within-1.1-distances", "just-beyond", "far-beyond"],
)
def test_growth_is_stretched_to_an_edge_that_is_near_and_half_a_distance_else(
    end_s: int, stretched_to_s: int
) -> None:
    samples = [(time, float(time)) for time in range(200, 301, 10)]
    window = window_of(*samples, end_s=end_s, range_s=end_s - 200 + 5)

    growth, _ = extrapolated_rate(window, is_counter=False, is_rate=False)

    assert growth[0, 0] == pytest.approx(stretched_to_s - 195)


@pytest.mark.parametrize(
    ("first", "stretched_from_s"),
    [(2.0, 98), (50.0, 90), (-5.0, 90)],
    ids=["would-have-been-zero-before", "would-not", "was-negative"],
)
def test_a_counter_is_not_stretched_to_before_it_was_zero(
    first: float, stretched_from_s: int
) -> None:
    window = window_of((100, first), (110, first + 10), (120, first + 20), end_s=120, range_s=30)

    growth, _ = extrapolated_rate(window, is_counter=True, is_rate=False)

    assert growth[0, 0] == pytest.approx(120 - stretched_from_s)


def test_what_a_counter_lost_in_a_restart_is_added_back() -> None:
    window = window_of((10, 90.0), (20, 100.0), (30, 5.0), (40, 15.0), end_s=40, range_s=31)

    growth, _ = extrapolated_rate(window, is_counter=True, is_rate=False)

    assert growth[0, 0] == pytest.approx(25 * 31 / 30)


def test_a_single_sample_has_no_rate() -> None:
    window = window_of((10, 90.0), end_s=40, range_s=40)

    with np.errstate(all="ignore"):
        _, present = extrapolated_rate(window, is_counter=True, is_rate=True)

    assert not present.any()


def test_irate_takes_a_restarted_counter_as_its_growth() -> None:
    window = window_of((10, 90.0), (20, 8.0), end_s=20, range_s=20)

    change, _ = instant_change(window, is_rate=True)

    assert change[0, 0] == 0.8
