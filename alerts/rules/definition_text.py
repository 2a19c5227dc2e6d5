"""Definitions of rules and groups as people read them: durations as `5m`, and as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from observability.promql.durations import format_duration


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def readable(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition in the words of rule files, in the order in which one writes them.

    What is empty is left out; see `alerts.rules.revisions` for definitions.
    """
    found = _rule(definition) if "expr" in definition else _group(definition)
    return {name: value for name, value in found.items() if value not in ("", None, {})}


def yaml_of(definition: Mapping[str, Any]) -> str:
    """Return the same as YAML."""
    return yaml.dump(
        readable(definition), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100_000
    )


def _rule(definition: Mapping[str, Any]) -> dict[str, Any]:
    get = definition.get
    is_recording = get("kind") == "recording"
    alerting = {
        "made in": "PromQL" if get("form") is None else "the simple form",
        "for": _duration(get("hold_ms")),
        "keep_firing_for": _duration(get("keep_firing_ms")),
        "resolve_expr": get("resolve_expr"),
        "on_no_data": get("on_no_data"),
        "on_error": get("on_error"),
        "severity": get("severity"),
    }
    return {
        "record" if is_recording else "alert": get("name"),
        "group": get("group", {}).get("name"),
        "file": get("group", {}).get("file"),
        "expr": get("expr"),
        **({} if is_recording else alerting),
        "labels": _sorted(get("labels")),
        "annotations": _sorted(get("annotations")),
        "enabled": get("enabled"),
        "position": get("position"),
    }


def _group(definition: Mapping[str, Any]) -> dict[str, Any]:
    get = definition.get
    offset_ms = get("query_offset_ms")
    return {
        "name": get("name"),
        "file": get("file"),
        "owner": get("owner"),
        "interval": _duration(get("interval_ms")),
        "limit": get("limit") or None,
        "query_offset": None if offset_ms is None else format_duration(offset_ms),
        "labels": _sorted(get("labels")),
        "enabled": get("enabled"),
    }


def _duration(duration_ms: int | None) -> str:
    return format_duration(duration_ms) if duration_ms else ""


def _sorted(texts: Mapping[str, str] | None) -> dict[str, str]:
    return dict(sorted((texts or {}).items()))
