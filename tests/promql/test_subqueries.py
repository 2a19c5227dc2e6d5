from __future__ import annotations

from observability.promql import Engine, InstantVector, MemoryStorage


def test_a_subquery_that_names_no_step_takes_the_one_of_the_engine() -> None:
    storage = MemoryStorage()
    storage.add({"__name__": "x"}, [(0, 1.0)])
    engine = Engine(subquery_step_ms=30_000)

    value = engine.query("count_over_time(x[2m:])", at_ms=120_000, storage=storage).value

    assert isinstance(value, InstantVector)
    assert value.values.tolist() == [4]
