"""Lint of groups against what the portal has recorded and its rules record."""

from __future__ import annotations

import time
from collections.abc import Iterable

from alerts.models import Rule, RuleKind
from alerts.rules.files.definitions import FileGroup
from alerts.rules.lint.finding import Finding
from alerts.rules.lint.registry import lint
from alerts.rules.lint.stored import StoredMetrics
from observability.metrics.backend import get_backend

_SECONDS_OF_A_PAGE = 5.0


def recorded_names() -> frozenset[str]:
    """Return the names that the portal's own rules record."""
    rules = Rule.objects.filter(kind=RuleKind.RECORDING)
    return frozenset(rules.values_list("name", flat=True))


def lint_for_page(groups: Iterable[FileGroup]) -> list[Finding]:
    """Return what lint finds in the few seconds that somebody waits for a page."""
    now_ms = int(time.time() * 1000)
    seen = StoredMetrics(get_backend(), now_ms=now_ms, seconds=_SECONDS_OF_A_PAGE)
    return list(lint(groups, seen=seen, recorded=recorded_names()))
