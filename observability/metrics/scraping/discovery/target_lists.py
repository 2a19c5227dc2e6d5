"""Target groups as files and HTTP services list them: `[{"targets": [...], "labels": {...}}]`.

Source: Prometheus 3, "Configuration", file_sd_config and http_sd_config.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from observability.metrics.naming import LABEL_NAME_PATTERN, label_value_fault
from observability.metrics.scraping.errors import DiscoveryError
from observability.metrics.scraping.targets import TargetGroup

MAX_TARGETS = 20_000
"""What one source may list; bounds the rows that a mistake can make."""


def read_groups(
    listed: Any, *, where: str, added_labels: Mapping[str, str] | None = None
) -> list[TargetGroup]:
    """Return the groups of a list.

    Args:
        listed: What JSON or YAML held.
        where: Names the list in errors.
        added_labels: Labels that every group gets, such as `__meta_url`.

    Raises:
        DiscoveryError: It is not such a list.
    """
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise DiscoveryError(f"{where}: expected a list of groups with targets")
    groups = [
        _read_group(item, f"{where}, group {number}", added_labels or {})
        for number, item in enumerate(listed, start=1)
    ]
    check_count(groups, where=where)
    return groups


def check_count(groups: Sequence[TargetGroup], *, where: str) -> None:
    """Raise `DiscoveryError` when these are more targets than one source may list."""
    if (count := sum(len(group.addresses) for group in groups)) > MAX_TARGETS:
        raise DiscoveryError(f"{where}: at most {MAX_TARGETS:,} targets; these are {count:,}")


def as_rows(groups: Sequence[TargetGroup]) -> list[dict[str, Any]]:
    """Return groups in the form that `read_groups` reads."""
    return [{"targets": list(g.addresses), "labels": dict(g.labels)} for g in groups]


def _read_group(item: Any, where: str, added_labels: Mapping[str, str]) -> TargetGroup:
    if not isinstance(item, dict):
        raise DiscoveryError(f"{where}: expected an object with targets")
    if set(item) - {"targets", "labels"}:
        raise DiscoveryError(f"{where}: only targets and labels belong there")
    targets, labels = item.get("targets") or [], item.get("labels") or {}
    if not isinstance(targets, list) or not all(isinstance(target, str) for target in targets):
        raise DiscoveryError(f"{where}: targets must be a list of texts")
    if not isinstance(labels, dict):
        raise DiscoveryError(f"{where}: labels must be names and values")
    for name, value in labels.items():
        if not isinstance(name, str) or not LABEL_NAME_PATTERN.fullmatch(name):
            raise DiscoveryError(f"{where}: {str(name)[:100]!r} is not a label name")
        if not isinstance(value, str):
            raise DiscoveryError(f"{where}: the value of the label {name} must be a text")
        if fault := label_value_fault(value):
            raise DiscoveryError(f"{where}: {name}: {fault}")
    return TargetGroup(addresses=targets, labels={**labels, **added_labels})
