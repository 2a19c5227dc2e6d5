"""How fast queries are answered: the portal beside Prometheus on the same data, HTTP to HTTP.

`python -m benchmarks.query` writes six hours of a fleet of services into both, waits until they are
compacted, and asks heavy and light questions over connections that are kept; `--write` puts the
tables into docs/benchmarks.md. The same question is never asked twice: each time it ends at
another moment, and results that are cached are left aside. The answers of both are compared. With
`--data` a folder keeps the data, since writing them takes minutes; `--serve` only runs both on it.
`--live` and `--memory` measure other things. VictoriaMetrics is a third column where Debian's
package is installed.
"""

from __future__ import annotations

import argparse
import datetime
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import psutil

from benchmarks import live_queries, query_memory
from benchmarks.asking import Row, ask, geometric_mean
from benchmarks.datasets import Dataset, running
from benchmarks.ingest import machine, write_report
from benchmarks.questions import HEAVY, LIGHT
from benchmarks.systems import KEY, System

_HEAVY_TURNS, _LIGHT_TURNS = 5, 60


def tables(systems: Sequence[System], dataset: Dataset) -> str:
    """Ask all questions; return both tables."""
    parts = []
    for title, questions, turns in (
        ("Heavy", HEAVY, _HEAVY_TURNS),
        ("Light", LIGHT, _LIGHT_TURNS),
    ):
        rows = []
        for question in questions:
            rows.append(ask(systems, question, dataset, turns=turns))
            sys.stderr.write(_line(rows[-1]) + "\n")
        parts.append(_table(title, rows, systems, dataset))
    return "\n".join(parts)


def _table(title: str, rows: Sequence[Row], systems: Sequence[System], dataset: Dataset) -> str:
    names = " | ".join(system.name for system in systems)
    lines = [
        f"### {title} queries, {dataset.series:,} series",
        "",
        f"| Query | {names} | Portal to Prometheus |",
        "| --- " + "| ---: " * (len(systems) + 1) + "|",
        *map(_line, rows),
    ]
    good = [row for row in rows if not row.problem]
    means = [
        f"{geometric_mean([row.seconds[place] / row.seconds[0] for row in good]):.2f}"
        for place in range(len(systems))
    ]
    lines.append(f"| **geometric mean, to Prometheus** | {' | '.join(means)} | **{means[1]}** |")
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    times = " | ".join(
        f"{seconds * 1000:.{1 if seconds > 0.02 else 2}f} ms" for seconds in row.seconds
    )
    name = row.question.name.replace("|", "\\|")
    return f"| {name} | {times} | {row.problem or f'{row.ratio:.2f}'} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--hours", type=float, default=6)
    parser.add_argument("--data", type=Path, help="a folder to keep the data in, or that has them")
    parser.add_argument("--serve", action="store_true", help="only run the systems until Ctrl-C")
    parser.add_argument(
        "--live", action="store_true", help="only while samples come in, on new data"
    )
    parser.add_argument(
        "--memory", action="store_true", help="only the memory of the largest queries"
    )
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    arguments = parser.parse_args()
    # Ends the systems too, not only this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    load_before = psutil.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="portal-benchmark-") as temporary:
        sections = _sections(arguments, Path(temporary))
        text = "\n".join([_introduction(arguments, load_before), *sections])
    print(text)  # noqa: T201 (a command's result)
    if arguments.write:
        write_report(text)


def _sections(arguments: argparse.Namespace, temporary: Path) -> list[str]:
    """Return a section for each number of series."""
    if len(arguments.series) == 1:
        return [_measure(arguments.series[0], arguments, temporary)]
    # A process for each: settings that were loaded once stay those of the first portal.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        return list(pool.map(_measure, arguments.series, repeat(arguments), repeat(temporary)))


def _measure(series: int, arguments: argparse.Namespace, temporary: Path) -> str:
    """Return the section of so many series."""
    if arguments.live:
        rows = live_queries.measure(temporary, series=series, hours=arguments.hours)
        return live_queries.section(rows, series=series)
    folder = (arguments.data or temporary) / str(series)
    with running(folder, series=series, hours=arguments.hours) as (systems, dataset):
        if arguments.serve:
            serve(systems, dataset)
        if arguments.memory:
            return query_memory.section(query_memory.measure(systems[1], dataset), dataset)
        return tables(systems, dataset)


def serve(systems: Sequence[System], dataset: Dataset) -> None:
    """Say where the systems are, and wait for the end."""
    lines = [f"{system.name:16} http://127.0.0.1:{system.port}" for system in systems]
    lines += [
        f"{'Key':16} {KEY}",
        f"{'Data':16} {dataset}",
        f"{'DATA_DIR':16} {os.environ['DATA_DIR']}",
    ]
    print("\n".join(lines), flush=True)  # noqa: T201 (a command's result)
    signal.pause()


def _introduction(arguments: argparse.Namespace, load_before: float) -> str:
    data = f"{arguments.hours:g} hours of a fleet of services, a sample each 15 s"
    if arguments.live:
        heading, option = "Queries while samples come in", " --live"
        text = f"{data}; the newest hour lies in segments of a minute, as no merge has run."
    elif arguments.memory:
        heading, option = "Memory of queries", " --memory"
        text = f"{data}. The peak of the web process that answers, less what it held before."
    else:
        heading, option = "Queries", ""
        text = (
            f"{data}, compacted; medians of {_HEAVY_TURNS} heavy and {_LIGHT_TURNS} light queries over a"
            " connection that is kept. Answers of the portal and Prometheus were compared and are equal"
            " unless a row says something else."
        )
    date = datetime.datetime.now(datetime.UTC)
    return (
        f"## {heading}\n\n`python -m benchmarks.query{option}` on {date:%d %B %Y}: {machine()};"
        f" load average before the run {load_before:.1f}.\n{text}\n"
    )


if __name__ == "__main__":
    main()
