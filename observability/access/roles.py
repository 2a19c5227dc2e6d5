"""The three roles that come with the portal: groups whose permissions follow the installed apps.

They are brought up to date after every `migrate`, so models of later versions are covered.
Who wants another cut makes a group of their own; that is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.models import Group, Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A group and what it may do.

    Attributes:
        name: The group's name.
        grants: Patterns of `<app label>.<codename>`; one match is enough.
        withholds: Patterns that win over `grants`.
    """

    name: str
    grants: tuple[str, ...]
    withholds: tuple[str, ...] = ()

    def allows(self, permission: str) -> bool:
        """Say whether the role holds a permission such as `metrics.view_series`."""
        return _matches(permission, self.grants) and not _matches(permission, self.withholds)


# People, keys, sessions and sign-ins are no business of those who only watch the systems.
_ABOUT_ACCESS = ("access.*", "auth.*", "axes.*", "sessions.*", "admin.*", "contenttypes.*")

VIEWER = Role(name="Viewer", grants=("*.view_*",), withholds=_ABOUT_ACCESS)
OPERATOR = Role(
    name="Operator",
    grants=("*.view_*", "alerts.*", "dashboards.*", "metrics.*", "pool.*"),
    withholds=_ABOUT_ACCESS,
)
ADMINISTRATOR = Role(name="Administrator", grants=("*",))
ROLES = (VIEWER, OPERATOR, ADMINISTRATOR)


def is_role(group: Group) -> bool:
    """Say whether a group is one of ours, whose permissions are not for editing."""
    return any(group.name == role.name for role in ROLES)


def sync_roles(app_config: AppConfig, using: str, **kwargs: Any) -> None:
    """Give each role its permissions of one app, and take away those that it no longer has.

    Runs after `migrate` for every app, behind Django's own making of permissions.
    """
    permissions = list(
        Permission.objects.using(using)
        .filter(content_type__app_label=app_config.label)
        .select_related("content_type")
    )
    if not permissions:
        return
    for role in ROLES:
        group, _ = Group.objects.using(using).get_or_create(name=role.name)
        granted = {p for p in permissions if role.allows(f"{app_config.label}.{p.codename}")}
        present = set(group.permissions.filter(content_type__app_label=app_config.label))
        group.permissions.add(*granted - present)
        group.permissions.remove(*present - granted)


def _matches(permission: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(permission, pattern) for pattern in patterns)
