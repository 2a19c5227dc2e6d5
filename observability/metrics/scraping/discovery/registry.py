"""Which module finds the targets of which kind of source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from observability.metrics.scraping.discovery import dns, files, http, static
from observability.metrics.scraping.discovery.target_lists import check_count
from observability.metrics.scraping.models import SourceKind
from observability.metrics.scraping.targets import TargetGroup

Find = Callable[[dict[str, Any]], list[TargetGroup]]

FINDERS: Mapping[str, Find] = {
    SourceKind.STATIC: static.find,
    SourceKind.FILE: files.find,
    SourceKind.HTTP: http.find,
    SourceKind.DNS: dns.find,
}


def find_groups(kind: str, config: dict[str, Any]) -> list[TargetGroup]:
    """Return what a source lists now; raises `DiscoveryError` when it cannot be asked, or lists too much."""
    groups = FINDERS[kind](config)
    check_count(groups, where="the source")
    return groups
