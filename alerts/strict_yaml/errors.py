"""What can be wrong with a text in YAML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        line: Where, from 1.
        message: What was found and what was expected.
    """

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class YamlError(ValueError):
    """A text is not YAML."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"yaml: {fault}")
        self.faults: Sequence[Fault] = (fault,)


class DecodingError(YamlError):
    """A text is YAML, but does not say what it should; `faults` names every place."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        lines = "".join(f"\n  {fault}" for fault in faults)
        ValueError.__init__(self, f"yaml: unmarshal errors:{lines}")
        self.faults = tuple(faults)
