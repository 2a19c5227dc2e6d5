"""Real loopback targets, jobs that scrape them, and scrapes one after the other at times of the test's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from observability.metrics.backend import get_backend
from observability.metrics.scraping.claims import Claim, TermsMemory, claim_due_targets
from observability.metrics.scraping.discovery.refreshing import (
    ask,
    claim_due_sources,
    note_answer,
)
from observability.metrics.scraping.models import ScrapeJob, ScrapeSource, ScrapeTarget
from observability.metrics.scraping.recording import Outcome, record
from observability.metrics.scraping.scraper import scrape_claimed
from observability.promql import InstantVector
from observability.promql.staleness import STALE_NAN_BITS
from tests.access.http_server import Handler, Server, serve
from tests.metrics.store.database import read_all

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
STEP = timedelta(seconds=15)


@dataclass(slots=True)
class Exporter:
    """A target that answers what a test puts into it."""

    text: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/plain"})
    body: bytes | None = None
    server: Server = field(init=False)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def answer(self, handler: Handler) -> None:
        body = self.text.encode() if self.body is None else self.body
        handler.reply(self.status, body, self.headers)


@contextmanager
def exporter(text: str = "", **given: Any) -> Iterator[Exporter]:
    """Run a target for as long as the block lasts."""
    target = Exporter(text, **given)
    with serve(target.answer) as server:
        target.server = server
        yield target


def make_job(*addresses: str, name: str = "app", **fields: Any) -> ScrapeJob:
    """Make a job with a list of targets, and have the targets found."""
    job = ScrapeJob.objects.create(name=name, **fields)
    ScrapeSource.objects.create(
        job=job,
        kind="static",
        config={"targets": list(addresses), "labels": {}},
        next_refresh_at=START,
    )
    refresh_due(START)
    return job


def refresh_due(at: datetime) -> None:
    """Ask all sources that are due."""
    for source in claim_due_sources(now=at, limit=100):
        note_answer(ask(source), now=at)


def claim(at: datetime, *, limit: int = 100) -> list[Claim]:
    """Take all targets, due or not."""
    ScrapeTarget.objects.present().update(next_scrape_at=at)
    return claim_free(at, limit=limit)


def claim_free(at: datetime, *, limit: int = 100) -> list[Claim]:
    """Take the targets that are due."""
    memory = TermsMemory()
    return [
        claim
        for silent in (False, True)
        for claim in claim_due_targets(
            now=at, ahead=timedelta(0), limit=limit, silent=silent, memory=memory
        )
    ]


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def scrape_claims(claims: Sequence[Claim], at: datetime) -> list[Outcome]:
    return [scrape_claimed(claim, started_ms=milliseconds(at)) for claim in claims]


def scrape_all(number: int = 0) -> int:
    """Scrape all targets, as of the n-th step, and store what they give."""
    at = START + number * STEP
    outcomes = scrape_claims(claim(at), at)
    return record(outcomes, now_ms=milliseconds(at)) if outcomes else 0


def values(expr: str, number: int = 0) -> dict[str, float]:
    """Return the values of an instant query as of the n-th step, by all labels but `instance`."""
    result = get_backend().query(expr, at_ms=milliseconds(START + number * STEP))
    assert isinstance(result.value, InstantVector)
    return {
        ",".join(f"{n}={v}" for n, v in labels if n != "instance"): value
        for labels, value in result.value.samples()
    }


def only_value(expr: str, number: int = 0) -> float:
    """Return the value of a query with one series."""
    [value] = values(expr, number).values()
    return value


def stored_times(series_id: int) -> list[tuple[int, bool]]:
    """Return when a series has samples, in steps, and whether each is a marker of its end."""
    return [
        (round((at - milliseconds(START)) / (STEP.total_seconds() * 1000)), bits == STALE_NAN_BITS)
        for _, at, bits in read_all([series_id])
    ]
