"""What one execution of a template may use, so that none can hold up a worker."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from alerts.templating.errors import FunctionError, LimitError

MAX_TEXT = 1_000_000
"""Characters of one text: of the output and of what a function makes."""

_STEPS_BETWEEN_CLOCKS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one execution.

    Attributes:
        output: Characters of the result.
        work: Steps taken and characters and elements made by functions, taken together.
        seconds: Time from the start; a query of the template has its own bound.
        depth: Templates within templates.
    """

    output: int = MAX_TEXT
    work: int = 10_000_000
    seconds: float = 5.0
    depth: int = 100


@dataclass(slots=True)
class Budget:
    """What is left of an execution's limits."""

    limits: Limits
    spent: int = 0
    _steps: int = 0
    _deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.limits.seconds

    def step(self) -> None:
        """Count one step of the execution."""
        self._steps += 1
        self.spend(1)
        if self._steps % _STEPS_BETWEEN_CLOCKS == 0:
            self.check_clock()

    def spend(self, work: int) -> None:
        """Count characters or elements that were made."""
        self.spent += work
        if self.spent > self.limits.work:
            raise LimitError("template makes too much: more than it may in one execution")

    def check_clock(self) -> None:
        """Raise `LimitError` when the time is up."""
        if time.monotonic() > self._deadline:
            raise LimitError(f"template took longer than {self.limits.seconds:g} s")


class BoundedText:
    """Text put together piece by piece, up to `MAX_TEXT` characters."""

    __slots__ = ("_length", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0

    def write(self, piece: str) -> None:
        """Add a piece.

        Raises:
            FunctionError: The text would be longer than a text may be.
        """
        self._length += len(piece)
        if self._length > MAX_TEXT:
            raise FunctionError(f"text is longer than {MAX_TEXT} characters")
        self._pieces.append(piece)

    def __str__(self) -> str:
        return "".join(self._pieces)
