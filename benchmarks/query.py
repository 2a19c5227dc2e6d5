"""How fast queries are answered: the portal beside Prometheus on the same data, HTTP to HTTP.

`python -m benchmarks.query` writes six hours of a fleet of services into both, waits until they are
compacted, and asks heavy and light questions over connections that are kept; `--write` puts the
tables into docs/benchmarks.md. The same question is never asked twice: each time it ends at
another moment, and results that are cached are left aside. The answers of both are compared. With
`--data` a folder keeps the data, since writing them takes minutes; `--serve` only runs both on it.
VictoriaMetrics is a third column where Debian's package is installed.
"""

from __future__ import annotations

import argparse
import datetime
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.agreement import disagreement
from benchmarks.datasets import Dataset, running
from benchmarks.ingest import machine, write_report
from benchmarks.keepalive import KeepAlive
from benchmarks.questions import HEAVY, LIGHT, Question
from benchmarks.services import SERIES_A_TARGET
from benchmarks.systems import KEY, System

_HEADING = "## Queries"
_HEAVY_TURNS, _LIGHT_TURNS = 5, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of a question.

    Attributes:
        seconds: The median of each system, in the order of the systems.
        problem: Why the times say nothing, '' if they do.
    """

    question: Question
    seconds: list[float]
    problem: str

    @property
    def ratio(self) -> float:
        """The portal's time to that of Prometheus."""
        return self.seconds[1] / self.seconds[0]


def ask(
    systems: Sequence[System], question: Question, dataset: Dataset, *, turns: int, end_ms: int = 0
) -> Row:
    """Ask each system so many times, after a time that does not count; compare the first answers."""
    targets = dataset.series // SERIES_A_TARGET
    requests = [
        question.request(turn, end_ms=end_ms or dataset.end_ms, targets=targets)
        for turn in range(turns + 1)
    ]
    medians, answers, problem = [], [], ""
    for system in systems:
        client = KeepAlive(system.port)
        times = []
        for request in requests:
            began = time.perf_counter()
            status, body = client.get(request.path, request.parameters)
            times.append(time.perf_counter() - began)
            if status != 200:
                problem = f"{system.name} answers {status} {body[:100].decode(errors='replace')}"
            if len(times) == 1:
                answers.append(body)
        client.close()
        medians.append(float(np.median(times[1:])))
    # VictoriaMetrics has its own idea of rates and windows.
    problem = problem or disagreement(answers[0], answers[1])
    return Row(question=question, seconds=medians, problem=problem)


def geometric_mean(ratios: Sequence[float]) -> float:
    """Return the geometric mean."""
    return float(np.exp(np.mean(np.log(ratios))))


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
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    arguments = parser.parse_args()
    # Ends the systems too, not only this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    load_before = psutil.getloadavg()[0]
    found = []
    with tempfile.TemporaryDirectory(prefix="portal-benchmark-") as temporary:
        for series in arguments.series:
            folder = (arguments.data or Path(temporary)) / str(series)
            with running(folder, series=series, hours=arguments.hours) as (systems, dataset):
                if arguments.serve:
                    serve(systems, dataset)
                found.append(tables(systems, dataset))
    text = "\n".join([_introduction(arguments, load_before), *found])
    print(text)  # noqa: T201 (a command's result)
    if arguments.write:
        write_report(text)


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
    return "\n".join(
        [
            _HEADING,
            "",
            f"`python -m benchmarks.query` on {datetime.datetime.now(datetime.UTC):%d %B %Y}: {machine()};"
            f" load average before the run {load_before:.1f}.",
            f"{arguments.hours:g} hours of a fleet of services, a sample each 15 s, compacted; medians of"
            f" {_HEAVY_TURNS} heavy and {_LIGHT_TURNS} light queries over a connection that is kept. The answers of"
            " both were compared.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
