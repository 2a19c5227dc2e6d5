"""What Prometheus would take from a rule file and the portal cannot keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from alerts.rules.condition import is_storable
from alerts.rules.files.definitions import FileGroup, FileRule, RuleFile
from observability.promql.durations import format_duration
from observability.promql.labels import quote

MAX_NAME_LENGTH = 200
MAX_LIMIT = 2**31 - 1
INTERVALS_MS = (1_000, 86_400_000)


def beyond_portal(rule_file: RuleFile) -> list[str]:
    """Return what the portal cannot keep of a file, each with its place; empty when all fits."""
    return [problem for group in rule_file.groups for problem in _problems(group)]


def _problems(group: FileGroup) -> Iterator[str]:
    shortest, longest = INTERVALS_MS
    where = f"{group.place}: group {quote(group.name[:MAX_NAME_LENGTH])}"
    for text in (group.name, group.owner):
        if len(text) > MAX_NAME_LENGTH:
            yield f"{where}: names and owners have at most {MAX_NAME_LENGTH} characters"
    if group.interval_ms is not None and not shortest <= group.interval_ms <= longest:
        yield (
            f"{where}: expected an interval from {format_duration(shortest)} to "
            f"{format_duration(longest)}, got {format_duration(group.interval_ms)}"
        )
    if group.limit > MAX_LIMIT:
        yield f"{where}: expected a limit of at most {MAX_LIMIT}, got {group.limit}"
    if not _is_storable(group.name, group.owner, group.labels):
        yield f"{where}: contains a character that cannot be stored"
    for number, rule in enumerate(group.rules, 1):
        name = quote(rule.name[:MAX_NAME_LENGTH])
        for problem in _rule_problems(rule):
            yield f"{rule.place}: group {quote(group.name)}, rule {number}, {name}: {problem}"


def _rule_problems(rule: FileRule) -> Iterator[str]:
    if len(rule.name) > MAX_NAME_LENGTH:
        yield f"a name has at most {MAX_NAME_LENGTH} characters"
    if not _is_storable(rule.name, rule.expr, rule.resolve_expr, rule.labels, rule.annotations):
        yield "contains a character that cannot be stored"


def _is_storable(*values: Any) -> bool:
    return all(
        is_storable(text)
        for value in values
        for text in ([*value, *value.values()] if isinstance(value, Mapping) else [value])
    )
