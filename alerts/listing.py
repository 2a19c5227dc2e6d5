"""The list of alerts: which are asked for, in which order, flat or in groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import (
    Case,
    Count,
    F,
    IntegerField,
    Max,
    OrderBy,
    Q,
    Value,
    When,
    Window,
)
from django.db.models.functions import RowNumber

from alerts.label_filters import label_value, matching
from alerts.models import Alert, AlertState, Severity
from alerts.models.alerts import AlertQuerySet
from observability.promql.matchers import Matcher

ACTIVE: Final = "active"
ALL: Final = "all"
STATES: dict[str, tuple[str, ...]] = {
    ACTIVE: (AlertState.FIRING, AlertState.PENDING),
    AlertState.FIRING: (AlertState.FIRING,),
    AlertState.PENDING: (AlertState.PENDING,),
    AlertState.RESOLVED: (AlertState.RESOLVED,),
    ALL: (),
}
"""The states that a list can be asked for, and what each stands for."""

BY_RULE_GROUP: Final = "rule:group"
"""Groups by the rules' groups; a label cannot be named so."""

GROUPS_ON_A_PAGE = 50
ROWS_IN_A_GROUP = 50

_SEVERITY_RANK = Case(
    *(When(severity=severity, then=Value(rank)) for rank, severity in enumerate(Severity.values)),
    default=Value(-1),
    output_field=IntegerField(),
)
# In the alphabet firing comes before pending, and pending before resolved.
_NEWEST = (F("state").asc(), F("active_at").desc(), F("pk").desc())
ORDERS: dict[str, tuple[OrderBy, ...]] = {
    "newest": _NEWEST,
    "severity": (F("state").asc(), OrderBy(_SEVERITY_RANK, descending=True), *_NEWEST[1:]),
    "oldest": (F("state").asc(), F("active_at").asc(), F("pk").asc()),
    "name": (F("name").asc(), *_NEWEST),
}
"""The orders of a list, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertQuery:
    """Which alerts are asked for.

    Attributes:
        state: A key of `STATES`.
        severities: Any of these; all when empty.
        matchers: What their labels satisfy.
        rule_id: Those of one rule.
        group: Those of the rule groups of this name.
        is_acknowledged: Only those that are, or only those that are not; None takes both.
        owner: A part of the name of who sees to them: whoever has acknowledged, or the group's owner.
        text: A part of a name, a label or an annotation.
    """

    state: str = ACTIVE
    severities: Sequence[str] = ()
    matchers: Sequence[Matcher] = ()
    rule_id: int | None = None
    group: str = ""
    is_acknowledged: bool | None = None
    owner: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedGroup:
    """Alerts that have something in common.

    Attributes:
        key: What they share: a label's value or a rule group's id; '' for those without.
        title: The same for people.
        total: How many there are.
        firing: How many fire.
        pending: How many are pending.
        acknowledged: How many are acknowledged.
        severity: The highest among them; '' when none has one.
        newest_at: When the newest began.
    """

    key: str
    title: str
    total: int
    firing: int
    pending: int
    acknowledged: int
    severity: str
    newest_at: Any


def select_alerts(asked: AlertQuery) -> AlertQuerySet:
    """Return the alerts that are asked for."""
    return _narrowed(_in_states(Alert.objects.all(), STATES[asked.state]), asked)


def select_with_active(asked: AlertQuery) -> tuple[AlertQuerySet, AlertQuerySet]:
    """Return the alerts that are asked for, and beside them those that are active.

    What the matchers need to look up is looked up once.
    """
    states = STATES[asked.state]
    both = _narrowed(_in_states(Alert.objects.all(), states and (*states, *STATES[ACTIVE])), asked)
    return _in_states(both, states), _in_states(both, STATES[ACTIVE])


def _in_states(alerts: AlertQuerySet, states: Sequence[str]) -> AlertQuerySet:
    return alerts.filter(state__in=set(states)) if states else alerts


def _narrowed(alerts: AlertQuerySet, asked: AlertQuery) -> AlertQuerySet:
    if asked.severities:
        alerts = alerts.filter(severity__in=asked.severities)
    if asked.rule_id is not None:
        alerts = alerts.filter(rule=asked.rule_id)
    if asked.group:
        alerts = alerts.filter(rule__group__name=asked.group)
    if asked.is_acknowledged is not None:
        alerts = alerts.filter(acknowledged_at__isnull=not asked.is_acknowledged)
    if asked.owner:
        acknowledged_by = Q(acknowledged_at__isnull=False, ack_owner__icontains=asked.owner)
        alerts = alerts.filter(acknowledged_by | Q(rule__group__owner__icontains=asked.owner))
    if asked.text:
        alerts = alerts.filter(
            Q(name__icontains=asked.text)
            | Q(labels__icontains=asked.text)
            | Q(annotations__icontains=asked.text)
        )
    return matching(alerts, asked.matchers)


def in_groups(alerts: AlertQuerySet, by: str, keys: Iterable[str]) -> AlertQuerySet:
    """Return the alerts of the groups of these keys."""
    wanted = set(keys)
    if by != BY_RULE_GROUP:
        return alerts.alias(group_key=label_value(by)).filter(group_key__in=wanted)
    ids = [int(key) for key in wanted if key.isdecimal() and len(key) < 19]
    without = Q(rule=None) if "" in wanted else Q(pk=None)
    return alerts.filter(Q(rule__group__in=ids) | without)


def list_groups(
    alerts: AlertQuerySet, by: str, *, offset: int = 0
) -> tuple[list[ListedGroup], bool]:
    """Return a page of groups, those with most that fires first, and whether there are more.

    Args:
        alerts: The alerts.
        by: A label, or `BY_RULE_GROUP`.
        offset: How many groups come before the page.
    """
    rows = (
        _with_key(alerts.order_by(), by)
        .annotate(
            total=Count("pk"),
            firing=Count("pk", filter=Q(state=AlertState.FIRING)),
            pending=Count("pk", filter=Q(state=AlertState.PENDING)),
            acknowledged=Count("pk", filter=Q(acknowledged_at__isnull=False)),
            rank=Max(_SEVERITY_RANK),
            newest_at=Max("active_at"),
        )
        .order_by("-firing", "-total", "group_key")[offset : offset + GROUPS_ON_A_PAGE + 1]
    )
    found = [_listed(row, by) for row in rows]
    return found[:GROUPS_ON_A_PAGE], len(found) > GROUPS_ON_A_PAGE


def rows_of_groups(
    alerts: AlertQuerySet, by: str, keys: Sequence[str], *, order: str
) -> dict[str, list[Alert]]:
    """Return the first alerts of each of these groups, by key, in one query."""
    if not keys:
        return {}
    key = F("rule__group") if by == BY_RULE_GROUP else label_value(by)
    ordering = ORDERS[order]
    rows: Any = (
        in_groups(alerts, by, keys)
        .annotate(
            listed_key=key,
            place=Window(RowNumber(), partition_by=[key], order_by=list(ordering)),
        )
        .filter(place__lte=ROWS_IN_A_GROUP)
        .select_related("rule__group")
        .order_by(*ordering)
    )
    found: dict[str, list[Alert]] = {}
    for row in rows:
        listed_key = row.listed_key
        found.setdefault("" if listed_key is None else str(listed_key), []).append(row)
    return found


def _with_key(alerts: AlertQuerySet, by: str) -> Any:
    if by == BY_RULE_GROUP:
        return alerts.values(group_key=F("rule__group"), group_name=F("rule__group__name"))
    return alerts.values(group_key=label_value(by))


def _listed(row: dict[str, Any], by: str) -> ListedGroup:
    key = "" if row["group_key"] is None else str(row["group_key"])
    rank = row["rank"]
    return ListedGroup(
        key=key,
        title=(row["group_name"] or "") if by == BY_RULE_GROUP else key,
        total=row["total"],
        firing=row["firing"],
        pending=row["pending"],
        acknowledged=row["acknowledged"],
        severity=Severity.values[rank] if rank >= 0 else "",
        newest_at=row["newest_at"],
    )
