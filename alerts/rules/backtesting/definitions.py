"""The rule of a backtest, as JSON: what it was when the backtest was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alerts.models import Rule, RuleGroup
from alerts.rules.backtesting.errors import BacktestError
from alerts.rules.definition import expression_of_form, expression_of_promql
from alerts.rules.plans import compile_rule
from alerts.rules.revisions import GROUP_FIELDS, RULE_FIELDS, rule_definition
from alerts.rules.rule_evaluation import AlertingRule
from alerts.rules.thresholds import NumericThreshold, numeric_threshold_of, with_threshold
from observability.promql.parser import parse

Definition = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What is to be another way in the next backtest.

    Attributes:
        hold_ms: `for`.
        keep_firing_ms: `keep_firing_for`.
        threshold: The number that the expression compares with; None leaves it as it is.
    """

    hold_ms: int
    keep_firing_ms: int
    threshold: float | None


def definition_of(rule: Rule) -> Definition:
    """Return the definition of a rule, saved or not, with that of its group."""
    group = {name: getattr(rule.group, name) for name in GROUP_FIELDS}
    return {**rule_definition(rule), "group": {**group, "id": rule.group.pk}}


def rule_of(definition: Mapping[str, Any]) -> Rule:
    """Return the rule of a definition, with its group; neither is to be saved."""
    group = definition["group"]
    return Rule(
        **{name: definition[name] for name in RULE_FIELDS if name in definition},
        group=RuleGroup(
            pk=group["id"], **{name: group[name] for name in GROUP_FIELDS if name in group}
        ),
    )


def adjusted(definition: Definition, adjustment: Adjustment) -> Definition:
    """Return a definition with other numbers.

    Raises:
        InvalidRuleError: The simple form does not allow this threshold.
    """
    changed = {
        **definition,
        "hold_ms": adjustment.hold_ms,
        "keep_firing_ms": adjustment.keep_firing_ms,
    }
    threshold = threshold_in(definition)
    if adjustment.threshold is None or threshold is None or adjustment.threshold == threshold.value:
        return changed
    if definition["form"] is not None:
        expression = expression_of_form({**definition["form"], "threshold": adjustment.threshold})
    else:
        expr = with_threshold(parse(definition["expr"]), adjustment.threshold)
        expression = expression_of_promql(str(expr), definition["resolve_expr"])
    return {
        **changed,
        "expr": expression.expr,
        "form": expression.form,
        "resolve_expr": expression.resolve_expr,
    }


def threshold_in(definition: Mapping[str, Any]) -> NumericThreshold | None:
    """Return the threshold of a definition's expression, if it has one."""
    return numeric_threshold_of(parse(definition["expr"]))


def alerting_rule(rule: Rule) -> AlertingRule:
    """Return a rule as the portal evaluates it.

    Raises:
        PromQLError: One of its expressions is wrong.
        BacktestError: It raises no alerts.
    """
    compiled = compile_rule(rule)
    if not isinstance(compiled, AlertingRule):
        raise BacktestError("rule", "a recording rule raises no alerts")
    return compiled
