"""How queries do while samples come in and the newest hour is not merged yet.

The last hour is written and compacted minute by minute as it would have been, without the merges
that follow: it stays in segments of a minute. Then 20,000 samples a second are written, to the
series that are asked about and to others, and the same questions are asked: first so, and again
when all is merged and nothing else goes on.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.asking import Row, ask, geometric_mean
from benchmarks.datasets import Dataset, wait_until_compacted
from benchmarks.ingest import send
from benchmarks.live import CONNECTIONS, send_paced
from benchmarks.questions import HEAVY, Question
from benchmarks.services import INTERVAL_MS, ROUNDS_A_BODY, SERIES_A_TARGET, Services
from benchmarks.systems import System, portal, prometheus

SAMPLES_A_SECOND = 20_000
_OTHER_SERIES = 20_000
_MINUTE_ROUNDS = 60_000 // INTERVAL_MS
_NEWEST_ROUNDS = 3_600_000 // INTERVAL_MS
_COMPACTION_SECONDS = 30
# Time for the senders to get their series ready, and more than the questions take.
_SETTING_UP_SECONDS, _LONGEST_SECONDS = 10, 3600
_TURNS = 5
# Those that a dashboard would have.
_QUESTIONS = (HEAVY[0], HEAVY[3], HEAVY[5], HEAVY[8], HEAVY[13], HEAVY[15])


@dataclass(frozen=True, slots=True)
class LiveRow:
    """What became of a question while samples came in, and when all was merged."""

    live: Row
    merged: Row


def measure(folder: Path, *, series: int, hours: float) -> list[LiveRow]:
    """Run both systems on new data; return how the questions did."""
    with (
        prometheus(folder / "prometheus") as its_prometheus,
        portal(folder / "portal", PROMQL_COMPAT="2") as its_portal,
    ):
        os.environ |= {
            "DATA_DIR": str(its_portal.data_dir),
            "DJANGO_SETTINGS_MODULE": "observability.settings",
        }
        systems = [its_prometheus, its_portal]
        dataset = Dataset.until_now(series=series, hours=hours)
        services = Services(series // SERIES_A_TARGET)
        rounds = (dataset.end_ms - dataset.start_ms) // INTERVAL_MS
        _write(systems, services, dataset.start_ms, rounds - _NEWEST_ROUNDS, ROUNDS_A_BODY)
        wait_until_compacted(its_prometheus, its_portal)
        with _without_merges(its_portal):
            start_ms = dataset.end_ms - _NEWEST_ROUNDS * INTERVAL_MS
            start_ms = _catch_up(systems, services, start_ms)
            with _load(systems, services, start_ms):
                live = [_ask_now(systems, question, dataset) for question in _QUESTIONS]
                ended_ms = int(time.time() * 1000)
        wait_until_compacted(its_prometheus, its_portal)
        merged = [
            ask(systems, question, dataset, turns=_TURNS, end_ms=ended_ms)
            for question in _QUESTIONS
        ]
    return [LiveRow(*rows) for rows in zip(live, merged, strict=True)]


def section(rows: Sequence[LiveRow], *, series: int) -> str:
    """Return the figures in Markdown."""
    lines = [
        f"### While samples come in, {series:,} series",
        "",
        f"The newest hour lies in segments of a minute, and {SAMPLES_A_SECOND:,} samples a second are written; then the"
        " same when all is merged and nothing is written.",
        "",
        "| Query | Prometheus | Portal | Portal, merged | To merged | To Prometheus |",
        "| --- " + "| ---: " * 5 + "|",
    ]
    for row in rows:
        portal_live, portal_merged = row.live.seconds[1], row.merged.seconds[1]
        problem = row.live.problem or row.merged.problem
        lines.append(
            f"| {row.live.question.name} | {row.live.seconds[0] * 1000:.0f} ms |"
            f" {portal_live * 1000:.0f} ms | {portal_merged * 1000:.0f} ms |"
            f" {portal_live / portal_merged:.2f} | {problem or f'{row.live.ratio:.2f}'} |"
        )
    to_merged = geometric_mean([row.live.seconds[1] / row.merged.seconds[1] for row in rows])
    to_prometheus = geometric_mean([row.live.ratio for row in rows])
    lines.append(f"| **geometric mean** | | | | **{to_merged:.2f}** | **{to_prometheus:.2f}** |")
    return "\n".join(lines) + "\n"


def _ask_now(systems: Sequence[System], question: Question, dataset: Dataset) -> Row:
    # What was written by then is there in both.
    return ask(systems, question, dataset, turns=_TURNS, end_ms=int(time.time() * 1000))


def _write(
    systems: Sequence[System], services: Services, start_ms: int, rounds: int, rounds_a_body: int
) -> None:
    for body in services.bodies(start_ms=start_ms, rounds=rounds, rounds_a_body=rounds_a_body):
        for system in systems:
            send(system.port, [body])


def _catch_up(systems: Sequence[System], services: Services, start_ms: int) -> int:
    """Write until now, compacting as of each minute; return the time of the next round."""
    from observability.metrics.store import compaction  # noqa: PLC0415 (settings are ready only now)

    while (next_ms := start_ms + _MINUTE_ROUNDS * INTERVAL_MS) < time.time() * 1000:
        _write(systems, services, start_ms, _MINUTE_ROUNDS, _MINUTE_ROUNDS)
        compaction.compact_log(now_ms=next_ms, seconds=600)
        start_ms = next_ms
    return start_ms


@contextmanager
def _without_merges(system: System) -> Iterator[None]:
    """Keep the bulk worker from its work."""
    workers = system.processes_of("bulk")
    for worker in workers:
        worker.suspend()
    try:
        yield
    finally:
        for worker in workers:
            worker.resume()


@contextmanager
def _load(systems: Sequence[System], services: Services, start_ms: int) -> Iterator[None]:
    """Write 20,000 samples a second to each system meanwhile, and compact the portal's log."""
    ending = threading.Event()
    others = SAMPLES_A_SECOND - services.targets * SERIES_A_TARGET * 1000 // INTERVAL_MS
    threads = [
        threading.Thread(target=_keep_on, args=(systems, services, start_ms, ending)),
        threading.Thread(target=_keep_compacting, args=(ending,)),
    ]
    now = time.time()
    paced = {
        "series_count": _OTHER_SERIES,
        "interval": _OTHER_SERIES / others,
        "starts_at": now + _SETTING_UP_SECONDS,
        "ends_at": now + _LONGEST_SECONDS,
    }
    context = multiprocessing.get_context("spawn")
    senders = [
        context.Process(target=send_paced, args=(system.port, number), kwargs=paced)
        for system in systems
        for number in range(CONNECTIONS)
    ]
    for sender in senders:
        sender.start()
    for thread in threads:
        thread.start()
    try:
        time.sleep(_SETTING_UP_SECONDS + 2 * _COMPACTION_SECONDS)
        yield
        if not all(sender.is_alive() for sender in senders):
            raise SystemExit("a sender has ended")
    finally:
        ending.set()
        for sender in senders:
            sender.terminate()
            sender.join()
        for thread in threads:
            thread.join()


def _keep_on(
    systems: Sequence[System], services: Services, start_ms: int, ending: threading.Event
) -> None:
    """Write a round of the services when it is due."""
    while not ending.wait(max(start_ms / 1000 + INTERVAL_MS / 1000 - time.time(), 0)):
        _write(systems, services, start_ms, 1, 1)
        start_ms += INTERVAL_MS


def _keep_compacting(ending: threading.Event) -> None:
    from observability.metrics.store import compaction  # noqa: PLC0415 (settings are ready only now)

    while not ending.wait(_COMPACTION_SECONDS):
        compaction.compact_log(now_ms=int(time.time() * 1000), seconds=_COMPACTION_SECONDS)
