"""The admin's frame: sidebar, notices on every page, and the home page with the state of things."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone

from alerts.routing.readiness import setup_problems
from alerts.summary import summarize_alerting
from dashboards.system_overview import SYSTEM_OVERVIEW
from observability.access.navigation import Entry, Section, registered_entries
from observability.metrics.store import log
from observability.telemetry.health import CheckResult, run_checks

RATE_WINDOW_SECONDS = 60
# The first of the system overview: CPU and memory.
PANELS_SHOWN = 2
# The parts without which nothing works come first.
HEALTH_FIRST = ("database", "redis", "worker-timely", "worker-bulk", "beat", "watch", "scrape")
_BADGES = {"ok": "good", "degraded": "warning", "failing": "bad"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that is wrong with the set-up, said on every page.

    Attributes:
        text: What is wrong.
        hint: What to do about it.
        url: Where to do it, '' when that is not in the admin.
    """

    text: str
    hint: str
    url: str = ""


def stylesheet(request: HttpRequest) -> str:
    """Return the address of the portal's own style sheet."""
    return static("portal/portal.css")


def favicon(request: HttpRequest) -> str:
    """Return the address of the picture in the browser's tab."""
    return static("portal/favicon.svg")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar in django-unfold's form, holding what this user may open."""
    groups: list[dict[str, Any]] = [
        {"items": [{"title": "Home", "icon": "home", "link": reverse("admin:index")}]}
    ]
    allowed = [entry for entry in registered_entries() if request.user.has_perm(entry.permission)]
    for section in Section:
        items = [_item(entry) for entry in allowed if entry.section is section]
        if items:
            groups.append({"title": section.value, "separator": True, "items": items})
    return groups


def _item(entry: Entry) -> dict[str, Any]:
    return {"title": entry.title, "icon": entry.icon, "link": reverse(entry.url_name)}


def notices_context(request: HttpRequest) -> dict[str, Any]:
    """Return the notices that stand on every page, for those who can act on them."""
    if not request.user.has_perm("alerts.change_receiver"):
        return {}
    return {"portal_notices": _notices()}


def _notices() -> list[Notice]:
    notices = [
        Notice(text=problem.title, hint=problem.hint, url=reverse(problem.url_name))
        for problem in setup_problems()
    ]
    if settings.MAIL_SERVER is None:
        notices.append(
            Notice(
                text="No mail server is set up.",
                hint=f"E-mail is written to files in {settings.EMAIL_FILE_PATH}. Set EMAIL_URL to send it.",
            )
        )
    return notices


def home_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return what the home page shows: the state of things, as far as the user may see it."""
    context["title"] = "Home"
    if request.user.has_perm("alerts.view_alert"):
        context["alerting"] = summarize_alerting(now=timezone.now())
    if request.user.has_perm("metrics.view_series"):
        samples = log.count_since(int((time.time() - RATE_WINDOW_SECONDS) * 1000))
        context["samples_per_second"] = samples / RATE_WINDOW_SECONDS
        context |= {
            "panels": SYSTEM_OVERVIEW.panels[:PANELS_SHOWN],
            "range_seconds": SYSTEM_OVERVIEW.range_seconds,
            "refresh_seconds": SYSTEM_OVERVIEW.refresh_seconds,
        }
    checks = run_checks().checks
    context["health"] = [
        {"name": name, "badge": _BADGES[result.status], "result": result}
        for name, result in sorted(checks.items(), key=_shown_first)
    ]
    return context


def _shown_first(check: tuple[str, CheckResult]) -> tuple[int, str]:
    name = check[0]
    return (HEALTH_FIRST.index(name) if name in HEALTH_FIRST else len(HEALTH_FIRST), name)
