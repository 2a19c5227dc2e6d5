"""What a job would find and get, tried before it is saved; nothing is stored."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from observability.access.outgoing import OutgoingResponse
from observability.metrics.errors import BodyTooLargeError, MalformedBodyError
from observability.metrics.ingest.exposition_text.exposition import (
    Exposition,
    TextFormat,
    format_of,
)
from observability.metrics.ingest.exposition_text.parsing import parse
from observability.metrics.ingest.series_labels import UnacceptableSeriesError
from observability.metrics.scraping.discovery.registry import find_groups
from observability.metrics.scraping.errors import DiscoveryError, ScrapeError
from observability.metrics.scraping.models import ScrapeJob
from observability.metrics.scraping.sample_labels import Scope, make_scope
from observability.metrics.scraping.scrape import read, request
from observability.metrics.scraping.targets import FoundTargets, Target, TargetGroup, find_targets
from observability.metrics.scraping.terms import terms_of
from observability.promql.labels import format_metric, label_set

_SERIES_SHOWN = 20
_LINES_SHOWN = 20
_LINE_LENGTH = 300


@dataclass(slots=True, kw_only=True)
class Discovery:
    """What the sources of a job list, and what relabeling makes of it.

    Attributes:
        found: Targets, and what is dropped or cannot be scraped.
        errors: Of sources that could not be asked.
    """

    found: FoundTargets
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesTrial:
    """A series line, and what metric relabeling makes of it: '' when it drops it."""

    line: str
    becomes: str


@dataclass(slots=True, kw_only=True)
class Trial:
    """What a target answered.

    Attributes:
        target: Which was asked.
        error: Why a scrape of it would fail, '' when it would not.
        duration_ms: How long it took.
        status: The HTTP status, None when there was no answer.
        media_type: What the answer says it is.
        size: Of the unpacked answer in bytes.
        scraped: How many samples it has.
        kept: How many of them metric relabeling leaves.
        series: The first of them.
        lines: The first lines of the answer.
    """

    target: Target
    error: str = ""
    duration_ms: float = 0.0
    status: int | None = None
    media_type: str = ""
    size: int = 0
    scraped: int = 0
    kept: int = 0
    series: Sequence[SeriesTrial] = ()
    lines: Sequence[str] = ()


def try_discovery(job: ScrapeJob, sources: Sequence[tuple[str, Mapping[str, Any]]]) -> Discovery:
    """Ask sources, given by kind and config, and return the targets that the job makes of them."""
    groups: list[TargetGroup] = []
    errors: list[str] = []
    for kind, config in sources:
        try:
            groups += find_groups(kind, dict(config))
        except DiscoveryError as error:
            errors.append(str(error))
    return Discovery(found=find_targets(job, groups), errors=errors)


def try_target(job: ScrapeJob, target: Target) -> Trial:
    """Ask a target as a scrape would, and return all that its operator wants to know."""
    trial = Trial(target=target)
    terms = terms_of(job)
    scope = make_scope(target.labels, honor_labels=job.honor_labels, rules=job.metric_relabel_rules)
    started = time.perf_counter()
    try:
        response = request(target.url, terms, timeout_ms=target.timeout_ms)
        trial.duration_ms = (time.perf_counter() - started) * 1000
        _describe(trial, response, scope)
        scraped = read(response, scope, terms)
        trial.scraped, trial.kept = scraped.scraped, len(scraped.keys)
    except ScrapeError as error:
        trial.duration_ms = trial.duration_ms or (time.perf_counter() - started) * 1000
        trial.error, trial.scraped, trial.kept = str(error), error.scraped, error.kept
    return trial


def _describe(trial: Trial, response: OutgoingResponse, scope: Scope) -> None:
    trial.status, trial.size = response.status, len(response.body)
    trial.media_type = response.headers.get("Content-Type", "")
    text = response.body[: _LINES_SHOWN * _LINE_LENGTH].decode(errors="replace")
    trial.lines = [line[:_LINE_LENGTH] for line in text.splitlines()[:_LINES_SHOWN]]
    try:
        exposition = parse(response.body, format_of(trial.media_type) or TextFormat.PROMETHEUS)
    except (MalformedBodyError, BodyTooLargeError):
        return  # the scrape says what is wrong
    if response.status == 200:
        trial.series = _series(exposition, scope)


def _series(exposition: Exposition, scope: Scope) -> list[SeriesTrial]:
    shown = []
    for key in exposition.keys[:_SERIES_SHOWN]:
        try:
            labels = scope.labels(key)
        except UnacceptableSeriesError as error:
            becomes = str(error)
        else:
            becomes = "" if labels is None else format_metric(label_set(labels))
        shown.append(SeriesTrial(line=key.decode(errors="replace"), becomes=becomes))
    return shown
