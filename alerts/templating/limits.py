"""What one execution of a template may use, so that none can hold up a worker."""

from __future__ import annotations

import time
from dataclasses import dataclass

from alerts.templating.errors import FunctionError, LimitError

MAX_TEXT = 1_000_000
"""Characters of one text: of the output and of what a function makes."""

MAX_TEMPLATE = 1_000_000
"""Characters of a template."""

_STEP = 20
_BETWEEN_CLOCKS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one execution.

    Attributes:
        output: Characters of the result.
        work: Characters and elements made by functions, with twenty for each step taken.
        seconds: Time from the start, with that of queries.
        depth: Templates within templates.
    """

    output: int = MAX_TEXT
    work: int = 10_000_000
    seconds: float = 5.0
    depth: int = 100


class Budget:
    """What is left of an execution's limits."""

    __slots__ = ("_deadline", "_left_to_clock", "_work", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._deadline = time.monotonic() + limits.seconds
        self._work = limits.work
        self._left_to_clock = 0

    def step(self) -> None:
        """Count one step of the execution."""
        self._left_to_clock -= _STEP
        if self._left_to_clock < 0:
            self._check()

    def spend(self, work: int) -> None:
        """Count characters or elements that were made."""
        self._left_to_clock -= work
        if self._left_to_clock < 0:
            self._check()

    def _check(self) -> None:
        self._work += self._left_to_clock
        if self._work < 0:
            raise LimitError("takes more steps, or makes more text, than a template may")
        if time.monotonic() > self._deadline:
            raise LimitError(f"takes longer than {self.limits.seconds:g} s")
        self._left_to_clock = _BETWEEN_CLOCKS
        self._work -= _BETWEEN_CLOCKS


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
