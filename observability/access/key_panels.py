"""What other apps show about API keys: columns of their list, panels on the page of one.

`access` owns the pages and knows nothing of what keys are used for; whoever does registers it here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from django.utils.safestring import SafeString

from observability.access.models import ApiKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyColumn:
    """A column of the list of keys.

    Attributes:
        name: Unique, as in Python.
        title: What stands over it.
        texts: Takes the ids of all keys of a page and returns what is shown for each; a key that
            is missing shows a dash.
    """

    name: str
    title: str
    texts: Callable[[Collection[int]], Mapping[int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPanel:
    """A part of a key's page, above its form.

    Attributes:
        name: Unique, as in Python.
        html: What is shown.
    """

    name: str
    html: Callable[[ApiKey], SafeString]


_columns: dict[str, KeyColumn] = {}
_panels: dict[str, KeyPanel] = {}


def register_key_column(column: KeyColumn) -> None:
    """Add a column to the list; a second of the same name replaces the first."""
    _columns[column.name] = column


def register_key_panel(panel: KeyPanel) -> None:
    """Add a panel to the page of each key; a second of the same name replaces the first."""
    _panels[panel.name] = panel


def registered_key_columns() -> list[KeyColumn]:
    """Return the columns in the order of their registration."""
    return list(_columns.values())


def registered_key_panels() -> list[KeyPanel]:
    """Return the panels in the order of their registration."""
    return list(_panels.values())
