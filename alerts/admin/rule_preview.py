"""The answer to a rule's form that is being filled in: its PromQL, and what it would do now."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string

from alerts.admin.rule_form import RuleForm
from alerts.rules.preview import STEP_MS, Graph, mistake_in, preview_rule
from observability.metrics.backend import get_backend
from observability.metrics.json_numbers import json_number
from observability.promql.durations import format_duration
from observability.promql.go_floats import shortest

_OF_CONDITION = ("metric", "filters", "over_time", "window_length", "aggregation", "by", "operator", "threshold", "resolve_threshold", "expr", "resolve_expr")  # fmt: skip


def preview_answer(request: HttpRequest, form: RuleForm) -> dict[str, Any]:
    """Return what the form's scripts show, as JSON.

    Its `expr` is '' while the condition is unfinished, and `problem` says what is missing. The
    data are only for those who may read metrics.
    """
    form.full_clean()
    draft = form.draft()
    if draft is None:
        return _unfinished(form)
    answer: dict[str, Any] = {
        "expr": draft.expr,
        "resolve_expr": draft.resolve_expr,
        "problem": "",
        "html": "",
        "graph": None,
    }
    if not request.user.has_perm("metrics.view_series"):
        return answer
    preview = preview_rule(
        draft,
        backend=get_backend(),
        at_ms=int(time.time() * 1000),
        external_url=settings.EXTERNAL_URL,
    )
    context = {"draft": draft, "preview": preview, "hold": format_duration(draft.hold_ms)}
    answer["html"] = render_to_string("alerts/rule_preview_answer.html", context)
    answer["graph"] = _graph(preview.graph)
    return answer


def _unfinished(form: RuleForm) -> dict[str, Any]:
    problems = [form.errors[field][0] for field in _OF_CONDITION if field in form.errors]
    problem = problems[0] if problems else ""
    is_unplaced = "expr" not in form.errors or not form.data.get("expr", "").strip()
    mistake = None if is_unplaced else mistake_in(form.data["expr"])
    context = {"problem": problem, "mistake": mistake}
    html = render_to_string("alerts/rule_preview_unfinished.html", context)
    return {"expr": "", "resolve_expr": "", "problem": problem, "html": html, "graph": None}


def _graph(graph: Graph) -> dict[str, Any]:
    return {
        "expr": graph.expr,
        "start": graph.start_ms,
        "end": graph.end_ms,
        "step": STEP_MS,
        "levels": [
            {
                "value": json_number(level.value),
                "words": f"{'resolves' if level.resolves else 'fires'} {level.op} {shortest(level.value)}",
                "resolves": level.resolves,
            }
            for level in graph.levels
        ],
        "lines": [
            {
                "labels": dict(line.labels),
                "times": line.timestamps_ms,
                "values": [json_number(value) for value in line.values],
            }
            for line in graph.lines
        ],
    }
