"""Pushed metrics live on between pushes, until they expire."""

from __future__ import annotations

import pytest
from django.test import Client

from observability.metrics.backend import get_backend
from observability.metrics.ingest.pushgateway import upkeep
from observability.metrics.ingest.pushgateway.models import PushGroup
from observability.metrics.ingest.pushgateway.upkeep import INTERVAL_MS, keep_alive
from observability.metrics.tasks import keep_pushed_metrics_alive
from observability.promql import InstantVector

from .pushes import push, samples, values, writer

pytestmark = pytest.mark.django_db


@pytest.fixture
def pushed_ms(client: Client) -> int:
    """Push metrics that expire after an hour, and some that stay; return when."""
    body = 'x{n="1"} 1\nx{n="a\\\\b\\"\\n\u2028\x85c"} NaN\ny -Inf\n'
    key = writer()
    push(client, "PUT", "job/a?ttl=1h", body, headers=key)
    push(client, "PUT", "job/stays", "z 7\n", headers=key)
    return max(PushGroup.objects.values_list("written_ms", flat=True))


def current(expr: str, at_ms: int) -> list[float]:
    result = get_backend().query(expr, at_ms=at_ms)
    assert isinstance(result.value, InstantVector)
    return [value for _, value in result.value.samples()]


def test_a_sample_is_written_at_each_interval(pushed_ms: int) -> None:
    for tick in (1, 2):
        keep_alive(now_ms=pushed_ms + tick * INTERVAL_MS, seconds=60)

    found = samples()
    assert [at - pushed_ms for at, _ in found['z{job="stays"}']] == [
        0,
        INTERVAL_MS,
        2 * INTERVAL_MS,
    ]
    assert values("y") == {'y{job="a"}': [float("-inf")] * 3}
    assert len(found) == 8
    assert {len(series) for series in found.values()} == {3}


def test_a_series_that_was_just_written_is_left_for_the_next_tick(pushed_ms: int) -> None:
    keep_alive(now_ms=pushed_ms + 1_000, seconds=60)

    assert {len(series) for series in samples().values()} == {1}


def test_an_expired_group_goes_and_its_series_end(pushed_ms: int) -> None:
    keep_alive(now_ms=pushed_ms + 3_600_000, seconds=60)

    assert values() == {
        'x{job="a",n="1"}': [1.0, "ended"],
        'x{job="a",n="a\\b"\n\u2028\x85c"}': [pytest.approx(float("nan"), nan_ok=True), "ended"],
        'y{job="a"}': [float("-inf"), "ended"],
        'z{job="stays"}': [7.0, 7.0],
    }
    assert [group.job for group in PushGroup.objects.all()] == ["stays"]


def test_a_query_sees_pushed_metrics_until_they_expire(pushed_ms: int) -> None:
    for minutes in range(0, 66, 2):
        keep_alive(now_ms=pushed_ms + minutes * 60_000 + INTERVAL_MS, seconds=60)

    assert current('{job=~".+",__name__=~"[yz]"}', pushed_ms + 59 * 60_000) == [float("-inf"), 7]
    assert current('{job=~".+",__name__=~"[yz]"}', pushed_ms + 61 * 60_000) == [7]


def test_many_groups_are_written_in_several_transactions(
    client: Client, pushed_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_SERIES_AT_ONCE", 2)

    keep_alive(now_ms=pushed_ms + INTERVAL_MS, seconds=60)

    assert {len(series) for series in samples().values()} == {2}


def test_the_number_of_queries_does_not_grow_with_the_groups(
    client: Client, pushed_ms: int, django_assert_max_num_queries: object
) -> None:
    key = writer()
    for n in range(20):
        push(client, "PUT", f"job/many/instance/{n}", "x 1\n", headers=key)
    now_ms = max(PushGroup.objects.values_list("written_ms", flat=True)) + INTERVAL_MS

    with django_assert_max_num_queries(25):  # type: ignore[operator] # a fixture
        keep_alive(now_ms=now_ms, seconds=60)

    assert values("x")['x{instance="19",job="many"}'] == [1.0, 1.0]


def test_the_task_does_it_by_the_clock(pushed_ms: int) -> None:
    PushGroup.objects.update(written_ms=pushed_ms - INTERVAL_MS)

    keep_pushed_metrics_alive()

    assert len(samples()['z{job="stays"}']) == 2
