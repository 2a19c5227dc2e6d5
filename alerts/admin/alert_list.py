"""The page of alerts: what fires, is pending or has been, flat or in groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote_plus

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from alerts.acknowledging import MAX_NOTE_LENGTH, MAX_OWNER_LENGTH
from alerts.admin.alert_actions import EXPIRIES
from alerts.admin.pagination import BoundedPaginator
from alerts.commenting import MAX_COMMENT_LENGTH
from alerts.flapping import flapping
from alerts.label_filters import matcher_text, parse_matchers
from alerts.listing import (
    ACTIVE,
    ALL,
    BY_RULE_GROUP,
    GROUPS_ON_A_PAGE,
    ORDERS,
    ROWS_IN_A_GROUP,
    STATES,
    AlertQuery,
    list_groups,
    rows_of_groups,
    select_alerts,
    select_with_active,
)
from alerts.models import Alert, AlertState, Rule, RuleGroup, Severity
from alerts.models.alerts import AlertQuerySet
from observability.access.pages import render_page
from observability.promql.errors import PromQLError
from observability.promql.matchers import Matcher, MatchOp

ROWS_ON_A_PAGE = 50
REFRESH_SECONDS = 5

_ALERTS_SAMPLED_FOR_LABELS = 100
_RULE_GROUPS_OFFERED = 500
_MOST_OPEN_GROUPS = 20
_TABS = {
    ACTIVE: "Active",
    AlertState.FIRING: "Firing",
    AlertState.PENDING: "Pending",
    AlertState.RESOLVED: "Resolved",
    ALL: "All",
}
_ORDERS = {
    "newest": "Newest first",
    "severity": "Most severe first",
    "oldest": "Oldest first",
    "name": "By name",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an address of the page asks for.

    Attributes:
        query: Which alerts.
        problem: Why the matchers that were typed are none; '' when they are some.
        by: What the list is grouped by; '' for a flat one.
        order: A key of `ORDERS`.
        opened: The keys of the groups that are open.
        page: Number of the page, from 1.
    """

    query: AlertQuery
    problem: str = ""
    by: str = ""
    order: str = "newest"
    opened: tuple[str, ...] = ()
    page: int = 1


def read_address(parameters: QueryDict) -> Asked:
    """Return what the parameters of an address ask for; what makes no sense is left out."""
    given = {name: str(value).replace("\x00", "").strip() for name, value in parameters.items()}
    matchers: tuple[Matcher, ...] = ()
    problem = ""
    try:
        matchers = parse_matchers(given.get("filter", ""))
    except PromQLError as error:
        problem = str(error)
    rule_id = _number(given.get("rule__id__exact") or given.get("rule", ""))
    state = given.get("state", "")
    query = AlertQuery(
        state=state if state in STATES else (ACTIVE if rule_id is None else ALL),
        severities=tuple(s for s in parameters.getlist("severity") if s in Severity.values),
        matchers=matchers,
        rule_id=rule_id,
        group=given.get("group", ""),
        is_acknowledged={"yes": True, "no": False}.get(given.get("acknowledged", "")),
        owner=given.get("owner", ""),
        text=given.get("q", ""),
    )
    order = given.get("order", "")
    return Asked(
        query=query,
        problem=problem,
        by=given.get("by", ""),
        order=order if order in ORDERS else "newest",
        opened=tuple(dict.fromkeys(parameters.getlist("open")))[:_MOST_OPEN_GROUPS],
        page=_number(given.get("page", "")) or 1,
    )


def selected_alerts(parameters: QueryDict) -> AlertQuerySet:
    """Return all alerts that an address asks for; none when its matchers are none."""
    asked = read_address(parameters)
    return Alert.objects.none() if asked.problem else select_alerts(asked.query)


def alert_list(request: HttpRequest) -> HttpResponse:
    """Show the page, or with `part` the list alone, as the page asks for it every few seconds."""
    asked = read_address(request.GET)
    address = _Address(request.GET)
    nothing = Alert.objects.none()
    alerts, active = (nothing, nothing) if asked.problem else select_with_active(asked.query)
    context: dict[str, Any] = {
        "may_act": request.user.has_perm("alerts.change_alert"),
        **_list(asked, alerts, active, address),
    }
    if "part" in request.GET:
        return TemplateResponse(request, "alerts/alert_list_live.html", context)
    context |= {
        **_fields(asked, alerts, request.GET),
        "list_query": address.with_(),
        "refresh_seconds": REFRESH_SECONDS,
        "act_url": reverse("admin:alerts_alert_act"),
        "me": request.user.get_username(),
        "expiries": EXPIRIES,
        "max_owner_length": MAX_OWNER_LENGTH,
        "max_note_length": MAX_NOTE_LENGTH,
        "max_comment_length": MAX_COMMENT_LENGTH,
    }
    return render_page(request, "alerts/alert_list.html", title="Alerts", context=context)


class _Address:
    """The page's own address, and those that differ from it."""

    def __init__(self, parameters: QueryDict) -> None:
        self._parameters = parameters.copy()
        for name in ("part", "page"):
            self._parameters.pop(name, None)

    def with_(self, **changes: str | Iterable[str]) -> str:
        """Return the address with other values of some parameters; '' takes one away."""
        changed = self._parameters.copy()
        for name, value in changes.items():
            changed.setlist(name, [value] if isinstance(value, str) else list(value))
            if value == "":
                del changed[name]
        return "?" + changed.urlencode()


def _list(
    asked: Asked, alerts: AlertQuerySet, active: AlertQuerySet, address: _Address
) -> dict[str, Any]:
    counts = _counts(active)
    context: dict[str, Any] = {
        "now": timezone.now(),
        "asked": asked,
        "counts": counts,
        "tabs": [
            {
                "title": title,
                "count": counts.get(state),
                "is_chosen": state == asked.query.state,
                "url": address.with_(state=state),
            }
            for state, title in _TABS.items()
        ],
        "chips": _chips(asked, address),
        "clear_url": "?",
        "is_filtered": replace(asked.query, state=ACTIVE) != AlertQuery() or bool(asked.problem),
        "narrowed_by": _narrowed_by(asked, address),
    }
    rows = _grouped(asked, alerts, address) if asked.by else _flat(asked, alerts, counts, address)
    context |= rows
    flaps = flapping({alert.fingerprint for alert in rows["shown"]}, now=context["now"])
    for alert in rows["shown"]:
        alert.flaps = flaps.get(alert.fingerprint, 0)
    return context


def _narrowed_by(asked: Asked, address: _Address) -> str:
    """Return the address of the page up to where one more matcher is to be written."""
    others = address.with_(filter="", open=())
    text = "".join(f"{matcher}, " for matcher in asked.query.matchers)
    return f"{others}{'' if others == '?' else '&'}filter={quote_plus(text)}"


def _counts(active: AlertQuerySet) -> dict[str, int]:
    """Return how many alerts fire and are pending; there may be no end of resolved ones."""
    counted = active.order_by().aggregate(
        firing=Count("pk", filter=Q(state=AlertState.FIRING)),
        pending=Count("pk", filter=Q(state=AlertState.PENDING)),
    )
    return {
        ACTIVE: counted["firing"] + counted["pending"],
        AlertState.FIRING: counted["firing"],
        AlertState.PENDING: counted["pending"],
    }


def _flat(
    asked: Asked, alerts: AlertQuerySet, counts: Mapping[str, int], address: _Address
) -> dict[str, Any]:
    ordered = alerts.select_related("rule__group").order_by(*ORDERS[asked.order])
    paginator = BoundedPaginator(ordered, ROWS_ON_A_PAGE)
    if asked.query.state in counts:
        # Counted already; a page beyond the bound shows nothing that a filter could not find.
        paginator.count = min(counts[asked.query.state], paginator.most_counted)
    page = paginator.get_page(asked.page)
    rows = list(page.object_list)
    return {
        "shown": rows,
        "rows": rows,
        "page": page,
        "total": paginator.count,
        "is_bounded": paginator.count >= paginator.most_counted,
        "previous_url": address.with_(page=str(page.previous_page_number())) if page.has_previous() else "",
        "next_url": address.with_(page=str(page.next_page_number())) if page.has_next() else "",
    }  # fmt: skip


def _grouped(asked: Asked, alerts: AlertQuerySet, address: _Address) -> dict[str, Any]:
    offset = (asked.page - 1) * GROUPS_ON_A_PAGE
    groups, has_more = list_groups(alerts, asked.by, offset=offset)
    keys = [group.key for group in groups if group.key in asked.opened]
    rows = rows_of_groups(alerts, asked.by, keys, order=asked.order)
    shown = [row for group_rows in rows.values() for row in group_rows]
    others = {key: tuple(o for o in asked.opened if o != key) for key in asked.opened}
    return {
        "shown": shown,
        "groups": [
            {
                "group": group,
                "is_open": group.key in asked.opened,
                "toggle_url": address.with_(
                    open=others[group.key] if group.key in asked.opened else (*asked.opened, group.key)
                ),
                "rows": rows.get(group.key, []),
                "all_url": _group_url(asked.by, group.key, group.title, asked, address)
                if group.total > ROWS_IN_A_GROUP and group.key in asked.opened
                else "",
            }
            for group in groups
        ],
        "by_words": _by_words(asked.by),
        "previous_url": address.with_(page=str(asked.page - 1)) if asked.page > 1 else "",
        "next_url": address.with_(page=str(asked.page + 1)) if has_more else "",
    }  # fmt: skip


def _group_url(by: str, key: str, title: str, asked: Asked, address: _Address) -> str:
    """Return the address of the flat list of one group."""
    if by == BY_RULE_GROUP:
        return address.with_(by="", open=(), group=title) if title else ""
    narrowed = (*asked.query.matchers, Matcher(by, MatchOp.EQUAL, key))
    return address.with_(by="", open=(), filter=matcher_text(narrowed))


def _chips(asked: Asked, address: _Address) -> list[dict[str, str]]:
    """Return what narrows the list, each with the address of the page without it."""
    query = asked.query
    chips = [
        {
            "text": str(matcher),
            "url": address.with_(filter=matcher_text(m for m in query.matchers if m != matcher)),
        }
        for matcher in query.matchers
    ]
    if query.rule_id is not None:
        name = Rule.objects.filter(pk=query.rule_id).values_list("name", flat=True).first()
        text = f"rule: {name or 'deleted'}"
        chips.append({"text": text, "url": address.with_(rule="", rule__id__exact="")})
    return chips


def _fields(asked: Asked, alerts: AlertQuerySet, given: QueryDict) -> dict[str, Any]:
    """Return what the fields above the list offer and hold."""
    groups = RuleGroup.objects.order_by("name").values_list("name", flat=True).distinct()
    label_names = _label_names(asked, alerts)
    return {
        "typed_filter": given.get("filter", "") if asked.problem else matcher_text(asked.query.matchers),
        "severities": Severity.choices,
        "rule_groups": list(groups[:_RULE_GROUPS_OFFERED]),
        "acknowledged": given.get("acknowledged", ""),
        "orders": _ORDERS,
        "group_choices": {
            "": "Not grouped",
            "alertname": "By alert name",
            BY_RULE_GROUP: "By rule group",
            **{name: f"By {name}" for name in label_names if name != "alertname"},
        },
        "kept": [(name, given[name]) for name in ("state", "rule", "rule__id__exact") if given.get(name)],
    }  # fmt: skip


def _label_names(asked: Asked, alerts: AlertQuerySet) -> list[str]:
    """Return the labels of some of the alerts, to group by, and the one that is chosen."""
    sampled = alerts.values_list("labels", flat=True)[:_ALERTS_SAMPLED_FOR_LABELS]
    names = {name for labels in sampled for name in labels}
    chosen = {asked.by} - {"", BY_RULE_GROUP}
    return sorted(names | chosen)


def _by_words(by: str) -> str:
    return "rule group" if by == BY_RULE_GROUP else by


def _number(text: str) -> int | None:
    """Return an id or a page's number, None for anything else."""
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else None
