"""Compiled code that is ready before the first query."""

import sys

import pytest
from numba.core.dispatcher import Dispatcher

from observability.promql import Engine, MemoryStorage
from observability.promql.warm_up import warm_up

from .rolled_storage import RolledStorage


def versions() -> dict[str, int]:
    """Return of each compiled function of the engine for how many kinds of arguments it was compiled."""
    return {
        f"{name}.{key}": len(value.signatures)
        for name, module in list(sys.modules.items())
        if name.startswith("observability.promql")
        for key, value in vars(module).items()
        if isinstance(value, Dispatcher)
    }


@pytest.mark.parametrize("series_count", [1, 3])
@pytest.mark.parametrize("step_count", [1, 4])
@pytest.mark.parametrize("is_rolled", [False, True], ids=["samples", "rollups"])
def test_no_query_compiles_anything_anew(
    series_count: int, step_count: int, is_rolled: bool
) -> None:
    samples = MemoryStorage()
    for number in range(series_count):
        labels = {"__name__": "warm_total", "i": str(number)}
        samples.add(labels, ((at * 15_000, float(at % 7)) for at in range(60)))
    storage = RolledStorage(samples, resolution_ms=60_000) if is_rolled else samples
    warm_up()
    before = versions()

    for window in ("warm_total[2m]", "(warm_total @ 300)[2m:20s]", "warm_total[2m] @ 400"):
        for expr in (
            f"rate({window})",
            f"sum_over_time({window}) / min_over_time({window})",
            f"quantile_over_time(0.5, {window}) + mad_over_time({window})",
            f"stddev_over_time({window}) + predict_linear({window}, 60) + deriv({window})",
            f"double_exponential_smoothing({window}, 0.5, 0.5)",
            f"sum by (i) (ts_of_max_over_time({window}))",
        ):
            Engine().query_range(
                expr,
                start_ms=600_000,
                end_ms=600_000 + (step_count - 1) * 30_000,
                step_ms=30_000,
                storage=storage,
            )

    assert versions() == before
