"""What a query reads of each day of a metric: samples, or rollups of which resolution.

Rollups that are exact for the query come first, the coarsest of them foremost; then samples, as
long as they are all there; then rollups for which windows must be rounded, the finest foremost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from observability.metrics.store.rollups.resolutions import FIVE_MINUTES_MS, HOUR_MS
from observability.promql.errors import RawSamplesGoneError
from observability.promql.storage import SelectHints

RAW = 0
"""Stands for the resolution of samples."""

_RESOLUTIONS = (FIVE_MINUTES_MS, HOUR_MS)
_LONG_AGO_MS = -(2**62)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What there is of a day of a metric that was rolled up.

    Attributes:
        until_ms: Until when it was rolled up; what follows is read from samples.
        source_id: The highest id of the segments that were rolled up.
        rolled_count: The samples of these segments.
        raw_count: Samples until then in the segments that are there now; late ones may be
            counted twice.
        newest_raw_id: The highest id of those that can be rolled up.
        has_late: Whether there are samples until then that cannot be rolled up yet.
        resolutions: The rollups that are there.
    """

    until_ms: int
    source_id: int
    rolled_count: int
    raw_count: int
    newest_raw_id: int
    has_late: bool
    resolutions: frozenset[int]

    @property
    def is_fresh(self) -> bool:
        """Whether all samples until then are rolled up."""
        return not self.has_late and self.newest_raw_id <= self.source_id

    @property
    def has_all_samples(self) -> bool:
        """Whether none of the samples that were rolled up is gone."""
        return self.raw_count >= max(self.rolled_count, 1)


@dataclass(frozen=True, slots=True)
class Choice:
    """What to read.

    Attributes:
        resolution_of: By metric and day, `RAW` for samples; days that were not rolled up are
            left out.
        rounded_before_ms: Windows that begin before are to be rounded.
        rounding_ms: To what they are to be rounded.
    """

    resolution_of: dict[tuple[int, int], int]
    rounded_before_ms: int
    rounding_ms: int

    @property
    def takes_rollups(self) -> bool:
        """Whether any rollups are to be read."""
        return any(self.resolution_of.values())


def exact_resolutions(hints: SelectHints) -> tuple[int, ...]:
    """Return the resolutions at whose ends all windows of a query begin and end, coarsest first."""
    return tuple(
        resolution
        for resolution in reversed(_RESOLUTIONS)
        if not any(time % resolution for time in (hints.end_ms, hints.step_ms, hints.range_ms))
    )


def choose(days: Mapping[tuple[int, int], Day], hints: SelectHints) -> Choice:
    """Return what a query reads of each day.

    Args:
        days: What there is of days that were rolled up, by metric and start.
        hints: What the engine is going to do.

    Raises:
        RawSamplesGoneError: The function needs samples, and of some day there are only rollups.
    """
    exact = exact_resolutions(hints)
    chosen: dict[tuple[int, int], int] = {}
    rounded_before_ms, rounding_ms = _LONG_AGO_MS, 1
    for (metric_id, start_ms), day in days.items():
        if hints.rollup_columns is None:
            if day.resolutions and not day.raw_count and _meets(start_ms, day.until_ms, hints):
                raise RawSamplesGoneError(hints.function, day.until_ms)
            continue
        resolution = _resolution(day, exact)
        chosen[metric_id, start_ms] = resolution
        if resolution != RAW and resolution not in exact:
            rounded_before_ms = max(rounded_before_ms, day.until_ms)
            rounding_ms = max(rounding_ms, resolution)
    return Choice(chosen, rounded_before_ms, rounding_ms)


def _meets(start_ms: int, until_ms: int, hints: SelectHints) -> bool:
    return start_ms <= hints.end_ms and until_ms > hints.start_ms


def _resolution(day: Day, exact: tuple[int, ...]) -> int:
    usable = [resolution for resolution in exact if resolution in day.resolutions]
    if usable and (not day.raw_count or day.is_fresh):
        return usable[0]
    if day.has_all_samples:
        return RAW
    # Some samples are gone: even rollups that wait to be made again have more.
    return next(iter([*usable, *sorted(day.resolutions)]), RAW)
