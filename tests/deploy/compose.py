"""deploy/docker-compose.yml as Compose reads it, anchors and merges resolved."""

from __future__ import annotations

from typing import Any

import yaml

from observability.embedded.locations import PROJECT_DIR

PATH = PROJECT_DIR / "deploy" / "docker-compose.yml"


def read_compose() -> dict[str, Any]:
    """Return the whole file."""
    loaded: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return loaded


def services() -> dict[str, Any]:
    """Return the services by name."""
    found: dict[str, Any] = read_compose()["services"]
    return found
