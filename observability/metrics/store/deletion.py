"""Deletion of series, or of their samples in a range of time, on somebody's wish.

A wish is a row that says how far it has come. Workers take it in steps: each is one transaction
that holds the row, does a bounded piece of work and writes down where it stopped, so that a
worker that dies has done nothing, and the next goes on from there.

Whole series vanish for readers in the first phase; the other phases give back their space. Samples
of a range vanish day by day.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import numpy as np
import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from numpy.typing import NDArray

from observability.metrics.models import (
    Deletion,
    DeletionMetric,
    DeletionPhase,
    DeletionState,
    Metric,
)
from observability.metrics.period import Period
from observability.metrics.selectors import parse_selector
from observability.metrics.store import amendments, compaction, log, rewriting, unused, withdrawal
from observability.metrics.store.exemplars import removal as exemplars
from observability.metrics.store.page_table import SegmentGoneError
from observability.metrics.store.rewriting import EARLIEST_MS, LATEST_MS, Cut
from observability.metrics.store.rollups import days
from observability.metrics.store.rollups.forgetting import forget_series
from observability.metrics.store.rollups.resolutions import HOUR_MS
from observability.metrics.store.selection import find_series
from observability.metrics.store.windows import DAY_MS
from observability.promql.errors import PromQLError
from observability.promql.labels import METRIC_NAME
from observability.promql.matchers import Matcher, MatchOp, compile_regex

UNFINISHED = (DeletionState.REQUESTED, DeletionState.RUNNING)
# Each batch makes all processes forget the ids that they know, so they are not small.
_SERIES_PER_STEP = 50_000
_METRICS_PER_STEP = 100
_SECONDS_PER_STEP = 1.0
# How often a worker looks whether what it waits for has come.
_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_OF_PATIENCE = 2.0

_log = structlog.get_logger(__name__)


def read_selector(text: str) -> tuple[Matcher, ...]:
    """Return the matchers of a selector of series to delete.

    Raises:
        PromQLError: It is none, one that selects every series, or has a wrong regular expression.
    """
    matchers = parse_selector(text)
    for matcher in matchers:
        if matcher.op.is_regex:
            compile_regex(matcher.value)
    return matchers


def request(
    selectors: Sequence[str],
    *,
    start_ms: int | None = None,
    end_ms: int | None = None,
    requested_by: str,
) -> Deletion:
    """Write down the wish that something be deleted; workers then do it.

    Args:
        selectors: Series that any of these selects, if they exist now.
        start_ms: Only their samples from this time on.
        end_ms: Only their samples up to this time, itself included.
        requested_by: A person or key, as evidence.

    Raises:
        PromQLError: A selector cannot be read.
    """
    for text in selectors:
        read_selector(text)
    return Deletion.objects.create(
        selectors=list(selectors),
        start_ms=start_ms,
        end_ms=end_ms,
        requested_by=requested_by,
        last_series_id=_last_series_id(),
    )


def _last_series_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM metrics_series")
        (series_id,) = cursor.fetchone()
    return int(series_id)


def is_out_of_sight(deletion: Deletion) -> bool:
    """Say whether readers find nothing any more of what it deletes."""
    if deletion.state == DeletionState.DONE or deletion.phase == DeletionPhase.COLLECTING:
        return True
    return deletion.is_whole and deletion.phase != DeletionPhase.FINDING


def run_due(*, now_ms: int, seconds: float) -> bool:
    """Go on with all unfinished deletions, the oldest first; say whether one can go on at once.

    It ends when they are done or have to wait for others, or when time is up.
    """
    deadline = time.monotonic() + seconds
    patience = time.monotonic() + _SECONDS_OF_PATIENCE
    while due := _unfinished():
        moves = [advance(deletion_id) for deletion_id in due]
        # What most wait for is compaction, which may be waiting for this worker.
        if any(moves) or compaction.compact_log_once(now_ms=now_ms):
            patience = time.monotonic() + _SECONDS_OF_PATIENCE
        elif time.monotonic() > patience:
            return False
        else:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        if time.monotonic() > deadline:
            return True
    return False


def _unfinished() -> list[int]:
    return list(
        Deletion.objects.filter(state__in=UNFINISHED).order_by("pk").values_list("pk", flat=True)
    )


def advance(deletion_id: int) -> bool:
    """Do one step of a deletion; False when it has to wait, is over, or another worker has it."""
    try:
        with transaction.atomic():
            deletion = (
                Deletion.objects.select_for_update(skip_locked=True)
                .filter(pk=deletion_id, state__in=UNFINISHED)
                .first()
            )
            if deletion is None:
                return False
            if deletion.state == DeletionState.REQUESTED:
                deletion.state, deletion.started_at = DeletionState.RUNNING, timezone.now()
            has_moved = _PHASES[DeletionPhase(deletion.phase)](deletion)
            deletion.save()
        return has_moved
    except SegmentGoneError:  # retention was faster: the next time does without it
        return True
    except (OperationalError, InterfaceError):  # the next time may be luckier
        raise
    except (DatabaseError, PromQLError, ValueError) as error:
        _log.exception("deletion failed", deletion=deletion_id)
        Deletion.objects.filter(pk=deletion_id).update(
            state=DeletionState.FAILED, error=str(error), finished_at=timezone.now()
        )
        return False


def resume(deletion_id: int) -> bool:
    """Have a deletion that failed go on where it stopped; say whether there was such a one."""
    return bool(
        Deletion.objects.filter(pk=deletion_id, state=DeletionState.FAILED).update(
            state=DeletionState.RUNNING, error="", finished_at=None
        )
    )


def _find(deletion: Deletion) -> bool:
    """Take the next series out of the catalogue, or note whose segments hold the range."""
    metric_of, is_last = _next_series(deletion, after_id=deletion.cursor)
    if deletion.is_whole:
        metric_ids = withdrawal.delete_series(list(metric_of))
        deletion.series_count += len(metric_ids)
    else:
        metric_ids = list(metric_of.values())
        exemplars.delete_of(list(metric_of), Period(deletion.start_ms, deletion.end_ms))
        deletion.series_count += len(metric_of)
    DeletionMetric.objects.bulk_create(
        [
            DeletionMetric(deletion=deletion, metric_id=metric_id)
            for metric_id in sorted(set(metric_ids))
        ],
        ignore_conflicts=True,
    )
    deletion.cursor = max(metric_of, default=deletion.cursor)
    if is_last:
        deletion.phase, deletion.cursor = DeletionPhase.SETTLING, 0
    return True


def _next_series(deletion: Deletion, *, after_id: int) -> tuple[dict[int, int], bool]:
    """Return the next series that any selector selects, with their metrics; and whether they are the last."""
    found: dict[int, int] = {}
    bound = deletion.last_series_id
    for text in deletion.selectors:
        series = find_series(read_selector(text), after_id=after_id, limit=_SERIES_PER_STEP)
        found |= {each.id: each.metric_id for each in series}
        if len(series) == _SERIES_PER_STEP:
            bound = min(bound, series[-1].id)
    is_last = bound == deletion.last_series_id
    return {series_id: found[series_id] for series_id in found if series_id <= bound}, is_last


def _settle(deletion: Deletion) -> bool:
    """Wait for writes that began before, and until what was in the log is in segments."""
    if deletion.waits_for is None:
        deletion.waits_for, deletion.log_barrier = withdrawal.writers(), log.last_id()
        return True
    if not withdrawal.are_over(deletion.waits_for):
        return False
    # What the log holds of series that are gone, compaction drops.
    if not deletion.is_whole and log.has_rows_until(deletion.log_barrier):
        return False
    deletion.phase = DeletionPhase.REWRITING
    return True


def _rewrite(deletion: Deletion) -> bool:
    """Rewrite some days of some metrics that no other worker has."""
    deadline = time.monotonic() + _SECONDS_PER_STEP
    targets = list(deletion.metrics.order_by("pk")[:_METRICS_PER_STEP])
    if not targets:
        deletion.phase = DeletionPhase.COLLECTING
        return True
    has_moved = False
    for target in targets:
        if not compaction.try_lock(target.metric_id):
            continue
        has_moved = True
        if not _rewrite_metric(deletion, target, deadline) or time.monotonic() > deadline:
            break
    return has_moved


def _rewrite_metric(deletion: Deletion, target: DeletionMetric, deadline: float) -> bool:
    """Rewrite days of one metric, then its rollups, until all are done or time is up; say which."""
    cut = _cut(deletion, target.metric_id)
    while (day_ms := rewriting.next_day(target.metric_id, cut, target.next_window_ms)) is not None:
        deletion.samples_removed += rewriting.rewrite_day(target.metric_id, day_ms, cut)
        days.mark_dirty(target.metric_id, day_ms, day_ms)
        amendments.record(day_ms, day_ms)
        target.next_window_ms = day_ms + DAY_MS
        if time.monotonic() > deadline:
            target.save()
            return False
    forget_series(target.metric_id, cut.touched, cut.start_ms, cut.end_ms)
    # Buckets that meet the edges of the range go as a whole.
    amendments.record(cut.start_ms - HOUR_MS, cut.end_ms + HOUR_MS)
    target.delete()
    return True


def _cut(deletion: Deletion, metric_id: int) -> Cut:
    if deletion.is_whole:
        return rewriting.DeadSeries()
    return rewriting.RangeOfSeries(
        _series_of(deletion.pk, metric_id),
        EARLIEST_MS if deletion.start_ms is None else deletion.start_ms,
        LATEST_MS if deletion.end_ms is None else deletion.end_ms,
    )


@lru_cache(maxsize=4)
def _series_of(deletion_id: int, metric_id: int) -> NDArray[np.int64]:
    """Return the series (ascending ids) of one metric whose samples a deletion cuts out."""
    deletion = Deletion.objects.get(pk=deletion_id)
    name = Metric.objects.filter(pk=metric_id).values_list("name", flat=True).first()
    if name is None:
        return np.empty(0, np.int64)
    of_metric = Matcher(METRIC_NAME, MatchOp.EQUAL, name)
    parts = [np.empty(0, np.int64)]
    for text in deletion.selectors:
        parts += _ids_of((of_metric, *read_selector(text)), deletion.last_series_id)
    return np.unique(np.concatenate(parts))


def _ids_of(matchers: Sequence[Matcher], last_id: int) -> Iterable[NDArray[np.int64]]:
    after_id = 0
    while series := find_series(matchers, after_id=after_id, limit=_SERIES_PER_STEP):
        after_id = series[-1].id
        ids = np.array([each.id for each in series], np.int64)
        yield ids[ids <= last_id]


def _collect(deletion: Deletion) -> bool:
    """Delete what no series has any more, a batch at a time; of several deletions, the last does it."""
    is_last = not Deletion.objects.filter(pk__gt=deletion.pk, state__in=UNFINISHED).exists()
    if deletion.is_whole and is_last:
        if unused.delete_metrics():
            return True
        after_id = unused.delete_pairs(deletion.cursor)
        if after_id is not None:
            deletion.cursor = after_id
            return True
    deletion.state, deletion.finished_at = DeletionState.DONE, timezone.now()
    _log.info(
        "deletion done",
        deletion=deletion.pk,
        series=deletion.series_count,
        samples=deletion.samples_removed,
    )
    return True


_PHASES: dict[DeletionPhase, Callable[[Deletion], bool]] = {
    DeletionPhase.FINDING: _find,
    DeletionPhase.SETTLING: _settle,
    DeletionPhase.REWRITING: _rewrite,
    DeletionPhase.COLLECTING: _collect,
}
