"""What a range query took, part by part, in the JSON that the page draws."""

from __future__ import annotations

import time
from typing import Any

from observability.metrics.backend import get_backend
from observability.metrics.query_page.offsets import browser_span
from observability.promql import QueryOptions
from observability.promql.explanation import Explanation


def explain(expr: str, *, start_ms: int, end_ms: int, step_ms: int) -> dict[str, Any]:
    """Run a range query and return what each part of it took; its values are dropped.

    Raises:
        PromQLError: As `MetricsBackend.query_range`.
    """
    began = time.perf_counter()
    result = get_backend().query_range(
        expr,
        start_ms=start_ms,
        end_ms=end_ms,
        step_ms=step_ms,
        options=QueryOptions(explain=True),
    )
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "root": None if result.explanation is None else _node(expr, result.explanation),
        "warnings": result.warnings,
        "infos": result.infos,
    }


def _node(expr: str, node: Explanation) -> dict[str, Any]:
    return {
        "text": node.text,
        "kind": node.kind,
        "seconds": node.seconds,
        "own_seconds": node.own_seconds,
        "series": node.series,
        "points": node.points,
        "samples": node.samples,
        "sources": node.sources,
        "children": [_node(expr, child) for child in node.children],
        **browser_span(expr, node.span),
    }
