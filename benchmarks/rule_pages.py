"""What the admin's pages about alerts and rules take when there are very many, beside an empty list."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpResponseBase
    from django.test import Client

    from alerts.models import Alert, Rule

ALERTS, RULES = 10_000, 5_000
_RULES_A_GROUP = 50
_TURNS = 15
_LIST_OF_ALERTS, _LIST_OF_RULES = "/admin/alerts/alert/", "/admin/alerts/rule/"
_STATES = ("firing", "firing", "pending", "resolved", "resolved")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a request took.

    Attributes:
        name: For the report.
        seconds: The median.
        empty_seconds: The median of the empty list that it is compared with.
        queries: Statements in the database.
    """

    name: str
    seconds: float
    empty_seconds: float
    queries: int

    @property
    def to_empty(self) -> float:
        """How many times as long it takes as the empty list."""
        return self.seconds / self.empty_seconds


def measure() -> list[Page]:
    """Ask for the lists when they are empty, then fill them and ask again."""
    # A line a request would be in the way of the results.
    logging.disable(logging.INFO)
    client = _signed_in()
    alerts = _timed(lambda: client.get(_LIST_OF_ALERTS))
    rules = _timed(lambda: client.get(_LIST_OF_RULES))
    _fill()
    change = _address_of_a_rule()
    sent = _fields(client.get(change).content.decode())
    asked: list[tuple[str, float, Callable[[], HttpResponseBase]]] = [
        (f"list of {ALERTS:,} alerts", alerts[0], lambda: client.get(_LIST_OF_ALERTS)),
        (
            f"list of {ALERTS:,} alerts, the second page",
            alerts[0],
            lambda: client.get(_LIST_OF_ALERTS, {"p": 2}),
        ),
        (f"list of {RULES:,} rules", rules[0], lambda: client.get(_LIST_OF_RULES)),
        (f"save one of {RULES:,} rules", rules[0], lambda: client.post(change, sent)),
    ]
    pages = [
        Page(
            name="empty list of alerts",
            seconds=alerts[0],
            empty_seconds=alerts[0],
            queries=alerts[1],
        ),
        Page(
            name="empty list of rules", seconds=rules[0], empty_seconds=rules[0], queries=rules[1]
        ),
    ]
    for name, empty_seconds, ask in asked:
        seconds, queries = _timed(ask)
        pages.append(Page(name=name, seconds=seconds, empty_seconds=empty_seconds, queries=queries))
    return pages


def section(pages: Sequence[Page]) -> str:
    """Return the figures in Markdown."""
    lines = [
        "### Pages of the admin",
        "",
        f"Medians of {_TURNS} requests within one process, without a web server.",
        "",
        "| Page | Time | To the empty list | Statements |",
        "| --- | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {page.name} | {page.seconds * 1000:.0f} ms | {page.to_empty:.2f} | {page.queries} |"
        for page in pages
    ]
    return "\n".join(lines) + "\n"


def _timed(ask: Callable[[], HttpResponseBase]) -> tuple[float, int]:
    """Return the median of the seconds that a request takes, and its statements."""
    from django.db import connection  # noqa: PLC0415 (settings are ready only now)
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    ask()
    with CaptureQueriesContext(connection) as captured:
        response = ask()
    # The next request empties the log that it is counted in.
    queries = len(captured)
    if response.status_code not in {200, 302}:
        raise SystemExit(f"no such page: {response.status_code}")
    if response.status_code == 200 and getattr(response, "request", {})["REQUEST_METHOD"] == "POST":
        raise SystemExit("the form was not saved")
    times = []
    for _ in range(_TURNS):
        began = time.perf_counter()
        ask()
        times.append(time.perf_counter() - began)
    return statistics.median(times), queries


def _signed_in() -> Client:
    from django.contrib.auth.models import User  # noqa: PLC0415 (settings are ready only now)
    from django.test import Client as ClientOfDjango  # noqa: PLC0415

    client = ClientOfDjango()
    client.force_login(
        User.objects.filter(is_superuser=True).earliest("pk"),
        "django.contrib.auth.backends.ModelBackend",
    )
    return client


def _fill() -> None:
    """Make groups of rules that are due tomorrow, and alerts of most of the rules."""
    from alerts.models import Alert, Rule, RuleGroup  # noqa: PLC0415 (settings are ready only now)

    now = datetime.now(UTC)
    groups = RuleGroup.objects.bulk_create(
        RuleGroup(
            name=f"service {number:03d}",
            interval_ms=86_400_000,
            next_evaluation_at=now + timedelta(days=1),
        )
        for number in range(RULES // _RULES_A_GROUP)
    )
    rules = Rule.objects.bulk_create(
        (
            Rule(
                group=groups[number // _RULES_A_GROUP],
                position=number % _RULES_A_GROUP,
                name=f"QueueLong{number:04d}",
                expr=f'queue_length{{queue="q-{number:04d}"}} > 100',
                annotations={"summary": "{{ $labels.instance }} has {{ $value }} jobs waiting"},
            )
            for number in range(RULES)
        ),
        batch_size=1000,
    )
    Alert.objects.bulk_create(
        (_alert(rules, number, now - timedelta(seconds=number)) for number in range(ALERTS)),
        batch_size=1000,
    )


def _alert(rules: Sequence[Rule], number: int, at: datetime) -> Alert:
    from alerts.models import Alert as NewAlert  # noqa: PLC0415 (settings are ready only now)

    # The rule that is saved has none: its group is evaluated then.
    rule, state = rules[1 + number % (RULES - _RULES_A_GROUP)], _STATES[number % len(_STATES)]
    return NewAlert(
        rule=rule,
        fingerprint=f"{number:016x}",
        name=rule.name,
        severity="warning",
        labels={
            "alertname": rule.name,
            "instance": f"host-{number % 500:04d}:9100",
            "job": "mail",
            "queue": f"q-{number % RULES:04d}",
            "severity": "warning",
            "zone": f"eu-{number % 3}",
        },
        annotations={"summary": f"host-{number % 500:04d}:9100 has 120 jobs waiting"},
        value=120.0,
        state=state,
        active_at=at,
        fired_at=None if state == "pending" else at,
        resolved_at=at + timedelta(minutes=5) if state == "resolved" else None,
    )


def _address_of_a_rule() -> str:
    from alerts.models import Rule  # noqa: PLC0415 (settings are ready only now)

    return Rule.objects.latest("pk").get_absolute_url()


class _Form(HTMLParser):
    """Reads what a browser would send of the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self._is_in_form = False
        self._textarea: str | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        match tag:
            case "form":
                self._is_in_form = given.get("id") == "rule_form"
            case "select":
                self._select = name
            case "textarea" if self._is_in_form and name:
                self._textarea = name
                self.fields.setdefault(name, []).append("")
            case "option" if self._is_in_form and self._select and "selected" in given:
                self.fields.setdefault(self._select, []).append(given.get("value", ""))
            case "input" if self._is_in_form and name and "disabled" not in given:
                self._take_input(name, given)
            case _:
                pass

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "form":
                self._is_in_form = False
            case "select":
                self._select = None
            case "textarea":
                self._textarea = None
            case _:
                pass

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.fields[self._textarea][-1] += data

    def _take_input(self, name: str, given: dict[str, str]) -> None:
        kind = given.get("type", "text")
        if kind in {"submit", "button", "file"}:
            return
        if kind in {"checkbox", "radio"} and "checked" not in given:
            return
        self.fields.setdefault(name, []).append(
            given.get("value", "on" if kind == "checkbox" else "")
        )


def _fields(page: str) -> dict[str, list[str]]:
    form = _Form()
    form.feed(page)
    if "csrfmiddlewaretoken" not in form.fields and "name" not in form.fields:
        raise SystemExit("the page of a rule has no form")
    return form.fields | {"_save": ["Save"]}
