"""Targets that an operator lists."""

from __future__ import annotations

from typing import Any

from observability.metrics.scraping.targets import TargetGroup


def find(config: dict[str, Any]) -> list[TargetGroup]:
    """Return the list as one group."""
    return [TargetGroup(addresses=config.get("targets", []), labels=config.get("labels", {}))]
