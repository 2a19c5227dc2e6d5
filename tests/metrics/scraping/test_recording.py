from __future__ import annotations

import pytest

from observability.metrics.models import Series
from observability.metrics.scraping.models import ScrapeTarget
from observability.metrics.scraping.reconciliation import delete_jobs, reconcile
from observability.metrics.scraping.recording import record

from .targets import (
    START,
    STEP,
    claim,
    exporter,
    make_job,
    milliseconds,
    only_value,
    scrape_all,
    scrape_claims,
    values,
)

pytestmark = pytest.mark.django_db


def test_samples_are_stored_with_the_labels_of_their_target() -> None:
    with exporter('requests_total{code="200"} 5\n') as target:
        make_job(target.address, labels={"team": "web"})

        scrape_all()

    assert values('requests_total{job="app"}') == {
        "__name__=requests_total,code=200,job=app,team=web": 5.0
    }


def test_series_about_the_scrape_are_stored() -> None:
    with exporter("a 1\nb 2\n") as target:
        make_job(
            target.address,
            metric_relabel_rules=[{"source_labels": ["__name__"], "regex": "b", "action": "drop"}],
        )

        scrape_all()

    assert only_value("up") == 1
    assert 0 < only_value("scrape_duration_seconds") < 10
    assert only_value("scrape_samples_scraped") == 2
    assert only_value("scrape_samples_post_metric_relabeling") == 1
    assert only_value("scrape_series_added") == 1


def test_series_added_counts_only_what_is_new() -> None:
    with exporter("a 1\n") as target:
        make_job(target.address)
        scrape_all(0)
        target.text = "a 1\nb 1\n"
        scrape_all(1)
        scrape_all(2)

    assert [only_value("scrape_series_added", number) for number in range(3)] == [1, 1, 0]


def test_a_series_that_disappears_ends_at_once() -> None:
    with exporter("a 1\nb 1\n") as target:
        make_job(target.address)
        scrape_all(0)
        target.text = "a 1\n"
        scrape_all(1)

    assert values("b", 0)
    assert not values("b", 1)
    assert values("a", 1)


def test_a_series_that_is_written_in_another_order_goes_on() -> None:
    with exporter('a{x="1",y="2"} 1\n') as target:
        make_job(target.address)
        scrape_all(0)
        target.text = 'a{y="2",x="1"} 2\n'
        scrape_all(1)

    assert only_value("a", 1) == 2


def test_all_series_end_when_a_scrape_fails_and_come_back() -> None:
    with exporter("a 1\n") as target:
        make_job(target.address)
        scrape_all(0)
        target.status = 503
        scrape_all(1)
        target.status = 200
        scrape_all(2)

    assert [len(values("a", number)) for number in range(3)] == [1, 0, 1]
    assert [only_value("up", number) for number in range(3)] == [1, 0, 1]


def test_all_series_end_when_the_target_goes_away() -> None:
    with exporter("a 1\n") as target:
        job = make_job(target.address)
        scrape_all(0)
        job.enabled = False
        job.save()
        reconcile(job.pk, now=START + STEP)
        scrape_all(1)

    assert not values("a", 1)
    assert not values("up", 1)
    assert not ScrapeTarget.objects.exists()


def test_all_series_end_when_the_job_is_deleted() -> None:
    with exporter("a 1\n") as target:
        job = make_job(target.address)
        scrape_all(0)
        delete_jobs(type(job).objects.all(), now=START + STEP)
        scrape_all(1)

    assert not values("{job='app'}", 1)
    assert not ScrapeTarget.objects.exists()


def test_series_end_when_metric_relabeling_is_changed_to_drop_them() -> None:
    with exporter("a 1\nb 1\n") as target:
        job = make_job(target.address)
        scrape_all(0)
        job.metric_relabel_rules = [{"source_labels": ["__name__"], "regex": "b", "action": "drop"}]
        job.save()
        scrape_all(1)

    assert values("a", 1)
    assert not values("b", 1)


def test_a_series_whose_other_key_is_dropped_goes_on() -> None:
    rules = [{"action": "labeldrop", "regex": "pod"}]
    with exporter('a{pod="1"} 1\na{pod="2"} 1\n') as target:
        make_job(target.address, metric_relabel_rules=rules)
        scrape_all(0)
        target.text = 'a{pod="2"} 3\n'
        scrape_all(1)

    assert only_value("a", 1) == 3


def test_series_with_times_of_their_own_do_not_end() -> None:
    with exporter() as target:
        target.text = f"a 1 {milliseconds(START)}\nb 1\n"
        make_job(target.address)
        scrape_all(0)
        target.text = ""
        scrape_all(1)

    assert values("a", 1)
    assert not values("b", 1)


def test_times_of_the_target_count_only_when_they_are_honored() -> None:
    with exporter(f"a 1 {milliseconds(START - 4 * STEP)}\n") as target:
        make_job(target.address, name="honors")
        make_job(target.address, name="ignores", honor_timestamps=False)

        scrape_all(0)

    assert only_value('timestamp(a{job="honors"})') == (START - 4 * STEP).timestamp()
    assert only_value('timestamp(a{job="ignores"})') == START.timestamp()


def test_a_scrape_above_the_sample_limit_fails_as_a_whole() -> None:
    with exporter("a 1\n") as target:
        make_job(target.address, sample_limit=2)
        scrape_all(0)
        target.text = "a 1\nb 1\nc 1\n"
        scrape_all(1)

    assert (only_value("up", 1), only_value("scrape_samples_scraped", 1)) == (0, 3)
    assert not values("a", 1)
    assert "sample limit exceeded" in ScrapeTarget.objects.get().last_error


def test_a_series_against_the_rules_of_the_store_is_left_out_and_named() -> None:
    with exporter(f'a 1\nb{{x="{"y" * 3000}"}} 1\n') as target:
        make_job(target.address)

        scrape_all(0)
        scrape_all(1)

    row = ScrapeTarget.objects.get()
    assert only_value("up", 1) == 1
    assert row.health == "up"
    assert row.last_error.startswith("1 series left out: a label value has at most")


def test_the_state_of_the_target_is_kept() -> None:
    with exporter("a 1\nb 1\n") as target:
        make_job(target.address)

        scrape_all(0)

    row = ScrapeTarget.objects.get()
    assert (row.health, row.last_error, row.last_scrape_at) == ("up", "", START)
    assert (row.scraped_samples, row.kept_samples, row.lease_until) == (2, 2, None)
    assert row.duration_ms is not None
    assert START < row.next_scrape_at <= START + STEP


def test_a_scrape_whose_lease_is_lost_stores_nothing() -> None:
    with exporter("a 1\n") as target:
        make_job(target.address)
        slow = scrape_claims(claim(START), START)
        ScrapeTarget.objects.update(lease_until=None)
        scrape_all(1)

        stored = record(slow, now_ms=milliseconds(START))

    assert stored == 0
    assert not values("a", 0)
    assert ScrapeTarget.objects.get().last_scrape_at == START + STEP


def test_a_target_that_went_away_during_its_scrape_stores_nothing() -> None:
    with exporter("a 1\n") as target:
        job = make_job(target.address)
        slow = scrape_claims(claim(START), START)
        ScrapeTarget.objects.filter(job=job).delete()

        stored = record(slow, now_ms=milliseconds(START))

    assert stored == 0
    assert not Series.objects.exists()


def test_many_targets_are_stored_with_few_statements(django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def] # a fixture without a type
    with exporter("a 1\nb 1\n") as target:
        paths = [f"/{number}" for number in range(30)]
        for path in paths:
            make_job(target.address, name=f"job{path[1:]}", metrics_path=path)
        scrape_all(0)
        outcomes = scrape_claims(claim(START + STEP), START + STEP)

        with django_assert_max_num_queries(8):
            record(outcomes, now_ms=milliseconds(START + STEP))

    assert len(values("a", 1)) == 30
