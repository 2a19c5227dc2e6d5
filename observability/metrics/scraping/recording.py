"""Stores what scrapes gave: samples, stale markers, and the state of the targets, all in one transaction.

Whoever was too slow finds another lease on the target's row, or no row, and stores nothing. So
the series that a row says were there are always those of the last scrape that is stored.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from numpy.typing import NDArray

from observability.metrics.exemplars import Exemplar
from observability.metrics.ingest.exposition_text.exemplar import decode_exemplar
from observability.metrics.ingest.exposition_text.exposition import NO_TIMESTAMP
from observability.metrics.ingest.intake import Incoming, take_in
from observability.metrics.ingest.sender import Sender
from observability.metrics.ingest.series_labels import UnacceptableSeriesError, checked_labels
from observability.metrics.samples import Metadata, MetricType
from observability.metrics.scraping.claims import Claim
from observability.metrics.scraping.instruments import SCRAPES, SCRAPES_LOST
from observability.metrics.scraping.models import Health, ScrapeTarget
from observability.metrics.scraping.sample_labels import Scope
from observability.metrics.scraping.scrape import Scraped
from observability.metrics.scraping.tracked_series import TrackedSeries, difference
from observability.promql.labels import METRIC_NAME, LabelSet
from observability.promql.staleness import STALE_NAN

PROTOCOL = "scrape"
SENDER = Sender(name="scraping")

_REPORTS: Mapping[str, Metadata] = {
    "up": Metadata(type=MetricType.GAUGE, help="Whether the last scrape succeeded."),
    "scrape_duration_seconds": Metadata(
        type=MetricType.GAUGE, help="Duration of the scrape.", unit="seconds"
    ),
    "scrape_samples_scraped": Metadata(
        type=MetricType.GAUGE, help="Samples that the target exposed."
    ),
    "scrape_samples_post_metric_relabeling": Metadata(
        type=MetricType.GAUGE, help="Samples that metric relabeling left."
    ),
    "scrape_series_added": Metadata(
        type=MetricType.GAUGE, help="Series that were not there in the scrape before."
    ),
}
# What the first byte of a key says about the rest: a series line behind a scope's id, the name of
# a series about the scrape behind a scope's id, or labels as JSON.
_LINE, _REPORT, _LABELS = b"l", b"r", b"="
_SCOPE_END = 1 + 16
_MAX_ERROR_LENGTH = 2_000
_MOST_FAULTS = 3

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one scrape of a claimed target went.

    Attributes:
        claim: The target.
        at_ms: The time of its samples.
        duration_seconds: How long it took.
        scraped: What it gave; None when it failed, or when there was none because the target is gone.
        error: Why it failed, '' when it did not.
        scraped_count: How many samples the target exposed, failed or not.
        kept_count: How many of them metric relabeling left.
    """

    claim: Claim
    at_ms: int
    duration_seconds: float = 0.0
    scraped: Scraped | None = None
    error: str = ""
    scraped_count: int = 0
    kept_count: int = 0


@dataclass(slots=True)
class _Samples:
    """Samples of several targets on their way into the store."""

    keys: list[bytes] = field(default_factory=list)
    timestamps_ms: list[NDArray[np.int64]] = field(default_factory=list)
    values: list[NDArray[np.float64]] = field(default_factory=list)
    scopes: dict[bytes, Scope] = field(default_factory=dict)
    # Why series of a scope were refused.
    faults: dict[bytes, list[str]] = field(default_factory=dict)
    metadata: dict[str, Metadata] = field(default_factory=dict)
    # By the place of their key.
    exemplars: dict[int, list[Exemplar]] = field(default_factory=dict)

    def add_outcome(self, outcome: Outcome, *, series_added: int) -> None:
        """Add what a target gave, and the series about the scrape; markers of their end when it is gone."""
        scope = outcome.claim.scope
        self.scopes[scope.id] = scope
        if outcome.scraped:
            self._add_scraped(outcome.scraped, scope, outcome.at_ms)
        values = (
            float(not outcome.error),
            outcome.duration_seconds,
            float(outcome.scraped_count),
            float(outcome.kept_count),
            float(series_added),
        )
        if outcome.claim.is_gone:
            values = (STALE_NAN,) * 5
        self._add([_REPORT + scope.id + name.encode() for name in _REPORTS], values, outcome.at_ms)
        self.metadata |= _REPORTS

    def add_ended(self, ended: Sequence[LabelSet], at_ms: int) -> None:
        """Add markers that series have ended."""
        keys = [_LABELS + json.dumps(dict(labels), sort_keys=True).encode() for labels in ended]
        self._add(keys, [STALE_NAN] * len(keys), at_ms)

    def faults_of(self, scope: Scope) -> str:
        """Return in words which series of a target were refused, '' when none was."""
        faults = self.faults.get(scope.id, [])
        if not faults:
            return ""
        return f"{len(faults)} series left out: {'; '.join(faults[:_MOST_FAULTS])}"

    def _add(self, keys: Sequence[bytes], values: Sequence[float], at_ms: int) -> None:
        self.keys += keys
        self.values.append(np.array(values, np.float64))
        self.timestamps_ms.append(np.full(len(keys), at_ms, np.int64))

    def _add_scraped(self, scraped: Scraped, scope: Scope, at_ms: int) -> None:
        for place, text in scraped.exemplars.items():
            if exemplar := decode_exemplar(text, default_ms=at_ms):
                self.exemplars[len(self.keys) + place] = [exemplar]
        prefix = _LINE + scope.id
        self.keys += [prefix + key for key in scraped.keys]
        self.values.append(scraped.values)
        times = np.full(len(scraped.keys), at_ms, np.int64)
        if scraped.timestamps_ms is not None:
            given = scraped.timestamps_ms
            times = np.where(given == NO_TIMESTAMP, times, given)
        self.timestamps_ms.append(times)
        self.metadata |= scraped.metadata

    def decode(self, key: bytes) -> Mapping[str, str]:
        """Return the labels of a key."""
        kind, scope_id, rest = key[:1], key[1:_SCOPE_END], key[_SCOPE_END:]
        if kind == _LABELS:
            ended: dict[str, str] = json.loads(key[1:])
            return ended
        scope = self.scopes[scope_id]
        if kind == _REPORT:
            return {METRIC_NAME: rest.decode(), **scope.target_labels}
        labels = scope.labels(rest) or {}
        try:
            checked_labels(labels, {})
        except UnacceptableSeriesError as error:
            self.faults.setdefault(scope_id, []).append(str(error))
            raise
        return labels

    def incoming(self) -> Incoming:
        """Return all samples as the store takes them in."""
        return Incoming(
            keys=self.keys,
            series=np.arange(len(self.keys), dtype=np.int64),
            timestamps_ms=np.concatenate(self.timestamps_ms),
            values=np.concatenate(self.values),
            decode=self.decode,
            metadata=self.metadata,
            exemplars=self.exemplars,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What is written into a target's row; `series` is None when it stays."""

    outcome: Outcome
    error: str
    digest: bytes
    series: bytes | None


def record(outcomes: Sequence[Outcome], *, now_ms: int) -> int:
    """Store scrapes; return how many. Those whose lease is lost are left out.

    When something is wrong with one of them, the others are stored all the same.

    Raises:
        OperationalError, InterfaceError: The database is away; nothing was stored.
    """
    try:
        return _record(outcomes, now_ms=now_ms)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # noqa: BLE001 (must not stop the others; the log has the traceback)
        if len(outcomes) > 1:
            return sum(record([outcome], now_ms=now_ms) for outcome in outcomes)
        SCRAPES_LOST.inc()
        _log.exception("scrape not stored", target=outcomes[0].claim.target_id)
        return 0


@transaction.atomic
def _record(outcomes: Sequence[Outcome], *, now_ms: int) -> int:
    digests = _lock(outcomes)
    held = [outcome for outcome in outcomes if outcome.claim.target_id in digests]
    SCRAPES_LOST.inc(len(outcomes) - len(held))
    if not held:
        return 0
    tracked = {outcome.claim.target_id: _tracked(outcome) for outcome in held}
    new_digests = {target_id: series.digest for target_id, series in tracked.items()}
    changed = [target_id for target_id, new in new_digests.items() if new != digests[target_id]]
    before = _series_before(changed)
    samples = _Samples()
    for outcome in held:
        target_id = outcome.claim.target_id
        added = 0
        if target_id in before:
            news = difference(before[target_id], tracked[target_id])
            samples.add_ended(news.ended, outcome.at_ms)
            added = news.added
        samples.add_outcome(outcome, series_added=added)
    take_in(samples.incoming(), protocol=PROTOCOL, sender=SENDER, now_ms=now_ms)
    ScrapeTarget.objects.filter(
        pk__in=[outcome.claim.target_id for outcome in held if outcome.claim.is_gone]
    ).delete()
    _write(
        [
            _State(
                outcome=outcome,
                error=outcome.error or samples.faults_of(outcome.claim.scope),
                digest=new_digests[outcome.claim.target_id],
                series=tracked[outcome.claim.target_id].encode()
                if outcome.claim.target_id in before
                else None,
            )
            for outcome in held
            if not outcome.claim.is_gone
        ]
    )
    return len(held)


def _tracked(outcome: Outcome) -> TrackedSeries:
    """Return the series that must be ended when they are gone: not those with times of their own."""
    scraped = outcome.scraped
    keys: Sequence[bytes] = scraped.keys if scraped else []
    if scraped and scraped.timestamps_ms is not None:
        has_none = (scraped.timestamps_ms == NO_TIMESTAMP).tolist()
        keys = list(itertools.compress(keys, has_none))
    return TrackedSeries(scope=outcome.claim.scope, keys=keys)


def _lock(outcomes: Sequence[Outcome]) -> dict[int, bytes]:
    """Lock the rows of targets whose lease is still held; return the hashes of their series."""
    ids = [outcome.claim.target_id for outcome in outcomes]
    leases = [outcome.claim.lease_until for outcome in outcomes]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT target.id, target.series_digest FROM metrics_scrapetarget AS target"
            " JOIN unnest(%s::bigint[], %s::timestamptz[]) AS held (id, lease_until)"
            " ON target.id = held.id AND target.lease_until = held.lease_until"
            " ORDER BY target.id FOR NO KEY UPDATE OF target",
            [ids, leases],
        )
        return {target_id: bytes(digest) for target_id, digest in cursor.fetchall()}


def _series_before(target_ids: Sequence[int]) -> dict[int, TrackedSeries | None]:
    """Return the series of these targets' last scrapes."""
    if not target_ids:
        return {}
    rows = ScrapeTarget.objects.filter(pk__in=target_ids).values_list("pk", "series")
    return {target_id: TrackedSeries.decode(bytes(series)) for target_id, series in rows}


def _write(states: Sequence[_State]) -> None:
    """Write how the scrapes went into the rows of the targets, in one statement for all."""
    if not states:
        return
    columns: list[Any] = [
        [state.outcome.claim.target_id for state in states],
        [Health.DOWN if state.outcome.error else Health.UP for state in states],
        [datetime.fromtimestamp(state.outcome.at_ms / 1000, UTC) for state in states],
        [state.outcome.duration_seconds * 1000 for state in states],
        [state.error[:_MAX_ERROR_LENGTH].replace("\x00", "\ufffd") for state in states],
        [state.outcome.scraped_count for state in states],
        [state.outcome.kept_count for state in states],
        [state.digest for state in states],
        [state.series for state in states],
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE metrics_scrapetarget AS target SET health = new.health,"
            " last_scrape_at = new.last_scrape_at, duration_ms = new.duration_ms,"
            " last_error = new.last_error, scraped_samples = new.scraped_samples,"
            " kept_samples = new.kept_samples, series_digest = new.series_digest,"
            " series = coalesce(new.series, target.series), lease_until = NULL"
            " FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::float8[], %s::text[],"
            "  %s::int[], %s::int[], %s::bytea[], %s::bytea[])"
            " AS new (id, health, last_scrape_at, duration_ms, last_error, scraped_samples,"
            "  kept_samples, series_digest, series) WHERE target.id = new.id",
            columns,
        )
    for state in states:
        SCRAPES.labels("failure" if state.outcome.error else "success").inc()
