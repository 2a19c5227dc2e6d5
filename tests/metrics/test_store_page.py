"""The store page: the last report, how it is renewed, and what it says."""

from __future__ import annotations

import html
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from observability.metrics import store_report, tasks
from observability.metrics.backend import get_backend
from observability.metrics.collectors.store import measure_store
from observability.metrics.samples import batch_at
from observability.metrics.store_report import Progress
from observability.promql.labels import LabelSet, label_set
from observability.telemetry.registry import exposition

pytestmark = pytest.mark.django_db

ADDRESS = "/admin/metrics/store/"


@pytest.fixture(autouse=True)
def _no_report_of_other_tests() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def record(at_ms: int, *samples: tuple[LabelSet, float]) -> None:
    get_backend().append(batch_at(at_ms, list(samples)))


def hosts(count: int) -> list[tuple[LabelSet, float]]:
    return [
        (label_set({"__name__": "rig_load", "host": f"h{number}"}), 1.0) for number in range(count)
    ]


def get(client: Client, **parameters: str) -> str:
    response = client.get(f"{ADDRESS}?{urlencode(parameters)}")
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def test_the_first_visitor_has_the_store_counted(admin_client: Client) -> None:
    before = get(admin_client)
    record(int(time.time() * 1000), *hosts(12))

    tasks.measure_store()

    after = get(admin_client)
    assert "Waiting for a worker" in before
    assert 'data-live-seconds="1"' in before
    assert "data-live-seconds" not in after
    assert ">12<" in after
    assert "of 1 metrics" in after


def test_a_new_count_is_ordered_once(admin_client: Client) -> None:
    tasks.measure_store()

    first = admin_client.post(ADDRESS, follow=True).content.decode()
    second = admin_client.post(ADDRESS, follow=True).content.decode()

    assert "Waiting for a worker" in first
    assert "being counted already" not in first
    assert "being counted already" in second


def test_progress_is_told_step_by_step(admin_client: Client) -> None:
    told: list[Progress] = []
    store_report.make_report(now_ms=0, tell=told.append)
    store_report._tell(told[1])

    page = get(admin_client)

    assert [progress.step for progress in told] == [1, 2, 3]
    assert "Counting series and labels: step 2 of 3" in page


def test_who_comes_while_another_counts_leaves_it_to_that_one() -> None:
    store_report._tell(Progress(step=1, steps=3, doing="samples"))

    tasks.measure_store()

    assert store_report.kept_report() is None


def test_a_report_of_another_version_is_none() -> None:
    cache.set("metrics:store-report", b'{"as_of_ms": 1}')

    assert store_report.kept_report() is None


def test_the_page_says_where_series_come_from_and_leads_there(admin_client: Client) -> None:
    record(int(time.time() * 1000), *hosts(30))
    tasks.measure_store()

    page = get(admin_client)

    assert '/change/">rig_load</a>' in page
    assert "?label=host#values" in page
    assert "\N{MULTIPLICATION SIGN} 30" in page
    assert "count+by+%28__name__%29+%28%7Bhost%3D%22h0%22%7D%29" in page


def test_the_page_costs_the_same_queries_whatever_the_store_holds(
    admin_client: Client, django_assert_max_num_queries: object
) -> None:
    now_ms = int(time.time() * 1000)
    record(
        now_ms,
        *(
            (label_set({"__name__": f"m{metric}", "n": str(n)}), 1.0)
            for metric in range(20)
            for n in range(20)
        ),
    )
    tasks.measure_store()

    with django_assert_max_num_queries(14):  # type: ignore[operator] # pytest-django types it as a fixture
        get(admin_client)


def test_growth_is_told_after_an_hour() -> None:
    now_ms = int(time.time() * 1000)
    for minutes in range(120):
        size = label_set({"__name__": "portal_store_bytes", "part": "log", "instance": "a"})
        record(now_ms - minutes * 60_000, (size, 1e9 - minutes * 60_000.0))

    growth = store_report.make_report(now_ms=now_ms).growth

    assert growth is not None
    assert growth.bytes_per_second == pytest.approx(1000, rel=0.05)
    assert growth.bytes_per_day == pytest.approx(86.4e6, rel=0.05)


def test_a_store_that_was_not_watched_for_an_hour_has_no_growth_to_tell() -> None:
    now_ms = int(time.time() * 1000)
    for minutes in range(20):
        size = label_set({"__name__": "portal_store_bytes", "part": "log"})
        record(now_ms - minutes * 60_000, (size, 1e9))

    assert store_report.make_report(now_ms=now_ms).growth is None


def test_room_is_known_only_where_postgresql_is_on_this_disk() -> None:
    here = store_report.Growth(bytes_per_second=10.0, free_bytes=1000)
    elsewhere = store_report.Growth(bytes_per_second=10.0, free_bytes=None)
    shrinking = store_report.Growth(bytes_per_second=-1.0, free_bytes=1000)

    assert [g.seconds_left for g in (here, elsewhere, shrinking)] == [100.0, None, None]


def test_watch_measures_series_and_sizes() -> None:
    record(int(time.time() * 1000), *hosts(7))

    measure_store()

    text = exposition("")[0].decode()
    assert "portal_store_series 7.0" in text
    assert 'portal_store_bytes{part="catalogue"}' in text


def test_the_store_is_counted_by_the_clock() -> None:
    scheduled = settings.CELERY_BEAT_SCHEDULE["measure-store"]

    assert scheduled["task"] == tasks.measure_store.name
