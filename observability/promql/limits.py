"""How much a query may read, make and take, and the account of one query."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from observability.promql.errors import (
    QueryCanceledError,
    QueryTimeoutError,
    ResolutionError,
    TooManySamplesError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one query may use; the defaults are Prometheus's own.

    Attributes:
        max_samples: Samples and points that the query may hold at once. What it reads in all is
            not limited, since the samples of one block go before those of the next come.
        max_points_per_series: Steps of a range query.
        timeout_seconds: Time from the start of the evaluation.
    """

    max_samples: int = 50_000_000
    max_points_per_series: int = 11_000
    timeout_seconds: float = 120.0

    def check_resolution(self, step_count: int) -> None:
        """Raise `ResolutionError` when a series would get too many points.

        One more than the limit is let through, because Prometheus counts the distances
        between steps.
        """
        if step_count > self.max_points_per_series + 1:
            raise ResolutionError(self.max_points_per_series)


class Account:
    """Counts what a query has used so far, and ends it when that is too much.

    Attributes:
        samples_read: Samples that the storage gave.
        peak: The most samples and points that were held at once.
    """

    def __init__(self, limits: Limits, *, is_canceled: Callable[[], bool] | None = None) -> None:
        self.samples_read = 0
        self.peak = 0
        self._limits = limits
        self._is_canceled = is_canceled
        self._points_held = 0
        self._deadline = time.monotonic() + limits.timeout_seconds

    def check_time(self) -> None:
        """Raise when the deadline has passed or the caller has gone; called between blocks."""
        if self._is_canceled is not None and self._is_canceled():
            raise QueryCanceledError
        if time.monotonic() > self._deadline:
            raise QueryTimeoutError(self._limits.timeout_seconds)

    def add_samples(self, count: int) -> None:
        """Count samples that the storage gave, which are held until the next ones come."""
        self.samples_read += count
        self.peak = max(self.peak, self._points_held + count)
        if self._points_held + count > self._limits.max_samples:
            raise TooManySamplesError(self._limits.max_samples)

    def check_steps(self, count: int) -> None:
        """Raise when a single series could not be held at that many steps."""
        if count > self._limits.max_samples:
            raise TooManySamplesError(self._limits.max_samples)

    def add_points(self, count: int) -> None:
        """Count points that stay in memory until the query ends."""
        self._points_held += count
        self.peak = max(self.peak, self._points_held)
        if self._points_held > self._limits.max_samples:
            raise TooManySamplesError(self._limits.max_samples)
