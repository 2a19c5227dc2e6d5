"""What a rule file says, before anything is made of it.

Beside Prometheus's keys stand the portal's own: `resolve_expr`, `on_no_data`, `on_error`,
`enabled` and `simple` of a rule, `owner` and `enabled` of a group. Without them everything is as
in Prometheus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alerts.rules.states import Otherwise


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file, both from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRule:
    """One rule: an alerting one has `alert`, a recording one `record`.

    Attributes:
        record: Name of the metric that is recorded, '' for an alerting rule.
        alert: Name of the alert, '' for a recording rule.
        expr: PromQL.
        hold_ms: `for`.
        keep_firing_ms: `keep_firing_for`.
        labels: Given to each result; templates in an alerting rule.
        annotations: Templates.
        resolve_expr: What resolves a firing alert, PromQL; '' for the end of `expr` itself.
        on_no_data: What becomes of alerts when there is no data.
        on_error: What becomes of alerts when the expression cannot be evaluated.
        enabled: Whether it is evaluated.
        form: The simple form that `expr` was compiled from; None for a rule made in PromQL.
        place: Where the rule begins.
        places: Where its fields stand, of those that can be wrong.
    """

    record: str = ""
    alert: str = ""
    expr: str = ""
    hold_ms: int = 0
    keep_firing_ms: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    resolve_expr: str = ""
    on_no_data: Otherwise = Otherwise.RESOLVE
    on_error: Otherwise = Otherwise.KEEP
    enabled: bool = True
    form: Mapping[str, Any] | None = None
    place: Place = field(default=Place(1, 1), compare=False)
    places: Mapping[str, Place] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """The alert's name or the recorded one."""
        return self.alert or self.record


@dataclass(frozen=True, slots=True, kw_only=True)
class FileGroup:
    """Rules that are evaluated together, in their order.

    Attributes:
        name: Once in a file.
        interval_ms: From one evaluation to the next; None takes the default.
        query_offset_ms: How far back expressions are evaluated; None takes the default.
        limit: Alerts or series that one rule may have; 0 for any number.
        labels: Given to the results of all rules, whose own labels win.
        owner: The person or team that looks after it.
        enabled: Whether it is evaluated.
        rules: The rules.
        place: Where the group begins.
    """

    name: str
    interval_ms: int | None = None
    query_offset_ms: int | None = None
    limit: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    enabled: bool = True
    rules: Sequence[FileRule] = ()
    place: Place = field(default=Place(1, 1), compare=False)


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The groups of one file."""

    groups: Sequence[FileGroup]
