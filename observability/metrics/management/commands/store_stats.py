"""`manage.py store_stats`: what the metric store holds, and what it takes."""

from __future__ import annotations

import datetime
import time
from typing import Any

from django.core.management.base import BaseCommand

from observability.metrics.store.statistics import StoreStatistics, Tier, collect_statistics


class Command(BaseCommand):
    """Print series, samples and bytes a sample by tier, disk space and compaction lag."""

    help = "Show what the metric store holds by tier, its disk space and its compaction lag."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the state of the store."""
        statistics = collect_statistics(now_ms=int(time.time() * 1000))
        for line in _lines(statistics):
            self.stdout.write(line)


def _lines(statistics: StoreStatistics) -> list[str]:
    layout = "{:<18} {:>9} {:>16} {:>12} {:>8}  {:<20} {:<20}"
    titles = ("tier", "rows", "samples", "bytes", "B/sample", "oldest", "newest")
    return [
        f"{statistics.series:,} series of {statistics.metrics:,} metrics,"
        f" {statistics.samples:,} samples, {statistics.disk_bytes_per_sample:.2f} bytes a sample on disk",
        "",
        layout.format(*titles),
        *(layout.format(*_cells(tier)) for tier in statistics.tiers),
        "",
        *(f"{name + ' on disk':<26} {size:>14,}" for name, size in statistics.disk_bytes.items()),
        "",
        f"compaction lag of the log  {statistics.log_lag_ms / 1000:>12,.0f} s",
        f"merges due                 {statistics.merges_due:>14,}",
    ]


def _cells(tier: Tier) -> tuple[str, ...]:
    return (
        tier.name,
        f"{tier.rows:,}",
        f"{tier.samples:,}",
        f"{tier.stored_bytes:,}",
        f"{tier.bytes_per_sample:.2f}",
        _time(tier.oldest_ms),
        _time(tier.newest_ms),
    )


def _time(timestamp_ms: int | None) -> str:
    if timestamp_ms is None:
        return "-"
    return f"{datetime.datetime.fromtimestamp(timestamp_ms / 1000, datetime.UTC):%Y-%m-%d %H:%M:%S}"
