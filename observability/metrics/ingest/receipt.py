"""What became of a write of which a part may be refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

# Of the reasons for refusals only so many are named; a body can have one for each series.
_MAX_REASONS = 10


@dataclass(slots=True, kw_only=True)
class Receipt:
    """What became of a body.

    Attributes:
        stored: How many samples were stored; they are durable.
        refused: How many were not, by the reason.
        exemplars_stored: How many exemplars were stored.
        exemplars_dropped: How many were not: known already, older than others, or against the rules.
        is_throttled: Whether some were refused only because too many new series came at once.
    """

    stored: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    exemplars_stored: int = 0
    exemplars_dropped: int = 0
    is_throttled: bool = False

    @property
    def status(self) -> int:
        """Return the HTTP status for a fault: 429 when it goes away by itself, 400 otherwise."""
        return 429 if self.is_throttled else 400

    def fault(self) -> str:
        """Return in words what was refused and why, '' when nothing was."""
        if not self.refused:
            return ""
        reasons = [f"{count}: {reason}" for reason, count in self.refused.most_common(_MAX_REASONS)]
        if len(self.refused) > _MAX_REASONS:
            reasons.append("...")
        total = self.refused.total()
        return f"refused {total} of {total + self.stored} samples, stored {self.stored}; {'; '.join(reasons)}"
