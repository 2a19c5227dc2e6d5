"""The evaluations of a backtest: when the rule would have been evaluated, and how often."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.rules.range_queries import is_local
from alerts.rules.rule_evaluation import AlertingRule
from alerts.rules.schedule import last_aligned
from observability.promql.durations import format_duration

MOST_EVALUATIONS = 200_000
"""Of one backtest: 30 days at 15 seconds are 172,800."""

MOST_QUERIES = 2_000
"""Of one backtest whose evaluations must be asked one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """When a rule is evaluated in a backtest.

    Attributes:
        start_ms: Begin of the range that is looked at.
        end_ms: Its end.
        first_ms: The first evaluation, as long before the range as alerts take to fire.
        step_ms: The time from one evaluation to the next.
        interval_ms: The same as the rule's group has it.
        is_ahead: Whether one range query can be asked for many evaluations.
    """

    start_ms: int
    end_ms: int
    first_ms: int
    step_ms: int
    interval_ms: int
    is_ahead: bool

    @property
    def count(self) -> int:
        """How many evaluations there are."""
        return max((self.end_ms - self.first_ms) // self.step_ms + 1, 0)

    @property
    def past_ms(self) -> int:
        """When the evaluation after the last one would be."""
        return self.first_ms + self.count * self.step_ms

    @property
    def notice(self) -> str:
        """Why evaluations are not as far apart as the rule's own; '' where they are."""
        if self.step_ms == self.interval_ms:
            return ""
        reason = (
            f"a backtest has at most {MOST_EVALUATIONS:,} evaluations"
            if self.is_ahead
            else "its expression depends on the time at which it is asked, so that each evaluation "
            "is a query of its own"
        )
        step, interval = format_duration(self.step_ms), format_duration(self.interval_ms)
        return f"Evaluated every {step}; the rule is evaluated every {interval}: {reason}."


def timetable(
    rule: AlertingRule, *, start_ms: int, end_ms: int, interval_ms: int, group_id: int
) -> Timetable:
    """Return when to evaluate a rule, at the times of its group.

    What a rule remembers when the range begins is found by evaluations before it: as long as
    alerts stay pending, but no longer than the range.

    Args:
        rule: The rule.
        start_ms: Begin of the range.
        end_ms: Its end.
        interval_ms: The group's interval.
        group_id: The group, whose times have an offset of their own; 0 for none.
    """
    expressions = (rule.expr, rule.data_expr, rule.resolve_expr)
    is_ahead = all(is_local(expr) for expr in expressions if expr is not None)
    lead_ms = min(rule.terms.hold_ms, end_ms - start_ms)
    first_ms = last_aligned(
        group_id=group_id, interval_ms=interval_ms, at_ms=start_ms - lead_ms + interval_ms - 1
    )
    most = MOST_EVALUATIONS if is_ahead else MOST_QUERIES
    intervals = (end_ms - first_ms) // interval_ms + 1
    return Timetable(
        start_ms=start_ms,
        end_ms=end_ms,
        first_ms=first_ms,
        step_ms=interval_ms * max(-(-intervals // most), 1),
        interval_ms=interval_ms,
        is_ahead=is_ahead,
    )
