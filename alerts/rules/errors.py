"""What can go wrong with a rule: in its definition, or in one evaluation of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observability.promql.labels import LabelSet, format_labels


class RuleError(Exception):
    """Base of the errors of rules."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a definition.

    Attributes:
        field: Where, such as `metric`, `filters[0].value` or `annotations.summary`.
        message: What was found there and what was expected.
    """

    field: str
    message: str


class InvalidRuleError(RuleError):
    """The definition of a rule is wrong; `problems` names every place, in the form's order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in problems))
        self.problems = tuple(problems)


class RuleEvaluationError(RuleError):
    """One evaluation of a rule gave nothing to act on, so its alerts stay as they are."""


class DuplicateLabelsError(RuleEvaluationError):
    """Two series of the result would become the same alert."""

    def __init__(self, labels: LabelSet) -> None:
        super().__init__(
            "the result contains series with the same label set after applying the rule's labels: "
            + format_labels(labels)
        )
        self.labels = labels


class ResultTypeError(RuleEvaluationError):
    """The expression gives something other than an instant vector or a scalar."""

    def __init__(self, result_type: str) -> None:
        super().__init__(f"the result is a {result_type}, but a rule needs a vector or a scalar")
        self.result_type = result_type


class LimitExceededError(RuleEvaluationError):
    """A rule gives more series or alerts than its group allows; Prometheus forgets its alerts then, we do not."""

    def __init__(self, limit: int, count: int, what: str) -> None:
        super().__init__(f"exceeded limit of {limit} with {count} {what}")
        self.limit = limit
        self.count = count


class GroupTimeoutError(RuleEvaluationError):
    """The rules of a group have used up its time."""

    def __init__(self, limit_seconds: float) -> None:
        super().__init__(
            f"not evaluated to the end: the rules of its group took the {limit_seconds:g} s that it has"
        )
        self.limit_seconds = limit_seconds


class LeaseLostError(RuleError):
    """A worker took so long that another one has taken over the group; nothing was written."""

    def __init__(self, group_id: int) -> None:
        super().__init__(f"the lease on rule group {group_id} was lost")
        self.group_id = group_id


class ProvisionedError(RuleError):
    """A group comes from a file of the watched folder, which alone says what is in it."""

    def __init__(self, name: str, file: str) -> None:
        super().__init__(
            f"the group {name!r} comes from {file} in the watched folder: change that file,"
            " or make a group of your own"
        )
        self.name = name
        self.file = file


class RevertError(RuleError):
    """A rule or a group cannot be made again what it was."""
