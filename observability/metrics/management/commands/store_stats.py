"""`manage.py store_stats`: what the metric store holds, what it takes, where its series come from."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandParser

from observability.metrics.store.cardinality import Cardinality, Count
from observability.metrics.store.statistics import StoreStatistics, Tier
from observability.metrics.store_report import TOP, Progress, StoreReport, make_report

_TITLES = ("tier", "rows", "samples", "bytes", "B/sample", "oldest", "newest")
_LAYOUT = "{:<18} {:>9} {:>16} {:>12} {:>8}  {:<20} {:<20}"


class Command(BaseCommand):
    """Print the figures of the store page, counted now."""

    help = "Show what the metric store holds by tier, its disk space, its compaction lag and its cardinality."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the form of the output and the length of its lists."""
        parser.add_argument("--format", choices=["text", "json"], default="text")
        parser.add_argument("--top", type=int, default=TOP, help="the length of each list (10)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Count, telling each step where somebody watches, and print."""
        report = make_report(
            now_ms=int(time.time() * 1000), top=max(options["top"], 0), tell=self._tell
        )
        if options["format"] == "json":
            encoded = msgspec.json.encode(report)
            self.stdout.write(msgspec.json.format(encoded, indent=2).decode())
            return
        for line in _lines(report):
            self.stdout.write(line)

    def _tell(self, progress: Progress) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"Counting {progress.doing} ({progress.step} of {progress.steps})")


def _lines(report: StoreReport) -> Iterator[str]:
    yield from _lines_of_statistics(report.statistics)
    if report.growth is not None:
        yield f"growth a day               {report.growth.bytes_per_day:>14,.0f}"
        if report.growth.seconds_left is not None:
            yield f"days until the disk is full{report.growth.seconds_left / 86_400:>14,.0f}"
    yield from _lines_of_cardinality(report.cardinality)


def _lines_of_statistics(statistics: StoreStatistics) -> Iterator[str]:
    yield (
        f"{statistics.series:,} series of {statistics.metrics:,} metrics,"
        f" {statistics.samples:,} samples, {statistics.disk_bytes_per_sample:.2f} bytes a sample on disk"
    )
    yield ""
    yield _LAYOUT.format(*_TITLES)
    for tier in statistics.tiers:
        yield _LAYOUT.format(*_cells(tier))
    yield ""
    for name, size in statistics.disk_bytes.items():
        yield f"{name + ' on disk':<26} {size:>14,}"
    yield ""
    yield f"compaction lag of the log  {statistics.log_lag_seconds:>12,.0f} s"
    yield f"merges due                 {statistics.merges_due:>14,}"


def _lines_of_cardinality(cardinality: Cardinality) -> Iterator[str]:
    yield f"label pairs                {cardinality.label_pairs:>14,}"
    yield from _list("metrics with most series", cardinality.series_by_metric)
    yield from _list("labels with most values", cardinality.values_by_label)
    yield from _list("labels with the longest values together, bytes", cardinality.bytes_by_label)
    yield from _list("label pairs on most series", cardinality.series_by_pair)
    if cardinality.multipliers:
        yield from ("", "labels that multiply series")
        for found in cardinality.multipliers:
            yield f"{found.factor:>14,.1f}  {found.label} of {found.metric} ({found.values:,} values)"
    if cardinality.churn:
        yield from ("", "new series of the last hour, of the last day")
        for churn in cardinality.churn:
            yield f"{churn.last_hour:>14,} {churn.last_day:>14,}  {churn.metric}"


def _list(title: str, counts: list[Count]) -> Iterator[str]:
    if counts:
        yield from ("", title)
    for count in counts:
        yield f"{count.value:>14,}  {count.name}"


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
