"""The steps of range queries, numbered alike for all queries that share them, in pieces of a fixed size."""

from __future__ import annotations

from dataclasses import dataclass

STEPS_PER_PIECE = 128
"""Six hours of minutes are three pieces; the longest query that is answered has 87."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Steps `step_ms` apart, of which one is at `phase_ms` after the epoch: that has the number 0."""

    step_ms: int
    phase_ms: int

    def number_at(self, timestamp_ms: int) -> int:
        """Return the number of the last step that is not after this time."""
        return (timestamp_ms - self.phase_ms) // self.step_ms

    def time_of(self, number: int) -> int:
        """Return the time of a step."""
        return self.phase_ms + number * self.step_ms


def grid_of(start_ms: int, step_ms: int) -> Grid:
    """Return the grid on which a query has its steps."""
    return Grid(step_ms, start_ms % step_ms)


@dataclass(frozen=True, slots=True)
class Span:
    """Steps by their numbers, both ends included."""

    first: int
    last: int

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    @property
    def count(self) -> int:
        """How many steps there are."""
        return max(self.last - self.first + 1, 0)

    @property
    def piece_numbers(self) -> range:
        """The numbers of the pieces that its steps fall into."""
        return range(self.first // STEPS_PER_PIECE, self.last // STEPS_PER_PIECE + 1)

    def within(self, other: Span) -> Span:
        """Return the steps that are in both."""
        return Span(max(self.first, other.first), min(self.last, other.last))


def span_of_piece(number: int) -> Span:
    """Return the steps that fall into a piece."""
    return Span(number * STEPS_PER_PIECE, (number + 1) * STEPS_PER_PIECE - 1)
