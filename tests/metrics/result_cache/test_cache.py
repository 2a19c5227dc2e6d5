"""Range queries from the cache: the same answers as without it, whatever happens to the samples."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from django.db import connection, transaction
from django.test import Client
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.metrics.backend import get_backend
from observability.metrics.ingest.sender import PORTAL
from observability.metrics.instruments import QUERY_CACHE_LOOKUPS
from observability.metrics.models import Amendment
from observability.metrics.result_cache.cache import RangeQuery, ResultCache
from observability.metrics.samples import SampleBatch, batch_at
from observability.metrics.store import amendments, compaction, deletion, retention
from observability.promql import Limits, Matrix, QueryResult
from observability.promql.errors import TooManySamplesError
from observability.promql.labels import label_set
from tests.metrics.store.writers import on_own_connection

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
STALE = np.uint64(0x7FF0000000000002).view(np.float64).item()

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def _all_queries_are_heavy(settings: Any) -> None:
    settings.QUERY_CACHE_MIN_SAMPLES = 0


@pytest.fixture
def metric() -> str:
    """Return the name of a metric of the test's own."""
    return f"cached_{next(_numbers)}_total"


def now_ms() -> int:
    """Return the time now, on a whole minute."""
    return int(time.time()) // 60 * MINUTE_MS


def write(metric: str, at_ms: int, value: float, *, i: str = "0") -> None:
    get_backend().append(
        batch_at(at_ms, [(label_set({"__name__": metric, "i": i}), value)]), sender=PORTAL
    )


def wait_until_settled() -> None:
    """Wait until no transaction of the server, other tests' included, is older than an amendment."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT pg_sleep(0.01 * (NOT is_settled)::int), is_settled FROM (SELECT coalesce("
                " max(transaction_id) < pg_snapshot_xmin(pg_current_snapshot())::text::bigint, true)"
                " AS is_settled FROM metrics_amendment) AS amendment"
            )
            if cursor.fetchone()[1]:
                return


def write_hours(metric: str, hours: int) -> None:
    """Write a sample a minute up to now, all of which are settled then."""
    end_ms = now_ms()
    for at_ms in range(end_ms - hours * HOUR_MS, end_ms + 1, MINUTE_MS):
        write(metric, at_ms, float(at_ms // MINUTE_MS % 1000))
    wait_until_settled()


def ask(
    text: str, *, start_ms: int, end_ms: int, step_ms: int = MINUTE_MS, use_cache: bool = True
) -> QueryResult:
    return get_backend().query_range(
        text, start_ms=start_ms, end_ms=end_ms, step_ms=step_ms, use_cache=use_cache
    )


def assert_same(result: QueryResult, expected: QueryResult) -> None:
    """Compare two answers; sums may be rounded otherwise where they begin at another step."""
    one, other = result.value, expected.value
    assert isinstance(one, Matrix)
    assert isinstance(other, Matrix)
    assert list(one.label_sets) == list(other.label_sets)
    np.testing.assert_array_equal(one.offsets, other.offsets)
    np.testing.assert_array_equal(one.timestamps_ms, other.timestamps_ms)
    np.testing.assert_allclose(one.values, other.values, rtol=1e-9)
    assert (result.warnings, set(result.infos)) == (expected.warnings, set(expected.infos))


def assert_as_without_cache(text: str, *, start_ms: int, end_ms: int) -> QueryResult:
    """Return the answer, once it is seen to be the same as without the cache."""
    result = ask(text, start_ms=start_ms, end_ms=end_ms)
    assert_same(result, ask(text, start_ms=start_ms, end_ms=end_ms, use_cache=False))
    return result


def test_what_is_past_is_not_evaluated_again(metric: str) -> None:
    write_hours(metric, 3)
    end_ms = now_ms() - 20 * MINUTE_MS
    first = ask(metric, start_ms=end_ms - 2 * HOUR_MS, end_ms=end_ms)

    again = assert_as_without_cache(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)

    assert first.samples_read > 0
    assert again.samples_read == 0


def test_a_range_that_moves_on_is_evaluated_at_its_end_only(metric: str) -> None:
    write_hours(metric, 4)
    end_ms = now_ms() - HOUR_MS
    whole = ask(metric, start_ms=end_ms - 2 * HOUR_MS, end_ms=end_ms)

    reads = [
        assert_as_without_cache(
            metric, start_ms=end_ms - 2 * HOUR_MS + moved, end_ms=end_ms + moved
        ).samples_read
        for moved in range(0, HOUR_MS, 5 * MINUTE_MS)
    ]

    assert reads[0] == 0
    assert max(reads) < whole.samples_read / 4


def test_steps_that_are_not_settled_are_evaluated_each_time(metric: str) -> None:
    write_hours(metric, 2)
    end_ms = now_ms()
    ask(metric, start_ms=end_ms - 2 * HOUR_MS, end_ms=end_ms)

    write(metric, end_ms + 1_000, 5.0)
    again = assert_as_without_cache(
        metric, start_ms=end_ms - 2 * HOUR_MS, end_ms=end_ms + MINUTE_MS
    )

    assert 10 < again.samples_read < 40


def test_other_steps_are_another_query(metric: str) -> None:
    write_hours(metric, 8)
    end_ms = now_ms() // (10 * MINUTE_MS) * 10 * MINUTE_MS
    start_ms = end_ms - 7 * HOUR_MS

    def read(start_ms: int) -> int:
        step_ms = 10 * MINUTE_MS
        return ask(metric, start_ms=start_ms, end_ms=end_ms, step_ms=step_ms).samples_read

    whole, again, shifted = read(start_ms), read(start_ms), read(start_ms + 5 * MINUTE_MS)

    assert again < whole / 2 < shifted


def test_steps_at_odd_times_are_evaluated_each_time(metric: str) -> None:
    write_hours(metric, 2)
    end_ms = now_ms() - 20 * MINUTE_MS
    ask(metric, start_ms=end_ms - HOUR_MS + 7_000, end_ms=end_ms)

    again = assert_as_without_cache(metric, start_ms=end_ms - HOUR_MS + 7_000, end_ms=end_ms)

    assert again.samples_read > 0


def test_infos_come_with_what_is_kept(metric: str) -> None:
    gauge = metric.removesuffix("_total")
    write_hours(gauge, 2)
    end_ms = now_ms() - 20 * MINUTE_MS
    text = f"rate({gauge}[5m])"
    ask(text, start_ms=end_ms - HOUR_MS, end_ms=end_ms)

    again = assert_as_without_cache(text, start_ms=end_ms - HOUR_MS, end_ms=end_ms)

    assert again.samples_read == 0
    assert "might not be a counter" in again.infos[0]


@pytest.mark.parametrize("hours_ago", [0.5, 1, 1.5], ids=str)
def test_a_late_sample_is_seen_at_once(metric: str, hours_ago: float) -> None:
    write_hours(metric, 3)
    end_ms = now_ms() - 20 * MINUTE_MS
    start_ms = end_ms - 2 * HOUR_MS
    ask(metric, start_ms=start_ms, end_ms=end_ms)

    write(metric, int(end_ms - hours_ago * HOUR_MS) + 1_000, 77.0, i="late")

    assert len(assert_as_without_cache(metric, start_ms=start_ms, end_ms=end_ms).value) == 2  # type: ignore[arg-type]


def test_a_late_sample_before_the_first_step_is_seen_in_its_window(metric: str) -> None:
    write_hours(metric, 2)
    end_ms = now_ms() - 20 * MINUTE_MS
    start_ms = end_ms - HOUR_MS
    text = f"sum_over_time({metric}[20m])"
    before = ask(text, start_ms=start_ms, end_ms=end_ms)

    write(metric, start_ms - 18 * MINUTE_MS + 1_000, 1e6)

    after = assert_as_without_cache(text, start_ms=start_ms, end_ms=end_ms)
    assert isinstance(before.value, Matrix)
    assert isinstance(after.value, Matrix)
    assert after.value.values[0] == before.value.values[0] + 1e6


def test_a_late_sample_leaves_what_lies_before_it(metric: str) -> None:
    write_hours(metric, 8)
    end_ms = now_ms() - 20 * MINUTE_MS
    start_ms = end_ms - 7 * HOUR_MS
    whole = ask(metric, start_ms=start_ms, end_ms=end_ms)

    write(metric, end_ms - 5 * MINUTE_MS, 77.0, i="late")
    again = assert_as_without_cache(metric, start_ms=start_ms, end_ms=end_ms)

    assert 0 < again.samples_read < whole.samples_read / 2


def test_deleted_series_are_not_shown_any_more(metric: str) -> None:
    write_hours(metric, 2)
    end_ms = now_ms() - 20 * MINUTE_MS
    ask(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)

    deletion.advance(deletion.request([metric], requested_by="test").pk)

    assert not len(assert_as_without_cache(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms).value)  # type: ignore[arg-type]


def test_a_deleted_range_is_not_shown_any_more(metric: str) -> None:
    write_hours(metric, 2)
    end_ms = now_ms() - 20 * MINUTE_MS
    ask(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)

    deletion.request(
        [metric], start_ms=end_ms - HOUR_MS, end_ms=end_ms - HOUR_MS // 2, requested_by="test"
    )
    deletion.run_due(now_ms=now_ms(), seconds=60)

    result = assert_as_without_cache(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)
    assert isinstance(result.value, Matrix)
    assert 20 < len(result.value.values) < 40


def test_expired_samples_are_not_shown_any_more(metric: str) -> None:
    write_hours(metric, 2)
    end_ms = now_ms() - 20 * MINUTE_MS
    ask(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)

    retention.delete_expired(now_ms() + 1000 * 24 * HOUR_MS)

    assert not len(assert_as_without_cache(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms).value)  # type: ignore[arg-type]


def test_tidied_amendments_count_as_before(metric: str) -> None:
    write_hours(metric, 3)
    end_ms = now_ms() - 20 * MINUTE_MS
    start_ms = end_ms - 2 * HOUR_MS
    ask(metric, start_ms=start_ms, end_ms=end_ms)
    write(metric, end_ms - HOUR_MS, 77.0, i="late")
    amended = Amendment.objects.count()
    wait_until_settled()

    amendments.tidy()

    assert Amendment.objects.count() < amended
    assert_as_without_cache(metric, start_ms=start_ms, end_ms=end_ms)
    assert assert_as_without_cache(metric, start_ms=start_ms, end_ms=end_ms).samples_read == 0


def query_of(text: str, *, start_ms: int, end_ms: int, limits: Limits | None = None) -> RangeQuery:
    return RangeQuery(
        text=text,
        start_ms=start_ms,
        end_ms=end_ms,
        step_ms=MINUTE_MS,
        lookback_ms=5 * MINUTE_MS,
        engine="of a test",
        limits=limits or Limits(),
    )


def evaluating(
    text: str, then: Callable[[], object] = lambda: None
) -> Callable[[int, int], QueryResult]:
    """Return what evaluates a query, and does something else before it gives the result."""

    def evaluate(start_ms: int, end_ms: int) -> QueryResult:
        result = ask(text, start_ms=start_ms, end_ms=end_ms, use_cache=False)
        then()
        return result

    return evaluate


def test_a_sample_that_comes_between_evaluation_and_keeping_is_not_missed(metric: str) -> None:
    write_hours(metric, 2)
    end_ms = now_ms() - 20 * MINUTE_MS
    query = query_of(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)
    cache = ResultCache()

    cache.answer(
        query, evaluating(metric, lambda: write(metric, end_ms - 30 * MINUTE_MS, 1.0, i="late"))
    )

    assert_same(cache.answer(query, evaluating(metric)), evaluating(metric)(query.start_ms, end_ms))


def test_a_write_that_is_committed_after_the_answer_was_kept_is_not_missed(metric: str) -> None:
    write_hours(metric, 2)
    end_ms = now_ms() - 20 * MINUTE_MS
    query = query_of(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)
    cache = ResultCache()
    is_written, may_commit = threading.Event(), threading.Event()

    @on_own_connection
    def write_slowly() -> None:
        with transaction.atomic():
            # Of two samples of one time the greater counts.
            write(metric, end_ms - 30 * MINUTE_MS, 1e6)
            is_written.set()
            assert may_commit.wait(60)

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert is_written.wait(60)
    before = cache.answer(query, evaluating(metric))
    may_commit.set()
    writer.join()

    after = cache.answer(query, evaluating(metric))
    assert_same(after, evaluating(metric)(query.start_ms, end_ms))
    assert isinstance(before.value, Matrix)
    assert isinstance(after.value, Matrix)
    assert before.value.values.tolist() != after.value.values.tolist()


def test_a_transaction_keeps_nothing_of_what_it_may_roll_back(metric: str) -> None:
    write_hours(metric, 2)
    end_ms = now_ms() - 20 * MINUTE_MS
    start_ms = end_ms - HOUR_MS

    with transaction.atomic():
        write(metric, end_ms - 30 * MINUTE_MS, 1e6)
        ask(metric, start_ms=start_ms, end_ms=end_ms)
        transaction.set_rollback(True)

    assert_as_without_cache(metric, start_ms=start_ms, end_ms=end_ms)


def test_pieces_of_another_store_are_not_taken(metric: str) -> None:
    write_hours(metric, 2)
    end_ms = now_ms() - 20 * MINUTE_MS
    ask(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE metrics_samplelog")

    assert not len(assert_as_without_cache(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms).value)  # type: ignore[arg-type]


def test_what_is_put_together_keeps_to_the_limits(metric: str) -> None:
    write_hours(metric, 2)
    end_ms = now_ms() - 20 * MINUTE_MS
    query = query_of(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)
    cache = ResultCache()
    cache.answer(query, evaluating(metric))
    tight = query_of(metric, start_ms=query.start_ms, end_ms=end_ms, limits=Limits(max_samples=40))

    with pytest.raises(TooManySamplesError):
        cache.answer(tight, evaluating(metric))


@pytest.mark.parametrize(
    ("nocache", "is_cached"), [("", True), ("0", True), ("1", False), ("true", False)], ids=str
)
def test_a_client_can_do_without_the_cache(
    metric: str, nocache: str, is_cached: bool, client: Client
) -> None:
    _, token = create_key(name="reader", scopes=[Scope.METRICS_READ])
    write_hours(metric, 2)
    end_ms = now_ms() - 20 * MINUTE_MS
    hits = QUERY_CACHE_LOOKUPS.labels(outcome="hit")._value
    hits_before = hits.get()

    for _ in range(2):
        response = client.get(
            "/api/v1/query_range",
            {
                "query": metric,
                "start": str((end_ms - HOUR_MS) // 1000),
                "end": str(end_ms // 1000),
                "step": "60",
                "nocache": nocache,
            },
            headers={"Authorization": f"Bearer {token}"},
        )

    assert len(json.loads(response.getvalue())["data"]["result"][0]["values"]) == 61
    assert hits.get() - hits_before == is_cached


def test_light_queries_are_left_alone(metric: str, settings: Any) -> None:
    write_hours(metric, 2)
    settings.QUERY_CACHE_MIN_SAMPLES = 1_000
    end_ms = now_ms() - 20 * MINUTE_MS
    ask(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)

    again = ask(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)

    assert again.samples_read > 0


def test_nothing_is_cached_when_it_is_off(metric: str, settings: Any) -> None:
    settings.QUERY_CACHE = False
    write_hours(metric, 2)
    end_ms = now_ms() - 20 * MINUTE_MS
    ask(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)

    again = ask(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)

    assert again.samples_read > 0


@pytest.fixture
def mute_redis(settings: Any) -> Iterator[socket.socket]:
    """Put a server in the place of Redis that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        yield server


def test_queries_are_answered_while_redis_is_away(metric: str, settings: Any) -> None:
    write_hours(metric, 2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
    end_ms = now_ms() - 20 * MINUTE_MS
    query = query_of(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)

    # A cache of its own, because it does not ask Redis again for a while.
    result = ResultCache().answer(query, evaluating(metric))

    assert_same(result, evaluating(metric)(query.start_ms, end_ms))


def test_redis_is_left_alone_for_a_while_when_it_does_not_answer(
    mute_redis: socket.socket, metric: str
) -> None:
    write_hours(metric, 2)
    end_ms = now_ms() - 20 * MINUTE_MS
    query = query_of(metric, start_ms=end_ms - HOUR_MS, end_ms=end_ms)
    cache = ResultCache()
    first = cache.answer(query, evaluating(metric))
    mute_redis.setblocking(False)
    while True:
        try:
            mute_redis.accept()[0].close()
        except BlockingIOError:
            break

    second = cache.answer(query, evaluating(metric))

    assert_same(second, first)
    with pytest.raises(BlockingIOError):
        mute_redis.accept()


EXPRESSIONS = (
    "{m}",
    "sum(rate({m}[5m]))",
    "sum by (i) (increase({m}[7m]))",
    "max_over_time({m}[10m:1m])",
    "quantile_over_time(0.5, {m}[9m])",
    "topk(1, {m})",
    "{m} offset 11m",
    "{m} > 3",
    'absent({m}{{i="1"}})',
    "count_values('v', {m})",
    "{m} and on (i) ({m} offset 5m > 2)",
    "{m} unless {m} > 4",
    "avg_over_time({m}[6m]) / on (i) group_left {m}",
    "deriv({m}[15m])",
    "label_replace({m}, 'k', '$1', 'i', '(.)')",
    "time() - timestamp({m})",
    "stddev({m}) by (i)",
    "last_over_time({m}[3m])",
    "changes({m}[20m])",
)

HOURS = 5
minutes = st.integers(12, HOURS * 60)
values = st.one_of(st.integers(0, 9).map(float), st.just(STALE), st.just(float("nan")))
series = st.sampled_from("012")
acts = st.one_of(
    st.tuples(st.just("write"), minutes, values, series),
    st.tuples(st.just("delete"), minutes, st.integers(1, 60), series),
    st.tuples(st.just("drop"), series),
    st.sampled_from([("compact",), ("nothing",)]),
)


def fill(metric: str, end_ms: int, *, seed: int) -> None:
    """Write three series with gaps and stale markers, most minutes of the hours before a time."""
    random = np.random.default_rng(seed)
    places = np.flatnonzero(random.random(3 * HOURS * 60) < 0.8)
    values = random.integers(0, 9, len(places)).astype(np.float64)
    values[random.random(len(places)) < 0.02] = STALE
    batch = SampleBatch(
        label_sets=[label_set({"__name__": metric, "i": i}) for i in "012"],
        series=places // (HOURS * 60),
        timestamps_ms=end_ms - places % (HOURS * 60) * MINUTE_MS - 1,
        values=values,
    )
    get_backend().append(batch, sender=PORTAL)


def perform(act: tuple[Any, ...], metric: str, base_ms: int) -> None:
    """Do something to the store after which answers may be others."""
    match act:
        case ("write", ago, value, i):
            write(metric, base_ms - ago * MINUTE_MS + 1, value, i=i)
        case ("delete", ago, length, i):
            start_ms = base_ms - ago * MINUTE_MS
            deletion.request(
                [f'{metric}{{i="{i}"}}'],
                start_ms=start_ms,
                end_ms=start_ms + length * MINUTE_MS,
                requested_by="test",
            )
            deletion.run_due(now_ms=base_ms, seconds=60)
        case ("drop", i):
            deletion.request([f'{metric}{{i="{i}"}}'], requested_by="test")
            deletion.run_due(now_ms=base_ms, seconds=60)
        case ("compact",):
            compaction.compact_log_once(now_ms=base_ms)
        case _:
            pass


@effort(max_examples=60)
@given(
    text=st.sampled_from(EXPRESSIONS),
    length=st.integers(60, 200),
    seed=st.integers(0, 1000),
    moves=st.lists(st.tuples(acts, st.booleans(), st.integers(0, 5)), min_size=1, max_size=5),
)
def test_answers_are_the_same_as_without_the_cache(
    text: str, length: int, seed: int, moves: list[tuple[tuple[Any, ...], bool, int]]
) -> None:
    metric = f"cached_{next(_numbers)}_total"
    base_ms = now_ms()
    end_ms = base_ms - 30 * MINUTE_MS
    fill(metric, base_ms, seed=seed)
    text = text.format(m=metric)
    assert_as_without_cache(text, start_ms=end_ms - length * MINUTE_MS, end_ms=end_ms)

    for act, is_tidied, steps in moves:
        perform(act, metric, base_ms)
        if is_tidied:
            amendments.tidy()
        end_ms += steps * MINUTE_MS

        assert_as_without_cache(text, start_ms=end_ms - length * MINUTE_MS, end_ms=end_ms)
