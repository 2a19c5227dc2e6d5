"""Selectors that are read together give what they give by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from observability.metrics.backend import get_backend
from observability.metrics.samples import batch_at
from observability.metrics.store import catalogue
from observability.metrics.store.storage import PostgresStorage
from observability.metrics.store.together import SamplesReadTogether
from observability.promql.labels import LabelSet
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.storage import Reading, SelectHints, SeriesBlock, Storage

pytestmark = pytest.mark.django_db(transaction=True)

NOW_MS = 1_772_366_400_000
MINUTE_MS = 60_000


def labels(metric: str, host: str) -> LabelSet:
    return (("__name__", metric), ("host", host))


def write(metric: str, at_ms: int, **values: float) -> None:
    get_backend().append(
        batch_at(at_ms, [(labels(metric, host), value) for host, value in values.items()])
    )


def selector(metric: str, *others: Matcher) -> tuple[Matcher, ...]:
    return (Matcher("__name__", MatchOp.EQUAL, metric), *others)


def samples(
    storage: Storage, matchers: tuple[Matcher, ...], hints: SelectHints
) -> dict[LabelSet, list[tuple[int, float]]]:
    """The samples within the hints, by series; series without any are left out."""
    found = {}
    for block in storage.select(matchers, hints):
        assert isinstance(block, SeriesBlock)
        for place, series in enumerate(block.label_sets):
            part = slice(block.offsets[place], block.offsets[place + 1])
            pairs = zip(
                block.timestamps_ms[part].tolist(), block.values[part].tolist(), strict=True
            )
            held = [pair for pair in pairs if hints.start_ms <= pair[0] <= hints.end_ms]
            if held:
                found[series] = held
    return found


HINTS = SelectHints(start_ms=NOW_MS - 5 * MINUTE_MS, end_ms=NOW_MS)
LONGER = SelectHints(start_ms=NOW_MS - 30 * MINUTE_MS, end_ms=NOW_MS)


def test_all_of_them_give_the_same_as_alone() -> None:
    for minute in range(20):
        write("together_a", NOW_MS - minute * MINUTE_MS, x=minute, y=-minute)
        write("together_b", NOW_MS - minute * MINUTE_MS, x=2.0 * minute)
    asked = {
        selector("together_a"): HINTS,
        selector("together_a", Matcher("host", MatchOp.EQUAL, "x")): LONGER,
        selector("together_a", Matcher("host", MatchOp.REGEX, "y|z")): HINTS,
        selector("together_b"): LONGER,
        selector("together_b", Matcher("host", MatchOp.EQUAL, "none")): HINTS,
        selector("together_missing"): HINTS,
    }
    alone = {matchers: samples(PostgresStorage(), matchers, hints) for matchers, hints in asked.items()}  # fmt: skip

    together = SamplesReadTogether(
        Reading(matchers=matchers, start_ms=hints.start_ms, end_ms=hints.end_ms)
        for matchers, hints in asked.items()
    )

    assert {matchers: samples(together, matchers, hints) for matchers, hints in asked.items()} == alone  # fmt: skip
    assert sum(len(found) for found in alone.values()) == 5


def test_series_without_samples_of_late_leave_the_others_alone() -> None:
    # In the order of their ids, one of which is idle.
    for host in ("w", "x", "y", "z"):
        write("together_idle", NOW_MS - 60 * MINUTE_MS, **{host: 0.0})
    write("together_idle", NOW_MS, w=1.0, y=3.0, z=4.0)
    matchers = selector("together_idle", Matcher("host", MatchOp.REGEX, "x|y|z"))
    asked = [selector("together_idle"), matchers]
    for each in asked:
        samples(PostgresStorage(), each, HINTS)

    together = SamplesReadTogether(
        Reading(matchers=each, start_ms=HINTS.start_ms, end_ms=HINTS.end_ms) for each in asked
    )

    assert samples(together, matchers, HINTS) == {
        labels("together_idle", "y"): [(NOW_MS, 3.0)],
        labels("together_idle", "z"): [(NOW_MS, 4.0)],
    }


def test_a_series_that_is_new_since_is_found() -> None:
    matchers = selector("together_new")
    reading = Reading(matchers=matchers, start_ms=HINTS.start_ms, end_ms=HINTS.end_ms)
    write("together_new", NOW_MS - 1, x=1.0)
    samples(SamplesReadTogether([reading]), matchers, HINTS)
    samples(SamplesReadTogether([reading]), matchers, HINTS)
    write("together_new", NOW_MS, y=2.0)

    found = samples(SamplesReadTogether([reading]), matchers, HINTS)

    assert sorted(dict(series)["host"] for series in found) == ["x", "y"]


def test_what_was_not_read_is_asked_for() -> None:
    write("together_late", NOW_MS - 20 * MINUTE_MS, x=1.0)
    write("together_late", NOW_MS, x=2.0)
    matchers = selector("together_late")
    reading = Reading(matchers=matchers, start_ms=HINTS.start_ms, end_ms=HINTS.end_ms)

    found = samples(SamplesReadTogether([reading]), matchers, LONGER)

    assert [len(pairs) for pairs in found.values()] == [2]


def test_reading_together_is_one_look_at_the_store(django_assert_num_queries) -> None:  # type: ignore[no-untyped-def] # a fixture without types
    for metric in ("together_q1", "together_q2", "together_q3"):
        write(metric, NOW_MS, x=1.0)
    readings = [
        Reading(matchers=selector(metric), start_ms=HINTS.start_ms, end_ms=HINTS.end_ms)
        for metric in ("together_q1", "together_q2", "together_q3")
    ]
    for reading in readings:
        samples(PostgresStorage(), reading.matchers, HINTS)
    SamplesReadTogether(readings)

    with django_assert_num_queries(1):
        storage = SamplesReadTogether(readings)

    assert all(samples(storage, reading.matchers, HINTS) for reading in readings)


def test_ids_that_are_withdrawn_are_forgotten() -> None:
    write("together_gone", NOW_MS, x=1.0)
    matchers = selector("together_gone")
    reading = Reading(matchers=matchers, start_ms=HINTS.start_ms, end_ms=HINTS.end_ms)
    SamplesReadTogether([reading])

    catalogue.forget()

    assert np.isclose(samples(SamplesReadTogether([reading]), matchers, HINTS)[labels("together_gone", "x")][0][1], 1.0)  # fmt: skip
