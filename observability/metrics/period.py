"""A stretch of time to which a question is limited."""

from __future__ import annotations

from dataclasses import dataclass

# Stand for ends that are open, with room for sums of both and a window.
_EVER_MS = 2**61


@dataclass(frozen=True, slots=True)
class Period:
    """From a time to another in milliseconds, both included; None is an open end."""

    start_ms: int | None = None
    end_ms: int | None = None

    @property
    def is_ever(self) -> bool:
        """Say whether it is all time."""
        return self.start_ms is None and self.end_ms is None

    @property
    def bounds_ms(self) -> tuple[int, int]:
        """Return both ends as numbers."""
        return (
            -_EVER_MS if self.start_ms is None else self.start_ms,
            _EVER_MS if self.end_ms is None else self.end_ms,
        )


EVER = Period()
