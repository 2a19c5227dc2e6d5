"""How the portal does under a steady load while people look at it: compaction, queries, memory.

`python -m benchmarks.steady` sends 50,000 samples a second in real time, 500 a body, of 100,000
series: each has a sample every 2 s, so that a minute's window holds 30 of each. Meanwhile two
people ask, each a second after the last answer. `--write` puts the figures into docs/benchmarks.md.

A run of minutes sees little of the merges, which come at the end of quarters of an hour, of
two hours and of days. Hence afterwards all that was sent is merged up to the days, level by level,
as if that time had come, and told apart. It is an upper bound: a window that a short run fills in
part costs more a sample, and a merge that fell into the run counts in both.
"""

from __future__ import annotations

import argparse
import datetime
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.ingest import machine, write_report
from benchmarks.live import BODY_SAMPLES, CONNECTIONS, Sent, register, send_paced
from benchmarks.parts import BULK, POSTGRES_FOR_BULK, Parts, Use
from benchmarks.storage import Cost, measured
from benchmarks.systems import KEY, System, portal

SAMPLES_A_SECOND = 50_000
SERIES = 100_000
_RANGE_SECONDS, _STEP_SECONDS = 900, 15
_PAUSE_SECONDS = 1.0
_LOOK_SECONDS, _STATISTICS_SECONDS = 0.1, 5.0
# Time for the senders to get their series ready.
_SETTING_UP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Question:
    """What one person asks again and again: a name for the report, and the n-th expression."""

    name: str
    expression: Callable[[int], str]


QUESTIONS = (
    Question(
        "`sum by (cluster) (rate(...[1m]))` of 1,000 series",
        lambda n: f"sum by (cluster) (rate(counter_{n % 40:02d}[1m]))",
    ),
    Question(
        "a single series",
        lambda n: f'gauge_{n % 40:02d}{{cluster="eu-0",instance="host-{n * 7 % 500:04d}:9100"}}',
    ),
)


@dataclass(slots=True)
class Lag:
    """How far compaction is behind: the age of the oldest log row, and merges of closed windows."""

    seconds: float = 0.0
    most_seconds: float = 0.0
    merges_due: int = 0
    most_merges_due: int = 0

    def look(self) -> None:
        """See how things are now."""
        from observability.metrics.store.statistics import (  # noqa: PLC0415 (settings are ready only now)
            collect_statistics,
        )

        statistics = collect_statistics(now_ms=int(time.time() * 1000))
        self.seconds, self.merges_due = statistics.log_lag_seconds, statistics.merges_due
        self.most_seconds = max(self.most_seconds, self.seconds)
        self.most_merges_due = max(self.most_merges_due, self.merges_due)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the portal did.

    Attributes:
        sent: By connection.
        seconds: How long CPU was counted.
        uses: What each part of the portal used.
        lag: Of compaction.
        answers: Seconds of each answer to each question.
        merges: For each level the CPU-seconds of merging a million samples into it.
        memory_bytes: Of all processes at the end.
    """

    sent: list[Sent]
    seconds: float
    uses: dict[str, Use]
    lag: Lag
    answers: list[NDArray[np.float64]]
    merges: list[float]
    memory_bytes: int


def ask(port: int, question: Question, ends_at: float) -> NDArray[np.float64]:
    """Ask about the last quarter of an hour until the end; return the seconds of each answer.

    Raises:
        SystemExit: An answer is no success.
    """
    times: list[float] = []
    client = HTTPConnection("127.0.0.1", port, timeout=60)
    while time.time() < ends_at:
        now = time.time()
        parameters = urlencode(
            {
                "query": question.expression(len(times)),
                "start": now - _RANGE_SECONDS,
                "end": now,
                "step": _STEP_SECONDS,
            }
        )
        began = time.perf_counter()
        client.request(
            "GET", f"/api/v1/query_range?{parameters}", headers={"Authorization": f"Bearer {KEY}"}
        )
        response = client.getresponse()
        body = response.read()
        times.append(time.perf_counter() - began)
        if response.status != 200 or not json.loads(body)["data"]["result"]:
            raise SystemExit(f"no answer to {question.name}: {response.status} {body[:500]!r}")
        time.sleep(_PAUSE_SECONDS)
    client.close()
    return np.array(times)


def measure(system: System, *, minutes: float) -> Outcome:
    """Let the portal see all series and come to rest, then load it, then do the merges to come."""
    import django  # noqa: PLC0415 (settings are ready only now)

    django.setup()
    with (
        ProcessPoolExecutor(CONNECTIONS, multiprocessing.get_context("spawn")) as senders,
        ThreadPoolExecutor(len(QUESTIONS)) as people,
    ):
        for known in [senders.submit(register, system.port, n, SERIES) for n in range(CONNECTIONS)]:
            known.result()
        system.wait_until_idle()
        starts_at = time.time() + _SETTING_UP_SECONDS
        ends_at = starts_at + 60 * minutes
        sendings = [
            senders.submit(
                send_paced,
                system.port,
                number,
                series_count=SERIES,
                interval=SERIES / SAMPLES_A_SECOND,
                starts_at=starts_at,
                ends_at=ends_at,
            )
            for number in range(CONNECTIONS)
        ]
        time.sleep(max(starts_at - time.time(), 0))
        askings = [people.submit(ask, system.port, question, ends_at) for question in QUESTIONS]
        parts, lag = Parts(system), Lag()
        while time.time() < ends_at:
            _watch(parts, lag, until=min(time.time() + _STATISTICS_SECONDS, ends_at))
        seconds = time.time() - starts_at
        uses = parts.uses()
        sent = [sending.result() for sending in sendings]
        answers = [asking.result() for asking in askings]
    memory_bytes = system.memory_bytes()
    return Outcome(
        sent=sent,
        seconds=seconds,
        uses=uses,
        lag=lag,
        answers=answers,
        merges=list(_merge_all()),
        memory_bytes=memory_bytes,
    )


def _watch(parts: Parts, lag: Lag, *, until: float) -> None:
    while time.time() < until:
        parts.look()
        time.sleep(_LOOK_SECONDS)
    parts.look_at_memory()
    lag.look()


def _merge_all() -> Iterator[float]:
    """Merge all samples into each level in turn; yield the CPU-seconds of a million samples."""
    from django.db import connection  # noqa: PLC0415 (settings are ready only now)

    from observability.metrics.store import compaction  # noqa: PLC0415
    from observability.metrics.store.statistics import collect_statistics  # noqa: PLC0415
    from observability.metrics.store.windows import TOP_LEVEL, closed_before_ms  # noqa: PLC0415

    now_ms = int(time.time() * 1000)
    compaction.compact_log(now_ms=now_ms, seconds=600)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend_pid,) = cursor.fetchone()
    samples = collect_statistics(now_ms=now_ms).samples
    closing_ms = now_ms
    for level in range(1, TOP_LEVEL + 1):
        while closed_before_ms(level, closing_ms) <= now_ms:
            closing_ms += 60_000
        cost = Cost()
        with measured(cost, backend_pid):
            compaction.merge_due(now_ms=closing_ms, seconds=600)
        yield (cost.own_cpu + cost.postgres_cpu) / samples * 1e6


def section(outcome: Outcome, *, minutes: float, load_before: float) -> str:
    """Return the figures in Markdown, with the machine and the date."""
    sent, lag = outcome.sent, outcome.lag
    rate = sum(one.samples / one.seconds for one in sent)
    shares = {name: use.cpu_seconds / outcome.seconds for name, use in outcome.uses.items()}
    run_share = shares[BULK] + shares.get(POSTGRES_FOR_BULK, 0.0)
    merge_shares = [cpu * SAMPLES_A_SECOND / 1e6 for cpu in outcome.merges]
    quarter, two_hours, day = (f"{share:.1%}" for share in merge_shares)
    lines = [
        "## Steady load",
        "",
        f"`python -m benchmarks.steady --minutes {minutes:g}` on"
        f" {datetime.datetime.now(datetime.UTC):%d %B %Y}: {machine()}; load average before the run"
        f" {load_before:.1f}.",
        f"{SAMPLES_A_SECOND:,} samples a second of {SERIES:,} series in real time, {BODY_SAMPLES} a body over"
        f" {CONNECTIONS} connections: each series every {SERIES / SAMPLES_A_SECOND:g} s. Two people ask about the last"
        f" {_RANGE_SECONDS // 60} minutes, step {_STEP_SECONDS} s, each a second after the last answer. Every web process"
        " has been sent all series.",
        "",
        "| | |",
        "| --- | --- |",
        f"| Samples taken | {rate:,.0f} a second |",
        f"| Answers to writes | {_spread([one.answers for one in sent])} |",
        f"| Writes answered after they were due | {_spread([one.behind for one in sent])} |",
        f"| Oldest row of the log | {lag.seconds:.0f} s old at the end, {lag.most_seconds:.0f} s at most |",
        f"| Merges due | {lag.merges_due} at the end, {lag.most_merges_due} at most |",
    ]
    lines += [
        f"| Query: {question.name} | {_spread([answers])}, {len(answers)} answers |"
        for question, answers in zip(QUESTIONS, outcome.answers, strict=True)
    ]
    lines += [
        f"| Compaction, as it ran | {run_share:.1%} of a core: the bulk worker with PostgreSQL's work for it |",
        f"| Merges to come, at most | {quarter} (15 min) + {two_hours} (2 h) + {day} (1 day) of a core |",
        f"| **Compaction in all** | **{run_share + sum(merge_shares):.1%} of a core** |",
        "",
        "| Part | Of a core | Memory at most (PSS) | Largest resident set of a process |",
        "| --- | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {name} | {shares[name]:.1%} | {_megabytes(use.memory_bytes)} | {_megabytes(use.peak_bytes)} |"
        for name, use in outcome.uses.items()
    ]
    lines.append(
        f"| the whole portal | {sum(shares.values()):.1%} | {_megabytes(outcome.memory_bytes)} at the end | |"
    )
    return "\n".join(lines) + "\n"


def _spread(seconds: list[NDArray[np.float64]]) -> str:
    median, high, most = np.percentile(np.concatenate(seconds), [50, 95, 100]) * 1000
    return f"median {median:.0f} ms, 95 % within {high:.0f} ms, at most {most:,.0f} ms"


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MB" if size else ""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    arguments = parser.parse_args()
    # Ends the portal too, not only this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    load_before = psutil.getloadavg()[0]
    with portal() as system:
        os.environ |= {
            "DATA_DIR": str(system.data_dir),
            "DJANGO_SETTINGS_MODULE": "observability.settings",
        }
        outcome = measure(system, minutes=arguments.minutes)
    text = section(outcome, minutes=arguments.minutes, load_before=load_before)
    print(text)  # noqa: T201 (a command's result)
    if arguments.write:
        write_report(text)


if __name__ == "__main__":
    main()
