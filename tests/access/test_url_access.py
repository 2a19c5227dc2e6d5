from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from observability.access.roles import ADMINISTRATOR, OPERATOR, VIEWER, Role
from observability.access.scopes import SCOPE_PERMISSIONS, Scope, allows

from .cast import bearer, make_key, make_user
from .url_access import METHODS, NOBODY, OPEN, ROWS, SIGNED_IN, STAFF, Need, Row

OUTSIDE = "203.0.113.9"
"""An address in no network that METRICS_ALLOWED_NETWORKS names."""

PLACEHOLDERS = {"uuid": "00000000-0000-4000-8000-000000000000", "slug": "nowhere"}
ABSENT = "999999999"
"""The id of no row: the walk asks who may come in, and changes nothing."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who knocks: nobody known, a member of the staff in a role or none, or a key."""

    name: str
    role: Role | None = None
    scope: Scope | None = None

    @property
    def is_staff(self) -> bool:
        return self.name == "staff" or self.role is not None

    def may(self, need: Need) -> bool:
        """Say whether this actor has what a method needs."""
        if need == OPEN:
            return True
        if need == SIGNED_IN:
            return self.is_staff or self.scope is not None
        if need == STAFF:
            return self.is_staff
        if need == NOBODY:
            return False
        if self.scope is not None:
            return need in Scope.values and allows([self.scope], Scope(need))
        permission = SCOPE_PERMISSIONS[Scope(need)] if need in Scope.values else need
        return self.role is not None and self.role.allows(permission)


PEOPLE = [
    Actor("anonymous"),
    Actor("staff"),
    *(Actor(role.name, role=role) for role in (VIEWER, OPERATOR, ADMINISTRATOR)),
]
KEYS = [Actor(f"key {scope}", scope=scope) for scope in Scope]


@dataclass(slots=True)
class Cast:
    """The actors' credentials, made when first needed."""

    users: dict[str, User] = field(default_factory=dict)
    keys: dict[Scope, str] = field(default_factory=dict)

    def knock(self, actor: Actor, method: str, path: str) -> HttpResponse:
        """Return the answer to one request; an exception in a view is a failure of the test."""
        client = Client(REMOTE_ADDR=OUTSIDE)
        headers: dict[str, str] = {}
        if actor.scope is not None:
            if actor.scope not in self.keys:
                self.keys[actor.scope] = make_key(actor.scope)
            headers = bearer(self.keys[actor.scope])
        elif actor.is_staff:
            if actor.name not in self.users:
                self.users[actor.name] = make_user(actor.role, name=actor.name)
            client.force_login(
                self.users[actor.name], backend="django.contrib.auth.backends.ModelBackend"
            )
        send = getattr(client, method.lower())
        if path.startswith("/api/") and method != "GET":
            answer: HttpResponse = send(
                path, "{}", content_type="application/json", headers=headers
            )
        else:
            answer = send(path, headers=headers)
        return answer


def outcome(response: HttpResponse) -> str:
    """Return in a word what an answer means to whoever knocked."""
    location = response.get("Location", "")
    if location.startswith("/admin/login/"):
        return "login"
    if location == "/admin/":
        return "home"
    words = {401: "who are you", 403: "refused", 405: "no such method"}
    return words.get(response.status_code, "in" if response.status_code < 500 else "broken")


def expected(row: Row, actor: Actor, method: str) -> set[str]:
    """Return the outcomes that are right."""
    if row.kind == "open":
        return {"in", "no such method", "home"}
    need = row.needs.get(method)
    if need is None:
        can_all = actor.role is ADMINISTRATOR or actor.scope is Scope.ADMIN
        return {"no such method"} if can_all else {"no such method", "refused", "who are you"}
    if actor.may(need):
        # Django sends those who ask for a row that is not there back to the home page.
        return {"in", "home", "no such method"} if row.kind == "admin" else {"in"}
    if row.kind == "api":
        return {"refused"} if actor.may(SIGNED_IN) else {"who are you"}
    if not actor.is_staff:
        return {"login"}
    if row.path.endswith("/history/"):
        # Django looks for the row before it asks who may read its history; there is none to read.
        return {"refused", "home"}
    return {"refused", "no such method"}


def example_of(row: Row) -> str:
    """Return a path that the row's URL matches."""

    def fill(parameter: re.Match[str]) -> str:
        return PLACEHOLDERS.get(parameter[1] or "", ABSENT)

    return row.example or re.sub(r"<(?:(\w+):)?\w+>", fill, row.path)


def readable(pattern: str) -> str:
    """Return a piece of the URL list as rows write it: `^api/alerts/(?P<pk>[0-9]+)/?$` as `api/alerts/<pk>`."""
    pattern = re.sub(r"\(\?P(<\w+>)(?:\[[^]]*\]|[^()[\]])*\)", r"\1", pattern)
    return re.sub(r"(/\?)?\$$", "", pattern.removeprefix("^")) if "$" in pattern else pattern


def urls(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    """Yield every URL of the portal as rows write it."""
    for entry in resolver.url_patterns:
        path = prefix + readable(str(entry.pattern))
        if isinstance(entry, URLPattern):
            yield path
        else:
            yield from urls(entry, path)


def test_every_url_has_a_row() -> None:
    without = set(urls(get_resolver())) - {row.path for row in ROWS}

    assert not without, f"add rows to tests/access/url_access.py for {sorted(without)}"


def test_every_row_has_a_url() -> None:
    without = {row.path for row in ROWS} - set(urls(get_resolver()))

    assert not without, f"these rows of tests/access/url_access.py lead nowhere: {sorted(without)}"


def test_no_url_has_two_rows() -> None:
    paths = [row.path for row in ROWS]

    assert sorted(paths) == sorted(set(paths))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_example_of_a_row_leads_to_its_url(row: Row) -> None:
    route = resolve(example_of(row).partition("?")[0]).route

    assert "/" + readable(route) == row.path


@pytest.mark.django_db
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_url_is_open_to_exactly_those_that_its_row_names(row: Row) -> None:
    cache.clear()
    cast, path = Cast(), example_of(row)
    # A key opens no page of the admin, so one of them, which may do everything else, is enough there.
    actors = [*PEOPLE, *(KEYS if row.kind == "api" else KEYS[-1:])]
    methods = METHODS if row.kind == "api" else ("GET", "POST")

    wrong = [
        f"{method} as {actor.name}: {got}, not {' or '.join(sorted(right))}"
        for method in methods
        for actor in actors
        if (got := outcome(cast.knock(actor, method, path)))
        not in (right := expected(row, actor, method))
    ]

    assert wrong == []
