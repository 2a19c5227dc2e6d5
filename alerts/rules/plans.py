"""What a process makes of a group's rules, once for as long as nobody changes them.

Expressions are parsed, rules that can be evaluated as one are put together (see
`alerts.rules.families`), and rules that read what others of their group write are told from those
that do not.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from alerts.models import Rule, RuleGroup
from alerts.rules.data_expression import data_expression
from alerts.rules.families import Member, families, member_of, restricted
from alerts.rules.range_queries import reads
from alerts.rules.reach import Look, looks
from alerts.rules.rule_evaluation import ALERTS, ALERTS_FOR_STATE, AlertingRule, RecordingRule
from alerts.rules.states import Otherwise, Terms
from observability.promql.errors import PromQLError
from observability.promql.parser import parse
from observability.promql.syntax import Expr

MAX_KEPT_RULES = 50_000
"""Of a process; the groups that were not evaluated for longest give way."""

_LARGEST_SHARED_REACH_MS = 3_600_000
"""Expressions that look back farther read by themselves: of that much, not all is samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRule:
    """A rule and what was made of it.

    Attributes:
        row: The rule.
        rule: Ready for evaluation; None when its expressions are wrong.
        error: What is wrong with them.
    """

    row: Rule
    rule: AlertingRule | RecordingRule | None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFamily:
    """Rules that are evaluated as one expression.

    Attributes:
        expr: What gives the series of all of them, thresholds and dropped labels left aside.
        members: Places of the rules, with what tells each from the others.
        tells_data: Whether it gives all that the rules judge (see `alerts.rules.data_expression`).
    """

    expr: Expr
    members: Sequence[tuple[int, Member]]
    tells_data: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPlan:
    """The rules of a group, ready for evaluation.

    Attributes:
        version: Of the group when its rules were read.
        group: The group as it was then.
        rules: In their order; a rule's place is the one here.
        families: Rules that are evaluated as one; each rule is in one family at most.
        dependent: Places of the rules that read what an earlier one of the group writes.
        looks: What is worth reading together with what other groups need.
    """

    version: int
    group: RuleGroup
    rules: Sequence[PlannedRule]
    families: Sequence[PlannedFamily]
    dependent: frozenset[int]
    looks: Sequence[Look]

    @property
    def query_offset_ms(self) -> int:
        """How far before its own time the group's expressions are evaluated."""
        return self.group.query_offset_ms or 0


_kept: OrderedDict[int, GroupPlan] = OrderedDict()
_lock = threading.Lock()


def plans_of(groups: Iterable[RuleGroup]) -> dict[int, GroupPlan]:
    """Return the plan of each group by id; those that are new or have changed are made, in one query."""
    plans: dict[int, GroupPlan] = {}
    unknown: dict[int, RuleGroup] = {}
    with _lock:
        for group in groups:
            kept = _kept.get(group.pk)
            if kept is not None and kept.version == group.version:
                _kept.move_to_end(group.pk)
                plans[group.pk] = kept
            else:
                unknown[group.pk] = group
    if unknown:
        rows: dict[int, list[Rule]] = {group_id: [] for group_id in unknown}
        for row in Rule.objects.filter(group__in=list(unknown), enabled=True).order_by(
            "group_id", "position", "pk"
        ):
            row.group = unknown[row.group_id]
            rows[row.group_id].append(row)
        made = {group_id: _plan(group, rows[group_id]) for group_id, group in unknown.items()}
        _keep(made)
        plans |= made
    return plans


def _keep(made: Mapping[int, GroupPlan]) -> None:
    with _lock:
        _kept.update(made)
        for group_id in made:
            _kept.move_to_end(group_id)
        size = sum(len(plan.rules) for plan in _kept.values())
        while size > MAX_KEPT_RULES and len(_kept) > 1:
            size -= len(_kept.popitem(last=False)[1].rules)


def _plan(group: RuleGroup, rows: Sequence[Rule]) -> GroupPlan:
    rules = [_planned(row) for row in rows]
    dependent = _dependent(rules)
    members = [
        (place, member_of(planned.rule.expr))
        for place, planned in enumerate(rules)
        if planned.rule is not None and place not in dependent
    ]
    shared = [planned_family(family) for family in families(members).values() if len(family) > 1]
    together = {place for family in shared for place, _ in family.members}
    asked = [
        *(family.expr for family in shared),
        *(
            planned.rule.expr
            for place, planned in enumerate(rules)
            if planned.rule is not None and place not in together
        ),
    ]
    return GroupPlan(
        version=group.version,
        group=group,
        rules=rules,
        families=shared,
        dependent=dependent,
        looks=[
            look
            for expr in asked
            for look in looks(expr)
            if look.from_ms <= _LARGEST_SHARED_REACH_MS
        ],
    )


def planned_family(members: Sequence[tuple[int, Member]]) -> PlannedFamily:
    """Return rules of one shape, ready to be evaluated as one."""
    first = members[0][1]
    return PlannedFamily(
        expr=restricted(first, [member.values for _, member in members]),
        members=members,
        # With a filter further inside, a rule judges more than is left of it.
        tells_data=first.shape.comparison is not None
        and data_expression(first.open_expr) == first.open_expr,
    )


def _planned(row: Rule) -> PlannedRule:
    try:
        return PlannedRule(row=row, rule=compile_rule(row))
    except PromQLError as error:
        return PlannedRule(row=row, rule=None, error=str(error))


def compile_rule(row: Rule) -> AlertingRule | RecordingRule:
    """Return a rule ready for evaluation.

    Raises:
        PromQLError: One of its expressions is wrong.
    """
    expr = parse(row.expr)
    if row.is_recording:
        return RecordingRule(name=row.name, expr=expr, labels={**row.group.labels, **row.labels})
    return AlertingRule(
        name=row.name,
        expr=expr,
        terms=Terms(
            hold_ms=row.hold_ms,
            keep_firing_ms=row.keep_firing_ms,
            labels=row.alert_labels(),
            annotations=row.annotations,
            on_no_data=Otherwise(row.on_no_data),
            on_error=Otherwise(row.on_error),
        ),
        data_expr=data_expression(expr),
        resolve_expr=parse(row.resolve_expr) if row.resolve_expr else None,
    )


def _dependent(rules: Sequence[PlannedRule]) -> frozenset[int]:
    """Return the places of the rules that may read what an earlier rule writes."""
    found = set()
    written: set[str] = set()
    for place, planned in enumerate(rules):
        rule = planned.rule
        if rule is None:
            continue
        asked = [rule.expr]
        if isinstance(rule, AlertingRule) and rule.resolve_expr is not None:
            asked.append(rule.resolve_expr)
        if any(reads(expr, written) for expr in asked):
            found.add(place)
        written |= {rule.name} if isinstance(rule, RecordingRule) else {ALERTS, ALERTS_FOR_STATE}
    return frozenset(found)
