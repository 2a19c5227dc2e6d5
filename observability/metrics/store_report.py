"""The figures of the store page: counted in the background, kept in the cache until the next time."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import numpy as np
from django.conf import settings
from django.core.cache import cache

from observability.embedded.locations import embedded_database_url
from observability.metrics.backend import get_backend
from observability.metrics.own_figures import values_now
from observability.metrics.store.cardinality import Cardinality, measure_cardinality
from observability.metrics.store.statistics import StoreStatistics, collect_statistics
from observability.promql import Matrix, PromQLError

TOP = 10
_REPORT_KEY, _PROGRESS_KEY = "metrics:store-report", "metrics:store-report-progress"
# A worker that died is not waited for longer.
_PROGRESS_SECONDS = 300
_SIZE = "sum(max by (part) (portal_store_bytes))"
_GROWTH_MS, _GROWTH_STEP_MS = 86_400_000, 600_000
# Growth is told once the store has been watched for an hour.
_LEAST_POINTS = 7
_INGEST_RATE = "sum(rate(portal_samples_ingested_total[2m]))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How fast the store grows, and how long there is room.

    Attributes:
        bytes_per_second: Over the last day; negative when it shrinks.
        free_bytes: Of the disk that it is on; None when that is another machine's.
    """

    bytes_per_second: float
    free_bytes: int | None

    @property
    def bytes_per_day(self) -> float:
        """Return the growth of a day at this pace."""
        return self.bytes_per_second * 86_400

    @property
    def seconds_left(self) -> float | None:
        """Return when the disk is full at this pace; None when it will not be, or is not known."""
        if self.free_bytes is None or self.bytes_per_second <= 0:
            return None
        return self.free_bytes / self.bytes_per_second


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReport:
    """The state of the store at one time.

    Attributes:
        as_of_ms: When counting began.
        seconds: How long it took.
        statistics: Tiers, samples, sizes.
        cardinality: Where series come from.
        growth: None when too little is known.
    """

    as_of_ms: int
    seconds: float
    statistics: StoreStatistics
    cardinality: Cardinality
    growth: Growth | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far counting has come: which step is being done, of how many; 0 while it waits for a worker."""

    step: int
    steps: int
    doing: str


_T = TypeVar("_T")
_STEPS = ("samples and sizes", "series and labels", "growth")


def make_report(
    *, now_ms: int, top: int = TOP, tell: Callable[[Progress], None] = lambda progress: None
) -> StoreReport:
    """Count everything now, telling each step before it is done."""

    def next_step(number: int) -> None:
        tell(Progress(step=number, steps=len(_STEPS), doing=_STEPS[number - 1]))

    began = time.monotonic()
    next_step(1)
    statistics = collect_statistics(now_ms=now_ms)
    next_step(2)
    cardinality = measure_cardinality(top=top)
    next_step(3)
    growth = _growth(now_ms)
    return StoreReport(
        as_of_ms=now_ms,
        seconds=time.monotonic() - began,
        statistics=statistics,
        cardinality=cardinality,
        growth=growth,
    )


def request_report() -> bool:
    """Say that somebody has ordered a report, unless one is being made; True for who is to order it."""
    return cache.add(_PROGRESS_KEY, _encoded(_waiting()), _PROGRESS_SECONDS)


def refresh_report() -> None:
    """Count everything and keep it; who comes while another counts leaves it to that one."""
    now_ms = int(time.time() * 1000)
    current = progress()
    if current is not None and current.step > 0:
        return
    try:
        report = make_report(now_ms=now_ms, tell=_tell)
        cache.set(_REPORT_KEY, msgspec.json.encode(report), timeout=None)
    finally:
        cache.delete(_PROGRESS_KEY)


def kept_report() -> StoreReport | None:
    """Return the last report; None when there is none, or only one of another version."""
    return _decoded(cache.get(_REPORT_KEY), StoreReport)


def progress() -> Progress | None:
    """Return how far the report is that is being made; None when none is."""
    return _decoded(cache.get(_PROGRESS_KEY), Progress)


def ingest_rate() -> float | None:
    """Return the samples that come in a second now; None when that is not known."""
    return next((rate for _, rate in values_now(_INGEST_RATE)), None)


def _waiting() -> Progress:
    return Progress(step=0, steps=len(_STEPS), doing="")


def _tell(progress: Progress) -> None:
    cache.set(_PROGRESS_KEY, _encoded(progress), _PROGRESS_SECONDS)


def _encoded(progress: Progress) -> bytes:
    return msgspec.json.encode(progress)


def _decoded(kept: bytes | None, kind: type[_T]) -> _T | None:
    if kept is None:
        return None
    try:
        return msgspec.json.decode(kept, type=kind)
    except msgspec.MsgspecError:
        return None


def _growth(now_ms: int) -> Growth | None:
    try:
        result = get_backend().query_range(
            _SIZE, start_ms=now_ms - _GROWTH_MS, end_ms=now_ms, step_ms=_GROWTH_STEP_MS
        )
    except PromQLError:  # takes too long; all else is worth telling without it
        return None
    if not isinstance(result.value, Matrix):
        return None
    for _, timestamps_ms, sizes in result.value.series():
        if len(sizes) >= _LEAST_POINTS:
            seconds = (timestamps_ms - timestamps_ms[0]) / 1000
            slope, _ = np.polyfit(seconds, sizes, 1)
            return Growth(bytes_per_second=float(slope), free_bytes=_free_bytes())
    return None


def _free_bytes() -> int | None:
    is_here = embedded_database_url(settings.DATA_DIR) == settings.DATABASE_URL
    return shutil.disk_usage(settings.DATA_DIR).free if is_here else None
