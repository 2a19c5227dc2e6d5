"""What the cache of range queries is worth: a dashboard that is refreshed, with it and without it.

`python -m benchmarks.cached` writes hours of a fleet of services into a portal and asks for six of
them, at each turn a minute later: with `nocache=1`, with the cache, and once more with a text that it
has not seen, which costs looking and keeping. `--write` puts the table into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import datetime
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.datasets import Dataset
from benchmarks.ingest import machine, send, write_report
from benchmarks.keepalive import KeepAlive
from benchmarks.systems import System, portal

_MINUTE = 60
_HOURS = 6
_TURNS = 15
_BODIES_AT_A_TIME = 40
_QUERIES = (
    "sum by (job) (rate(http_requests_total[5m]))",
    "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
    "max by (job) (quantile_over_time(0.9, queue_length[10m]))",
    'rate(http_requests_total{code="500"}[5m])',
    'queue_length{instance="host-0003:9100",queue="q-07"}',
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The medians of one query, in seconds."""

    query: str
    without: float
    refreshed: float
    first: float


def measure(system: System, query: str, *, end: int) -> Row:
    """Ask for six hours up to a time and the minutes after it, in the three ways by turns."""
    client = KeepAlive(system.port)

    def ask(text: str, turn: int, **parameters: str) -> float:
        asked = {
            "query": text,
            "start": str(end + turn * _MINUTE - _HOURS * 3600),
            "end": str(end + turn * _MINUTE),
            "step": str(_MINUTE),
            **parameters,
        }
        began = time.perf_counter()
        status, body = client.get("/api/v1/query_range", asked)
        if status != 200:
            raise SystemExit(body.decode())
        return time.perf_counter() - began

    for turn in range(2):
        ask(query, turn)
        ask(query, turn, nocache="1")
    times = [
        (
            ask(query, turn, nocache="1"),
            ask(query, turn),
            # Blanks make it another query, and change nothing.
            ask(query + " " * turn, turn),
        )
        for turn in range(2, _TURNS + 2)
    ]
    client.close()
    without, refreshed, first = np.median(np.array(times), axis=0).tolist()
    return Row(query=query, without=without, refreshed=refreshed, first=first)


def table(rows: list[Row], *, series: int, load_before: float) -> str:
    """Return the section for the report."""
    date = datetime.datetime.now(datetime.UTC)
    lines = [
        "## Cache of range queries",
        "",
        f"`python -m benchmarks.cached` on {date:%d %B %Y}: {machine()}; load average before the run"
        f" {load_before:.1f}.",
        f"{series:,} series each 15 s; {_HOURS} hours in steps of a minute, up to now and a minute later at"
        f" each of {_TURNS} turns, HTTP to HTTP, medians.",
        "",
        "| Query | Without | Refreshed | The first time |",
        "| --- | ---: | ---: | ---: |",
    ]
    lines += [
        f"| `{row.query}` | {row.without * 1000:.1f} ms | {row.refreshed * 1000:.1f} ms"
        f" | {row.first * 1000:.1f} ms |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _fill(system: System, *, series: int) -> int:
    """Write the data, wait until they are compacted, and return the time they end, in whole minutes."""
    dataset = Dataset.until_now(series=series, hours=_HOURS)
    some = []
    for body in dataset.bodies():
        some.append(body)
        if len(some) == _BODIES_AT_A_TIME:
            send(system.port, some)
            some = []
    send(system.port, some)
    os.environ |= {
        "DATA_DIR": str(system.data_dir),
        "DJANGO_SETTINGS_MODULE": "observability.settings",
    }
    _wait_until_merged()
    system.wait_until_idle()
    return dataset.end_ms // 1000 // _MINUTE * _MINUTE


def _wait_until_merged() -> None:
    import django  # noqa: PLC0415 (settings are ready only now)

    django.setup()
    from observability.metrics.store.statistics import collect_statistics  # noqa: PLC0415

    while collect_statistics(now_ms=int(time.time() * 1000)).merges_due:
        time.sleep(1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=2_000)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    arguments = parser.parse_args()
    load_before = psutil.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory(prefix="portal-benchmark-") as folder,
        portal(Path(folder)) as system,
    ):
        end = _fill(system, series=arguments.series)
        rows = [measure(system, query, end=end) for query in _QUERIES]
    text = table(rows, series=arguments.series, load_before=load_before)
    print(text)  # noqa: T201 (a command's result)
    if arguments.write:
        write_report(text)


if __name__ == "__main__":
    main()
