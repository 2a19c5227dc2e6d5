"""How much faster queries over long ranges are answered from rollups than from samples.

`python -m benchmarks.rollups` fills a PostgreSQL of its own with a counter of 2,000 series, a sample
each 15 s for 30 days, and rolls up all but the last two hours, as it is with a portal that runs at
midnight. Each query is answered from samples, then from rollups, and the answers are compared.
`--write` puts the tables into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from observability.embedded.servers import start_servers
from observability.promql import Engine, Limits, Matrix, QueryOptions, SelectHints
from observability.promql.matchers import Matcher

if TYPE_CHECKING:
    from observability.promql.storage import RollupBlock, SeriesBlock, Storage

INTERVAL_MS = 15_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START_MS = 20_000 * DAY_MS
SERIES_PER_INSERT = 170
RESTARTS_PER_DAY = 0.2
_DOCS = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_SECTION = "## Rollups"

QUERIES = (
    ("sum(rate(requests_total[1h]))", HOUR_MS),
    ("max_over_time(requests_total[1h])", HOUR_MS),
    ("avg_over_time(requests_total[6h])", HOUR_MS),
    ("sum(requests_total)", HOUR_MS),
    ("sum(rate(requests_total[5m]))", 300_000),
)


class SamplesOnly:
    """A storage that does not say that rollups would do."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def select(
        self, matchers: Sequence[Matcher], hints: SelectHints
    ) -> Iterator[SeriesBlock | RollupBlock]:
        """Yield samples."""
        yield from self._storage.select(matchers, replace(hints, rollup_columns=None))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave, and what it took."""

    value: Matrix
    read: int
    seconds: float


def fill(series: int, days: int) -> None:
    """Write samples as compaction leaves them: a segment a day, those of two hours on the last."""
    from django.db import transaction  # noqa: PLC0415 (settings are ready only now)

    from observability.metrics.models import Metric  # noqa: PLC0415
    from observability.metrics.store import catalogue, segment_table  # noqa: PLC0415
    from observability.metrics.store.columns import SeriesColumns, where  # noqa: PLC0415
    from observability.metrics.store.partitions import ensure_partitions  # noqa: PLC0415
    from observability.metrics.store.segment_table import NewSegment, Window  # noqa: PLC0415
    from observability.promql.labels import label_set  # noqa: PLC0415

    labels = [label_set({"__name__": "requests_total", "i": str(i)}) for i in range(series)]
    ids = np.sort(catalogue.series_ids(labels))
    metric_id = Metric.objects.get(name="requests_total").pk
    rng, count = np.random.default_rng(11), DAY_MS // INTERVAL_MS
    reached, rates = np.zeros(series), rng.lognormal(3, 1.5, series)
    for day_ms in range(START_MS, START_MS + days * DAY_MS, DAY_MS):
        with transaction.atomic():
            ensure_partitions([day_ms])
        for first in range(0, series, SERIES_PER_INSERT):
            part = slice(first, min(first + SERIES_PER_INSERT, series))
            width = part.stop - first
            values = reached[part, None] + np.cumsum(
                rng.poisson(rates[part, None], (width, count)), 1
            )
            for row in np.flatnonzero(rng.random(width) < RESTARTS_PER_DAY):
                at = int(rng.integers(0, count))
                values[row, at:] -= values[row, at]
            reached[part] = values[:, -1]
            columns = SeriesColumns(
                series_ids=ids[part],
                offsets=np.arange(width + 1) * count,
                timestamps_ms=np.tile(day_ms + np.arange(count) * INTERVAL_MS, width),
                values=values.reshape(-1),
            )
            is_last = day_ms == START_MS + (days - 1) * DAY_MS
            length_ms = 2 * HOUR_MS if is_last else DAY_MS
            segment_table.insert(
                NewSegment(
                    metric_id=metric_id,
                    level=3 if not is_last else 2 if at_ms < day_ms + 22 * HOUR_MS else 1,
                    window=Window(at_ms, at_ms + length_ms),
                    columns=where(
                        columns, columns.timestamps_ms // length_ms == at_ms // length_ms
                    ),
                )
                for at_ms in range(day_ms, day_ms + DAY_MS, length_ms)
            )


def roll_up(days: int) -> float:
    """Roll up all that can be; return the seconds of our processor that it took."""
    from observability.metrics.models import Metric  # noqa: PLC0415 (settings are ready only now)
    from observability.metrics.store.rollups.making import roll_up_day  # noqa: PLC0415

    metric_id = Metric.objects.get(name="requests_total").pk
    began = time.process_time()
    for day in range(days):
        roll_up_day(metric_id, START_MS + day * DAY_MS)
    return time.process_time() - began


def ask(storage: Storage, expr: str, step_ms: int, days: int) -> Answer:
    """Return the quicker of two answers."""
    answers = []
    for _ in range(2):
        began = time.perf_counter()
        result = Engine().query_range(
            expr,
            start_ms=START_MS + DAY_MS,
            end_ms=START_MS + days * DAY_MS,
            step_ms=step_ms,
            storage=storage,
            options=QueryOptions(limits=Limits(max_samples=10**10, timeout_seconds=3600)),
        )
        seconds = time.perf_counter() - began
        if not isinstance(result.value, Matrix):
            raise SystemExit(f"{expr} gave no matrix")
        answers.append(Answer(result.value, result.samples_read, seconds))
    return min(answers, key=lambda answer: answer.seconds)


def measure(series: int, days: int) -> Iterator[str]:
    """Yield the lines of the section."""
    from django.db import connection  # noqa: PLC0415 (settings are ready only now)

    from observability.metrics.store.storage import PostgresStorage  # noqa: PLC0415

    fill(series, days)
    cpu = roll_up(days)
    samples = series * (days * DAY_MS - 2 * HOUR_MS) // INTERVAL_MS
    yield (
        f"Rolling up {samples:,} samples took {cpu:.0f} CPU-seconds of the worker,"
        f" {cpu / samples * 1e6:.2f} a million."
    )
    yield ""
    yield "| Kept | Buckets | Bytes a bucket | Bytes a sample that it stands for |"
    yield "| --- | ---: | ---: | ---: |"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute(
            "SELECT resolution_ms, sum(bucket_count), sum(sample_count),"
            " sum(pg_column_size(data) + pg_column_size(directory))"
            " FROM metrics_rollup GROUP BY 1 ORDER BY 1"
        )
        for resolution_ms, buckets, of_samples, size in cursor.fetchall():
            name = "5 minutes" if resolution_ms < HOUR_MS else "1 hour"
            yield f"| {name} | {buckets:,} | {size / buckets:.1f} | {size / of_samples:.3f} |"
    yield ""
    yield "| Query | Step | Samples read | Seconds | Buckets and samples read | Seconds | Times as fast |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for expr, step_ms in QUERIES:
        storage = PostgresStorage()
        raw = ask(SamplesOnly(storage), expr, step_ms, days)
        rolled = ask(storage, expr, step_ms, days)
        np.testing.assert_allclose(raw.value.values, rolled.value.values, rtol=1e-9)
        yield (
            f"| `{expr}` | {'1 h' if step_ms == HOUR_MS else '5 min'} | {raw.read:,} |"
            f" {raw.seconds:.2f} | {rolled.read:,} | {rolled.seconds:.2f} |"
            f" {raw.seconds / rolled.seconds:.0f} |"
        )


def section(series: int, days: int) -> str:
    """Measure and return the section of docs/benchmarks.md."""
    before = os.getloadavg()[0]
    lines = "\n".join(measure(series, days))
    return (
        f"{_SECTION}\n\n"
        f"`python -m benchmarks.rollups` on {datetime.datetime.now(datetime.UTC):%-d %B %Y}:"
        f" {os.cpu_count()} cores; load average before the run {before:.1f}, after it"
        f" {os.getloadavg()[0]:.1f}.\n"
        f"{series:,} series of a counter, a sample each 15 s for {days} days; the last two hours are"
        " not rolled up yet. Answers\nfrom samples and from rollups were compared and are equal."
        f"\n\n{lines}\n"
    )


def main() -> None:
    """Measure, and print or write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=2_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--write", action="store_true", help="write into docs/benchmarks.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="portal-benchmark-") as folder:
        servers = start_servers(Path(folder))
        try:
            os.environ |= {
                "DATA_DIR": folder,
                "DATABASE_URL": servers.database_url,
                "REDIS_URL": servers.redis_url,
                "DJANGO_SETTINGS_MODULE": "observability.settings",
            }
            import django  # noqa: PLC0415 (settings are ready only now)
            from django.core.management import call_command  # noqa: PLC0415

            django.setup()
            call_command("migrate", verbosity=0, skip_checks=True)
            text = section(arguments.series, arguments.days)
        finally:
            servers.stop()
    if arguments.write:
        _write(text)
    sys.stdout.write(text)


def _write(text: str) -> None:
    whole = _DOCS.read_text()
    pattern = re.compile(rf"^{_SECTION}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if pattern.search(whole):
        whole = pattern.sub(lambda _: text + "\n", whole)
    else:
        whole = f"{whole.rstrip()}\n\n{text}"
    _DOCS.write_text(whole.rstrip() + "\n")


if __name__ == "__main__":
    main()
