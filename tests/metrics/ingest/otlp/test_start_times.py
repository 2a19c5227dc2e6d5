"""The starts of cumulative series: a later one than before is a reset, which a zero shows."""

from __future__ import annotations

import numpy as np
import pytest

from observability.metrics.ingest.otlp.start_times import StartTimes
from tests.metrics.ingest.stored_samples import stored_samples

from .conftest import Send
from .messages import buckets, counter, gauge, histogram, point

MINUTE_MS = 60_000


def test_a_restart_that_the_value_hides_is_shown_by_a_zero(send: Send, now_ms: int) -> None:
    before, restart, after = now_ms - 2 * MINUTE_MS, now_ms - MINUTE_MS, now_ms
    send(counter("sales", point(5, before, start_ms=before - MINUTE_MS)), resource={})

    send(counter("sales", point(9, after, start_ms=restart)), resource={})
    send(counter("sales", point(9, after + 1, start_ms=restart)), resource={})

    assert stored_samples() == {
        "sales_total{}": [(before, 5.0), (after, 9.0), (restart, 0.0), (after + 1, 9.0)]
    }


def test_a_restart_of_a_histogram_is_shown_in_all_its_series(send: Send, now_ms: int) -> None:
    for start_ms in (now_ms - 9, now_ms - 5):
        measured = buckets([1, 2], [1], now_ms + start_ms % 10, total=1.0, start_ms=start_ms)
        send(histogram("rtt", measured), resource={})

    zeros = {
        name: [at for at, value in samples if value == 0]
        for name, samples in stored_samples().items()
    }
    assert zeros == {
        "rtt_count{}": [now_ms - 5],
        'rtt_bucket{le="1"}': [now_ms - 5],
        'rtt_bucket{le="+Inf"}': [now_ms - 5],
        "rtt_sum{}": [now_ms - 5],
    }


@pytest.mark.parametrize(
    ("first_ms", "second_ms"),
    [(-9, -9), (-5, -9), (0, -5), (-9, 0), (-9, 1)],
    ids=["the same", "an earlier one", "unknown before", "unknown now", "after the sample"],
)
def test_no_other_start_is_a_reset(send: Send, now_ms: int, first_ms: int, second_ms: int) -> None:
    for at_ms, start_ms in ((now_ms, first_ms), (now_ms + 1, second_ms)):
        send(
            counter("sales", point(5, at_ms, start_ms=start_ms and now_ms + start_ms)), resource={}
        )

    [samples] = stored_samples().values()
    assert [value for _, value in samples] == [5.0, 5.0]


def test_what_may_fall_is_never_reset(send: Send, now_ms: int) -> None:
    for at_ms in (now_ms, now_ms + 1):
        measured = point(5, at_ms, start_ms=at_ms - 1)
        send(gauge("a", measured), counter("b", measured, is_monotonic=False), resource={})

    assert all(value == 5 for samples in stored_samples().values() for _, value in samples)


def test_the_memory_of_starts_is_bounded() -> None:
    starts = StartTimes(max_series=2)
    realm = ("otlp", frozenset[tuple[str, str]]())
    for key in (b"a", b"b", b"c"):
        starts.remember(realm, [key], np.array([7]))

    assert starts.known(realm, [b"a", b"b", b"c"]).tolist() == [0, 0, 7]
