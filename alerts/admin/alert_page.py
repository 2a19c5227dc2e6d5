"""The page of one alert: what it says, its graph, its history, who was told, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from alerts.acknowledging import MAX_NOTE_LENGTH, MAX_OWNER_LENGTH
from alerts.admin.alert_actions import EXPIRIES
from alerts.admin.pagination import BoundedPaginator
from alerts.alert_graph import around, draw, watched
from alerts.commenting import MAX_COMMENT_LENGTH
from alerts.flapping import flapping
from alerts.models import Alert, AlertEvent, Notification
from alerts.timeline import Moment, timeline
from observability.access.pages import render_page
from observability.metrics.backend import get_backend
from observability.promql.durations import format_duration
from observability.promql.errors import PromQLError
from observability.promql.labels import quote

REFRESH_SECONDS = 10
EPISODES_ON_A_PAGE = 10
NOTIFICATIONS_SHOWN = 50
EVENTS_SHOWN = 500

# Shown in places of their own.
_SAID_APART = ("summary", "description", "runbook_url", "dashboard_url")


def alert_page(request: HttpRequest, alert: Alert) -> HttpResponse:
    """Show the page, or with `part` what changes on it."""
    context: dict[str, Any] = {
        "alert": alert,
        "may_act": request.user.has_perm("alerts.change_alert"),
        **_changing(request, alert),
        **_rule(alert),
        "graph_url": reverse("admin:alerts_alert_graph", args=[alert.pk]),
    }
    if "part" in request.GET:
        return TemplateResponse(request, "alerts/alert_live.html", context)
    context |= {
        "refresh_seconds": REFRESH_SECONDS,
        "act_url": reverse("admin:alerts_alert_act"),
        "me": request.user.get_username(),
        "expiries": EXPIRIES,
        "max_owner_length": MAX_OWNER_LENGTH,
        "max_note_length": MAX_NOTE_LENGTH,
        "max_comment_length": MAX_COMMENT_LENGTH,
    }
    return render_page(request, "alerts/alert.html", title="Alert", context=context)


def alert_graph(alert: Alert) -> HttpResponse:
    """Answer the graph of an alert's rule, or why there is none."""
    if alert.rule is None:
        return JsonResponse({"problem": "There is no rule any more that says what to draw."})
    now = timezone.now()
    moments = _moments(alert)
    try:
        drawn = draw(alert, alert.rule, moments, backend=get_backend(), now=now)
    except PromQLError as error:
        return JsonResponse({"problem": str(error)})
    return JsonResponse(drawn)


def _moments(alert: Alert) -> list[Moment]:
    newest = AlertEvent.objects.filter(alert=alert).order_by("-at", "-pk")[:EVENTS_SHOWN]
    return timeline(alert, reversed(newest))


def _changing(request: HttpRequest, alert: Alert) -> dict[str, Any]:
    """Return what may be different a few seconds later."""
    now = timezone.now()
    episodes = Alert.objects.filter(fingerprint=alert.fingerprint)
    earlier = episodes.filter(active_at__lt=alert.active_at).order_by("-active_at", "-pk")
    number = request.GET.get("episodes", "")
    page = BoundedPaginator(earlier, EPISODES_ON_A_PAGE).get_page(number)
    alert.flaps = flapping([alert.fingerprint], now=now).get(alert.fingerprint, 0)  # type: ignore[attr-defined] # for the badges
    later = episodes.filter(active_at__gt=alert.active_at).order_by("active_at", "pk")
    following = later.first()
    return {
        "now": now,
        "moments": _moments(alert),
        "later": following,
        "episodes": page,
        "labels": [
            {"name": name, "value": value, "url": _filtered(name, value)}
            for name, value in sorted(alert.labels.items())
        ],
        "annotations": alert.annotations,
        "others_said": [
            (name, text) for name, text in alert.annotations.items() if name not in _SAID_APART
        ],
        "links": _links(alert),
        "notifications": _notifications(request, alert, following),
    }


def _filtered(name: str, value: str) -> str:
    query = urlencode({"filter": f"{name}={quote(value)}"})
    return f"{reverse('admin:alerts_alert_changelist')}?{query}"


def _links(alert: Alert) -> list[dict[str, str]]:
    """Return what the rule's author leads to; anything but a web address is no link."""
    named = (
        ("runbook_url", "Runbook", "menu_book"),
        ("dashboard_url", "Dashboard", "monitoring"),
    )
    return [
        {"title": title, "icon": icon, "url": url}
        for name, title, icon in named
        if (url := alert.annotations.get(name, "").strip()).startswith(("https://", "http://"))
    ]


def _notifications(
    request: HttpRequest, alert: Alert, following: Alert | None
) -> Sequence[Notification] | None:
    """Return what was sent about this episode, the newest first; None when the user may not see."""
    if not request.user.has_perm("alerts.view_notification"):
        return None
    about = Q(firing__contains=[alert.fingerprint]) | Q(resolved__contains=[alert.fingerprint])
    sent = Notification.objects.filter(about, created_at__gte=alert.active_at)
    if following is not None:
        sent = sent.filter(created_at__lt=following.active_at)
    shown = sent.defer("payload", "response").order_by("-pk")[:NOTIFICATIONS_SHOWN]
    return [_with_role(notification, alert) for notification in shown]


def _with_role(notification: Notification, alert: Alert) -> Notification:
    is_firing = alert.fingerprint in notification.firing
    notification.told = "firing" if is_firing else "resolved"  # type: ignore[attr-defined] # for the template
    return notification


def _rule(alert: Alert) -> dict[str, Any]:
    """Return what to say about the rule, with the address where its expression is drawn."""
    rule = alert.rule
    if rule is None:
        return {"rule": None}
    shown = around(alert, now=timezone.now())
    try:
        expr, _ = watched(rule)
    except PromQLError:
        expr = rule.expr
    at = {
        "range": format_duration(shown.end_ms - shown.start_ms),
        "end": shown.end_ms // 1000,
    }
    query_url = reverse("metrics-query")
    return {
        "rule": rule,
        "watched": expr,
        "query_url": f"{query_url}?{urlencode({'expr': expr, **at})}",
        "rule_query_url": f"{query_url}?{urlencode({'expr': rule.expr, **at})}",
    }
