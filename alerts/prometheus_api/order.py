"""Rules and their groups in the order in which Prometheus lists them."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Value
from django.db.models.functions import Coalesce, Collate, NullIf

PORTAL_FILE = "portal"
"""What stands for the file of groups that were made in the portal, and not in a file."""


def file_of(file: str) -> str:
    """Return a group's file as clients see it."""
    return file or PORTAL_FILE


def rule_order(prefix: str = "") -> list[Any]:
    """Return what to order rules by: files, groups, and the order within a group.

    Files and names sort by their bytes, whatever the database's locale.

    Args:
        prefix: The way to the rule from what is ordered, such as `rule__`.
    """
    file = Coalesce(NullIf(F(f"{prefix}group__file"), Value("")), Value(PORTAL_FILE))
    return [
        Collate(file, "C"),
        Collate(F(f"{prefix}group__name"), "C"),
        f"{prefix}group_id",
        f"{prefix}position",
        f"{prefix}pk",
    ]
