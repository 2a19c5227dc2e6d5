"""What the store says of itself."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command

from observability.metrics.store.statistics import collect_statistics
from tests.metrics.store.database import (
    LATER_MS,
    MIDNIGHT_MS,
    append,
    compact,
    make_series,
    merge,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_samples_are_counted_by_tier() -> None:
    (series,) = make_series(1)
    append((series, MIDNIGHT_MS + at, 1.0) for at in range(1000))
    compact()
    merge()
    append([(series, MIDNIGHT_MS + 2000, 1.0)])
    compact(MIDNIGHT_MS)
    append([(series, MIDNIGHT_MS + 5000, 1.0)])

    statistics = collect_statistics(now_ms=MIDNIGHT_MS + 65_000)

    assert [tier.samples for tier in statistics.tiers] == [1, 1, 0, 0, 1000]
    assert statistics.tiers[0].newest_ms == MIDNIGHT_MS + 5000
    assert 0 < statistics.tiers[-1].bytes_per_sample < 1
    assert (statistics.series, statistics.log_lag_ms) == (1, 60_000)
    assert min(statistics.disk_bytes.values()) > 0


def test_what_waits_to_be_merged_is_counted() -> None:
    (series,) = make_series(1)
    append([(series, MIDNIGHT_MS, 1.0)])
    compact()

    due = [collect_statistics(now_ms=now_ms).merges_due for now_ms in (MIDNIGHT_MS, LATER_MS)]

    assert due == [0, 1]


def test_the_command_prints_an_empty_store_and_a_full_one() -> None:
    empty, full = StringIO(), StringIO()
    call_command("store_stats", stdout=empty)
    (series,) = make_series(1)
    append([(series, MIDNIGHT_MS, 1.0)])
    compact()

    call_command("store_stats", stdout=full)

    assert "0 series of 0 metrics, 0 samples" in empty.getvalue()
    assert "1 series of 1 metrics, 1 samples" in full.getvalue()
    assert "2024-01-01 00:00:00" in full.getvalue()


def test_the_command_says_where_series_come_from_and_how_many_of_them_it_lists() -> None:
    make_series(12, "big")
    make_series(3, "small")
    short, data = StringIO(), StringIO()

    call_command("store_stats", "--top", "1", stdout=short)
    call_command("store_stats", "--format", "json", stdout=data)

    report = json.loads(data.getvalue())
    assert "12  big" in short.getvalue()
    assert "3  small" not in short.getvalue()
    assert report["statistics"]["series"] == 15
    assert report["cardinality"]["series_by_metric"] == [
        {"name": "big", "value": 12},
        {"name": "small", "value": 3},
    ]
    assert report["cardinality"]["multipliers"][0]["label"] == "i"
