"""The cast of these tests: people in each role, and keys with the scopes a test names."""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib.auth.models import Group, User
from django.test import Client

from observability.access.keys import create_key
from observability.access.roles import Role
from observability.access.scopes import Scope

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "correct horse battery staple"


def make_user(role: Role | None = None, *, name: str = "") -> User:
    """Make a member of the staff in a role; without one they may only sign in."""
    user = User(username=name or (role.name.lower() if role else "nobody"), is_staff=True)
    user.set_password(PASSWORD)
    user.save()
    if role:
        user.groups.add(Group.objects.get(name=role.name))
    return user


def signed_in(role: Role | None = None) -> Client:
    """Return a browser in which somebody of the role has signed in."""
    client = Client()
    client.force_login(make_user(role), backend="django.contrib.auth.backends.ModelBackend")
    return client


def make_key(*scopes: Scope) -> str:
    """Make a key with the scopes and return the key itself."""
    _, token = create_key(name="test", scopes=scopes)
    return token


def bearer(token: str) -> dict[str, str]:
    """Return the headers of a request with a key or a JWT."""
    return {"Authorization": f"Bearer {token}"}
