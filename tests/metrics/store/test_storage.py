"""Reading the log and the segments as one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from observability.metrics.models import Segment
from observability.metrics.store import compaction, segment_table
from observability.metrics.store.segment_table import stored_segment
from observability.metrics.store.storage import PostgresStorage, read_samples, series_per_block
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.storage import SelectHints, SeriesBlock
from tests.metrics.store.database import (
    DAY_MS,
    LATER_MS,
    MIDNIGHT_MS,
    append,
    compact,
    make_series,
    merge,
    read_all,
    wait_until_settled,
)
from tests.metrics.store.samples import Row, settled

pytestmark = pytest.mark.django_db(transaction=True)

EVERYTHING = SelectHints(start_ms=MIDNIGHT_MS, end_ms=MIDNIGHT_MS + DAY_MS)
PER_BLOCK = series_per_block(DAY_MS)


def is_metric(name: str) -> Matcher:
    return Matcher("__name__", MatchOp.EQUAL, name)


def test_blocks_hold_every_series_once_with_the_samples_of_all_tiers() -> None:
    series = make_series(PER_BLOCK + 10)
    for at in range(3):
        append((one, MIDNIGHT_MS + at, float(one)) for one in series[1:])
        if at < 2:
            compact(LATER_MS if at == 0 else MIDNIGHT_MS)

    blocks = list(PostgresStorage().select([is_metric("m")], EVERYTHING))

    assert [len(block.label_sets) for block in blocks] == [PER_BLOCK, 10]
    assert len({labels for block in blocks for labels in block.label_sets}) == len(series)
    counts = np.concatenate([np.diff(block.offsets) for block in blocks]).tolist()
    assert counts == [0] + [3] * (len(series) - 1)
    assert isinstance(blocks[1], SeriesBlock)
    times = blocks[1].timestamps_ms.reshape(10, 3)
    assert (times == MIDNIGHT_MS + np.arange(3)).all()


def test_only_what_lies_in_the_range_is_read() -> None:
    series = make_series(2)
    append((one, MIDNIGHT_MS + at, 1.0) for one in series for at in range(10))
    compact()

    found = read_samples(series[::-1], MIDNIGHT_MS + 3, MIDNIGHT_MS + 4)

    assert found.series_ids.tolist() == [0, 0, 1, 1]
    assert (found.timestamps_ms - MIDNIGHT_MS).tolist() == [3, 4, 3, 4]


def test_a_reader_goes_on_after_its_segments_were_merged() -> None:
    series = make_series(PER_BLOCK * 6)
    rows: list[Row] = [(one, MIDNIGHT_MS + at, 1.0) for one in series for at in range(3)]
    append(rows)
    compact()
    blocks = PostgresStorage().select([is_metric("m")], EVERYTHING)

    first = next(blocks)
    merge()
    others = list(blocks)

    assert len(others) == 5
    assert len(first) + sum(map(len, others)) == len(rows)


def test_one_series_of_many_costs_one_page() -> None:
    series = make_series(1000)
    append((one, MIDNIGHT_MS + at, 1.0) for one in series for at in range(60))
    compact()
    columns = ("id", "level", "window_start_ms", "window_end_ms", "directory")
    segments = [stored_segment(*row) for row in Segment.objects.values_list(*columns)]

    pages = list(segment_table.fetch(segments, np.array(series[500:501])))

    assert len(pages) == 1
    assert len(pages[0].series_ids) < 300


def test_the_number_of_statements_does_not_grow_with_the_segments() -> None:
    series = make_series(3)
    for at in range(4):
        append((one, MIDNIGHT_MS + at * 60_000, 1.0) for one in series)
        compact()
    read_samples(make_series(1, "other"), 0, 1)  # a connection has its statement prepared

    with CaptureQueriesContext(connection) as queries:
        found = read_samples(series, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)
    with CaptureQueriesContext(connection) as later_queries:
        found_again = read_samples(series, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)

    assert len(found.values) == len(found_again.values) == 12
    # The metric, what there is, its directories, its pages; then only the first two.
    assert len(queries) == 4
    assert len(later_queries) == 2


def test_readers_see_everything_exactly_while_others_append_and_compact() -> None:
    fixed, growing = make_series(20, "fixed"), make_series(4, "growing")
    rows: list[Row] = [
        (one, MIDNIGHT_MS + at, float(at)) for one in fixed for at in range(0, DAY_MS, 1_800_000)
    ]
    for start in range(0, len(rows), 97):
        append(rows[start : start + 97])
    expected, acknowledged, stop = settled(rows), [0] * len(growing), threading.Event()

    def append_to(place: int) -> None:
        while not stop.is_set() and acknowledged[place] < 3000:
            start = acknowledged[place]
            append(
                (growing[place], MIDNIGHT_MS + at * 15_000, float(at))
                for at in range(start, start + 50)
            )
            acknowledged[place] = start + 50

    def compact_on() -> None:
        hours = 0
        while not stop.is_set():
            hours = (hours + 1) % 40
            now_ms = MIDNIGHT_MS + hours * 3_600_000
            compaction.compact_log_once(now_ms=now_ms)
            compaction.merge_due(now_ms=now_ms, seconds=5)

    def read_on() -> int:
        reads = 0
        while reads < 25:
            assert read_all(fixed) == expected
            before = list(acknowledged)
            found = read_samples(growing, 0, LATER_MS)
            counts = np.bincount(found.series_ids, minlength=len(growing))
            for place, count in enumerate(counts.tolist()):
                # A write may be there that is not acknowledged yet, whole.
                assert before[place] <= count <= acknowledged[place] + 50
                times = found.timestamps_ms[found.series_ids == place]
                assert (np.diff(times) == 15_000).all()
            reads += 1
        return reads

    def on_own_connection(work: Callable[[], object]) -> Callable[[], object]:
        def run() -> object:
            try:
                return work()
            finally:
                connection.close()

        return run

    with ThreadPoolExecutor(6) as pool:
        background: list[Future[object]] = [
            pool.submit(on_own_connection(work))
            for work in (lambda: append_to(0), lambda: append_to(1), compact_on, compact_on)
        ]
        readers = [pool.submit(on_own_connection(read_on)) for _ in range(2)]
        try:
            assert [reader.result(timeout=120) for reader in readers] == [25, 25]
        finally:
            stop.set()
        for future in background:
            future.result(timeout=60)
    wait_until_settled()
    compact(LATER_MS)
    merge()

    assert Segment.objects.exclude(level=3).count() == 0
    assert len(read_all(growing)) == sum(acknowledged)
