"""The sidebar: every app registers its pages here, under what operators come to do.

An entry is shown to those who hold its permission; the page itself checks again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Section(StrEnum):
    """A heading of the sidebar, in the order in which they are shown."""

    METRICS = "Metrics"
    ALERTS = "Alerts"
    DASHBOARDS = "Dashboards"
    DATABASE = "Database"
    POOL = "Pool"
    ACCESS = "Access"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One page in the sidebar.

    Attributes:
        section: The heading it stands under.
        title: What the operator reads.
        icon: A name of Google's Material Symbols.
        url_name: The page's URL by name, such as `admin:metrics_series_changelist`.
        permission: Who sees it, such as `metrics.view_series`.
        order: Lower comes first within its section.
    """

    section: Section
    title: str
    icon: str
    url_name: str
    permission: str
    order: int = 100


_entries: dict[str, Entry] = {}


def register_entry(entry: Entry) -> None:
    """Add a page to the sidebar; a second entry for the same URL replaces the first."""
    _entries[entry.url_name] = entry


def registered_entries() -> list[Entry]:
    """Return all entries, in the order of their sections, `order` and titles."""
    sections = list(Section)
    return sorted(_entries.values(), key=lambda e: (sections.index(e.section), e.order, e.title))
