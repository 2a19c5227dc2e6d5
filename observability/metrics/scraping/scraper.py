"""The process that scrapes: it claims what is due, asks targets side by side, and stores the answers.

Three kinds of threads. The main one claims targets a moment before they are due and starts each
scrape at its time; threads of two bounded pools wait for the targets, those that did not answer
last time apart from the others, so that many dead ones cannot take the places of the living; one thread
stores whatever has come in since it last stored, in one transaction.
"""

from __future__ import annotations

import heapq
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection

from observability.metrics.ingest.disk_space import require_room
from observability.metrics.scraping.claims import Claim, TermsMemory, claim_due_targets, release
from observability.metrics.scraping.discovery.refreshing import (
    SourceAnswer,
    SourceClaim,
    ask,
    claim_due_sources,
    note_answer,
)
from observability.metrics.scraping.errors import ScrapeError
from observability.metrics.scraping.instruments import SCRAPE_LATENESS
from observability.metrics.scraping.recording import Outcome, record
from observability.metrics.scraping.scrape import scrape
from observability.telemetry.heartbeats import leave_heartbeat, withdraw_heartbeat

ROLE = "scrape"
_CLAIM_SECONDS = 1.0
_HEARTBEAT_SECONDS = 5.0
# How long before their time targets are claimed: until after the next claim.
_AHEAD = timedelta(seconds=1.2)
# A scrape that starts so little late, as a part of its interval, bears the time it was due at:
# even spacing compresses better, and rates do not notice.
_TOLERANCE = 0.01
# What one transaction takes: little enough that it is done within a second even when all series are new.
_MOST_STORED_TOGETHER = 50
_MOST_SAMPLES_TOGETHER = 10_000
_DISCOVERY_THREADS = 4

_log = structlog.get_logger(__name__)


class Scraper:
    """Scrapes until it is stopped.

    Args:
        concurrency: How many targets are asked at once; half of the places are for those that
            did not answer last time.
    """

    def __init__(self, *, concurrency: int) -> None:
        self._lanes = {
            silent: _Lane(max(1, concurrency // 2), silent=silent) for silent in (False, True)
        }
        self._discovery = ThreadPoolExecutor(_DISCOVERY_THREADS, thread_name_prefix="discover")
        self._memory = TermsMemory()
        # Bounded: when storing does not keep up, the threads that ask wait with their answers.
        self._results: queue.Queue[Outcome | SourceAnswer | None] = queue.Queue(maxsize=200)
        self._waiting: list[tuple[int, int, Claim, _Lane]] = []
        self._storing = threading.Thread(target=self._store, name="store", daemon=True)

    def run(self, wait: Callable[[float], bool]) -> None:
        """Scrape until `wait`, which sleeps so many seconds, says that it is over."""
        self._storing.start()
        next_claim = next_heartbeat = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= next_heartbeat:
                _try("heartbeat", partial(leave_heartbeat, ROLE))
                next_heartbeat = now + _HEARTBEAT_SECONDS
            if now >= next_claim:
                _try("claim", self._claim)
                next_claim = max(next_claim + _CLAIM_SECONDS, time.monotonic())
            self._start_due()
            if wait(min(self._seconds_to_next_start(), next_claim - time.monotonic())):
                break
        self._stop()

    def _claim(self) -> None:
        close_old_connections()
        now = datetime.now(UTC)
        for silent, lane in self._lanes.items():
            for claim in claim_due_targets(
                now=now, ahead=_AHEAD, limit=lane.free, silent=silent, memory=self._memory
            ):
                lane.take()
                heapq.heappush(self._waiting, (claim.due_ms, claim.target_id, claim, lane))
        for source in claim_due_sources(now=now, limit=_DISCOVERY_THREADS):
            self._discovery.submit(self._ask, source)

    def _start_due(self) -> None:
        now_ms = _now_ms()
        while self._waiting and self._waiting[0][0] <= now_ms:
            _, _, claim, lane = heapq.heappop(self._waiting)
            lane.run(self._scrape, claim)

    def _seconds_to_next_start(self) -> float:
        return (
            (self._waiting[0][0] - time.time() * 1000) / 1000 if self._waiting else _CLAIM_SECONDS
        )

    def _ask(self, claim: SourceClaim) -> None:
        self._results.put(ask(claim))

    def _scrape(self, claim: Claim) -> None:
        self._results.put(scrape_claimed(claim, started_ms=_now_ms()))

    def _store(self) -> None:
        """Store what comes in, until None does."""
        is_last = False
        while not is_last:
            batch = self._next_batch()
            for answer in batch:
                if isinstance(answer, SourceAnswer):
                    _try("discovery", partial(_note, answer))
            if outcomes := [result for result in batch if isinstance(result, Outcome)]:
                _try("store", partial(_record, outcomes))
            is_last = None in batch
        connection.close()

    def _next_batch(self) -> list[Outcome | SourceAnswer | None]:
        """Wait for a result, and return it with those that have come in since."""
        batch = [self._results.get()]
        sample_count = 0
        while len(batch) < _MOST_STORED_TOGETHER and sample_count < _MOST_SAMPLES_TOGETHER:
            if isinstance(batch[-1], Outcome):
                sample_count += batch[-1].kept_count
            try:
                batch.append(self._results.get_nowait())
            except queue.Empty:
                break
        return batch

    def _stop(self) -> None:
        """Give back what has not begun, and wait for what has: no longer than the longest timeout."""
        _try("release", partial(release, [claim for _, _, claim, _ in self._waiting]))
        for lane in self._lanes.values():
            lane.close()
        self._discovery.shutdown(cancel_futures=True)
        self._results.put(None)
        self._storing.join()
        _try("heartbeat", partial(withdraw_heartbeat, ROLE))
        connection.close()


class _Lane:
    """A bounded number of threads, and places for what waits for its time."""

    def __init__(self, places: int, *, silent: bool) -> None:
        self._places = places
        self._taken = 0
        self._lock = threading.Lock()
        name = "scrape-silent" if silent else "scrape"
        self._threads = ThreadPoolExecutor(places, thread_name_prefix=name)

    @property
    def free(self) -> int:
        """Return how many more may be taken."""
        with self._lock:
            return self._places - self._taken

    def take(self) -> None:
        """Take a place."""
        with self._lock:
            self._taken += 1

    def run(self, act: Callable[[Claim], None], claim: Claim) -> None:
        """Do something in a thread, and free the place."""
        self._threads.submit(self._run, act, claim)

    def _run(self, act: Callable[[Claim], None], claim: Claim) -> None:
        try:
            act(claim)
        finally:
            with self._lock:
                self._taken -= 1

    def close(self) -> None:
        """Wait until all that was begun has ended."""
        self._threads.shutdown()


def scrape_claimed(claim: Claim, *, started_ms: int) -> Outcome:
    """Scrape a claimed target; what goes wrong is part of the outcome.

    Args:
        claim: The target.
        started_ms: The time now.
    """
    started = time.perf_counter()
    late_ms = started_ms - claim.due_ms
    at_ms = claim.due_ms if 0 <= late_ms <= claim.interval_ms * _TOLERANCE else started_ms
    if claim.is_gone:
        return Outcome(claim=claim, at_ms=started_ms)
    SCRAPE_LATENESS.observe(max(late_ms, 0) / 1000)
    try:
        scraped = scrape(claim.url, claim.scope, claim.terms, timeout_ms=claim.timeout_ms)
    except ScrapeError as error:
        return Outcome(
            claim=claim,
            at_ms=at_ms,
            duration_seconds=time.perf_counter() - started,
            error=str(error),
            scraped_count=error.scraped,
            kept_count=error.kept,
        )
    except Exception as error:  # noqa: BLE001 (a bug met by one target must not end its thread unseen)
        _log.exception("target not scraped", target=claim.target_id)
        return Outcome(
            claim=claim,
            at_ms=at_ms,
            duration_seconds=time.perf_counter() - started,
            error=f"internal error: {error}",
        )
    return Outcome(
        claim=claim,
        at_ms=at_ms,
        duration_seconds=time.perf_counter() - started,
        scraped=scraped,
        scraped_count=scraped.scraped,
        kept_count=len(scraped.keys),
    )


def _record(outcomes: Sequence[Outcome]) -> None:
    close_old_connections()
    require_room()
    record(outcomes, now_ms=_now_ms())


def _note(answer: SourceAnswer) -> None:
    close_old_connections()
    note_answer(answer, now=datetime.now(UTC))


def _try(what: str, act: Callable[[], object]) -> None:
    """Do something whose failure must not end the process: the database or Redis may come back."""
    try:
        act()
    except DatabaseError as error:
        connection.close()
        _log.warning("database is away", doing=what, error=str(error))
    except Exception as error:  # noqa: BLE001
        _log.warning("not done", doing=what, error=f"{type(error).__name__}: {error}")


def _now_ms() -> int:
    return int(time.time() * 1000)
