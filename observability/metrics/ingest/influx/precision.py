"""What timestamps of line protocol count: the `precision` of a request."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from observability.metrics.errors import MalformedBodyError


@dataclass(frozen=True, slots=True)
class Precision:
    """A unit of time as a fraction of milliseconds."""

    name: str
    numerator: int
    denominator: int = 1

    def to_ms(self, timestamps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return milliseconds, rounded down; what they cannot hold becomes the outermost time."""
        farthest = (2**63 - 1) // self.numerator
        return timestamps.clip(-farthest, farthest) * self.numerator // self.denominator


NANOSECONDS = Precision("ns", 1, 1_000_000)
_MICROSECONDS = Precision("us", 1, 1_000)
# By the words of versions 2 and 1; their meanings do not differ.
_BY_NAME = {
    "": NANOSECONDS,
    "ns": NANOSECONDS,
    "n": NANOSECONDS,
    "us": _MICROSECONDS,
    "u": _MICROSECONDS,
    "µ": _MICROSECONDS,
    "ms": Precision("ms", 1),
    "s": Precision("s", 1_000),
    "m": Precision("m", 60_000),
    "h": Precision("h", 3_600_000),
}


def precision_of(name: str) -> Precision:
    """Return the precision of a name, nanoseconds for ''.

    Raises:
        MalformedBodyError: There is no such precision.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        raise MalformedBodyError(
            f"the precision {name[:20]!r} is not known; use ns, us, ms or s (or, as in version 1, n, u, m, h)"
        ) from None
