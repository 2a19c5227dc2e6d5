"""What can go wrong with a rule file."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.rules.errors import RuleError


class RuleFileError(RuleError):
    """A file cannot be used; `problems` names everything that is wrong, a line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
