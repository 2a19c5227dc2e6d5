"""What is deleted when it is too old, by the policy of its metric."""

from __future__ import annotations

import time

import pytest
from django.core.exceptions import ValidationError
from django.db import connections

from observability.metrics.ingest.acceptance import time_bounds
from observability.metrics.models import Metric, RetentionPolicy, Segment
from observability.metrics.store import log, retention
from observability.metrics.store.partitions import drop_partitions, weekly_partitions
from observability.metrics.store.rollups.making import roll_up_due
from tests.metrics.store.database import (
    DAY_MS,
    LATER_MS,
    MIDNIGHT_MS,
    append,
    compact,
    make_series,
    merge,
    read_all,
)

pytestmark = pytest.mark.django_db(transaction=True)


def policy(pattern: str, *, days: int, position: int = 1) -> RetentionPolicy:
    """Keep raw samples of some metrics for so many days."""
    RetentionPolicy.objects.filter(pattern=pattern).delete()
    made = RetentionPolicy(
        pattern=pattern,
        position=position,
        raw_days=days,
        rollup_5m_days=max(180, days),
        rollup_1h_days=max(730, days),
        is_default=pattern == ".*",
    )
    made.full_clean()
    made.save()
    retention.forget()
    return made


def days_of(series: int) -> list[int]:
    """Return the days, from the first of the tests on, of which samples are left."""
    return [(at - MIDNIGHT_MS) // DAY_MS for _, at, _ in read_all([series])]


def test_without_policies_samples_are_kept_for_thirty_days() -> None:
    kept = retention.policy_of("anything")

    assert (kept.raw_ms, kept.rollup_5m_ms, kept.rollup_1h_ms) == (
        30 * DAY_MS,
        180 * DAY_MS,
        730 * DAY_MS,
    )


def expire(now_ms: int) -> int:
    """Delete what is too old of what can be: what is merged and rolled up."""
    merge(now_ms)
    roll_up_due(seconds=60)
    return retention.delete_expired(now_ms)


def test_the_first_policy_that_matches_the_whole_name_counts() -> None:
    policy("node_.*", days=3, position=2)
    policy("node_cpu", days=4, position=1)
    policy(".*", days=5, position=0)

    kept = [
        retention.policy_of(name).raw_ms // DAY_MS for name in ("node_cpu", "node_x", "a_node_")
    ]

    assert kept == [4, 3, 5]


def test_what_is_too_old_goes_from_log_segments_and_partitions() -> None:
    drop_partitions(2**50)
    (series,) = make_series(1)
    append((series, MIDNIGHT_MS + day * DAY_MS, 1.0) for day in (-14, -1, 0, 1))
    compact(LATER_MS)
    merge()
    append([(series, MIDNIGHT_MS - DAY_MS + 1, 1.0)])
    append([(series, MIDNIGHT_MS + 1, 1.0)])
    oldest_week = weekly_partitions()[0].week

    expire(MIDNIGHT_MS + 30 * DAY_MS)

    times = [at - MIDNIGHT_MS for _, at, _ in read_all([series])]
    assert times == [0, 1, DAY_MS]
    assert weekly_partitions()[0].week > oldest_week


@pytest.mark.parametrize("is_merged", [False, True], ids=["recent segments", "daily segments"])
def test_each_metric_is_kept_as_long_as_its_policy_says(is_merged: bool) -> None:
    (short,), (usual,), (long,) = make_series(1, "short"), make_series(1), make_series(1, "long")
    policy("short", days=1)
    policy("long", days=300)
    append(
        (one, MIDNIGHT_MS + day * DAY_MS, 1.0) for one in (short, usual, long) for day in range(60)
    )
    compact(LATER_MS + 30 * DAY_MS if is_merged else MIDNIGHT_MS)
    if is_merged:
        merge(LATER_MS + 31 * DAY_MS)

    expire(MIDNIGHT_MS + 60 * DAY_MS)

    assert [days_of(one) for one in (short, usual, long)] == [
        [59],
        list(range(30, 60)),
        list(range(60)),
    ]


def test_a_segment_that_is_partly_older_waits() -> None:
    (series,) = make_series(1)
    append([(series, MIDNIGHT_MS, 1.0), (series, MIDNIGHT_MS + DAY_MS - 1, 1.0)])
    compact(LATER_MS)
    merge()

    expire(MIDNIGHT_MS + 30 * DAY_MS + DAY_MS // 2)
    before = len(read_all([series]))
    expire(MIDNIGHT_MS + 31 * DAY_MS)

    assert (before, len(read_all([series]))) == (2, 0)


def test_weeks_in_which_a_metric_has_something_left_stay() -> None:
    drop_partitions(2**50)
    (short,), (long,) = make_series(1, "short"), make_series(1, "long")
    policy("long", days=300)
    append((short, MIDNIGHT_MS + day * DAY_MS, 1.0) for day in range(28))
    append([(long, MIDNIGHT_MS + 8 * DAY_MS, 1.0)])
    compact(LATER_MS)
    merge()

    expire(MIDNIGHT_MS + 90 * DAY_MS)

    assert [week.end_ms > MIDNIGHT_MS + 8 * DAY_MS for week in weekly_partitions()] == [True]
    assert Segment.objects.count() == 1


def test_many_segments_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_ROWS_PER_BATCH", 2)
    monkeypatch.setattr(retention, "_METRICS_PER_BATCH", 2)
    for number in range(5):
        (series,) = make_series(1, f"m{number}")
        append((series, MIDNIGHT_MS + minute * 60_000, 1.0) for minute in range(3))
    compact(MIDNIGHT_MS)

    deleted = expire(LATER_MS + DAY_MS)

    assert (deleted, Segment.objects.count()) == (5, 0)


def test_samples_stay_until_they_are_rolled_up() -> None:
    (series,) = make_series(1)
    append([(series, MIDNIGHT_MS, 1.0)])
    compact()
    merge()

    retention.delete_expired(LATER_MS + DAY_MS)
    before = len(read_all([series]))
    roll_up_due(seconds=60)
    retention.delete_expired(LATER_MS + DAY_MS)

    assert (before, len(read_all([series]))) == (1, 0)


def test_segments_that_are_being_merged_are_left_for_the_next_time() -> None:
    (series,) = make_series(1)
    append([(series, MIDNIGHT_MS, 1.0)])
    compact(MIDNIGHT_MS)
    merge()
    roll_up_due(seconds=60)
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM metrics_segment FOR UPDATE")

        deleted = retention.delete_expired(LATER_MS + DAY_MS)
    finally:
        other.close()

    assert deleted == 0


def test_a_policy_that_was_made_longer_counts_at_once() -> None:
    (series,) = make_series(1)
    append([(series, MIDNIGHT_MS, 1.0)])
    compact()
    retention.policies()
    RetentionPolicy.objects.create(pattern="m", position=1, raw_days=100)

    expire(MIDNIGHT_MS + 60 * DAY_MS)

    assert len(read_all([series])) == 1


def test_samples_are_taken_in_that_the_longest_policy_keeps() -> None:
    now_ms = int(time.time() * 1000)
    usual = time_bounds(now_ms)

    policy("archive", days=365)
    longer = time_bounds(now_ms)

    assert (now_ms - usual.oldest_ms, now_ms - longer.oldest_ms) == (30 * DAY_MS, 365 * DAY_MS)
    assert longer.fault(0) == "older than the 365 days for which samples are kept"


def test_cutoffs_are_told_for_all_metrics_by_policy() -> None:
    make_series(1, "short")
    make_series(1, "a")
    make_series(1, "b")
    policy("short", days=1)
    names = dict(Metric.objects.values_list("pk", "name"))

    told = {
        tuple(sorted(names[one] for one in cutoffs.metric_ids)): cutoffs.raw_before_ms
        for cutoffs in retention.cutoffs(LATER_MS)
    }

    assert told == {("short",): LATER_MS - DAY_MS, ("a", "b"): LATER_MS - 30 * DAY_MS}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"pattern": "("}, "pattern"),
        ({"raw_days": 0}, "raw_days"),
        ({"raw_days": 40_000}, "raw_days"),
        ({"raw_days": 40, "rollup_5m_days": 30}, "rollup_5m_days"),
        ({"rollup_5m_days": 0, "rollup_1h_days": 20}, "rollup_1h_days"),
    ],
    ids=["no regular expression", "nothing", "too long", "rollup shorter", "hours shorter"],
)
def test_a_policy_that_makes_no_sense_is_refused(values: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as raised:
        RetentionPolicy(**{"pattern": "m", **values}).full_clean()

    assert field in raised.value.message_dict


def test_a_policy_may_do_without_rollups() -> None:
    RetentionPolicy(pattern="m", rollup_5m_days=0, rollup_1h_days=0).full_clean()

    RetentionPolicy(pattern="m", rollup_5m_days=0, rollup_1h_days=400).full_clean()


@pytest.mark.parametrize("is_compacted", [False, True], ids=["log", "segments"])
def test_the_rate_of_samples_does_not_depend_on_compaction(is_compacted: bool) -> None:
    (series,) = make_series(1)
    for at in range(-10, 10):
        append([(series, MIDNIGHT_MS + at * 1000, 1.0)])
    if is_compacted:
        compact()

    count = log.count_since(MIDNIGHT_MS)

    assert count == 10


def test_of_a_segment_the_part_that_is_recent_counts() -> None:
    (series,) = make_series(1)
    append((series, MIDNIGHT_MS + at * 1000, 1.0) for at in range(60))
    compact()

    count = log.count_since(MIDNIGHT_MS + 30_000)

    assert 28 <= count <= 31
