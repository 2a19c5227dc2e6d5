"""What a rule would do now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from alerts.rules.preview import (
    MAX_LINES,
    MAX_SERIES,
    STEP_MS,
    Draft,
    Preview,
    mistake_in,
    preview_rule,
)
from observability.metrics.backend import get_backend
from observability.metrics.samples import batch_at

pytestmark = pytest.mark.django_db

NOW_MS = 1_790_000_000_000


def record(name: str, values: Mapping[str, float], *, at_ms: int = NOW_MS) -> None:
    """Store a sample of a series for each host."""
    samples = [
        ((("__name__", name), ("host", host)), value) for host, value in sorted(values.items())
    ]
    get_backend().append(batch_at(at_ms, samples))


def preview(expr: str, *, templates_seconds: float = 60.0, **changes: Any) -> Preview:
    fields: dict[str, Any] = {"is_recording": False, "name": "Hot", "labels": {"alertname": "Hot"}}
    draft = Draft(expr=expr, **(fields | changes))
    return preview_rule(
        draft,
        backend=get_backend(),
        at_ms=NOW_MS,
        external_url="https://portal.example",
        templates_seconds=templates_seconds,
    )


def test_what_would_fire_has_its_labels_and_filled_in_texts() -> None:
    record("pv_heat", {"a": 95, "b": 91, "c": 20})
    labels = {"alertname": "Hot", "team": "{{ $labels.host | toUpper }}"}
    annotations = {
        "summary": "{{ $labels.host }} at {{ $value }} of {{ query `count(pv_heat)` | first | value }}",
        "link": "{{ $externalURL }}/x",
    }

    found = preview("pv_heat > 90", labels=labels, annotations=annotations)

    assert (found.found_count, found.watched_count, found.problem) == (2, 3, "")
    first = min(found.found, key=lambda each: dict(each.labels)["host"])
    assert dict(first.labels) == {"alertname": "Hot", "host": "a", "team": "A"}
    assert first.annotations == {"summary": "a at 95 of 3", "link": "https://portal.example/x"}


def test_a_template_that_cannot_be_filled_in_says_so_as_prometheus_does() -> None:
    record("pv_template", {"a": 1})

    found = preview("pv_template", annotations={"a": "{{ nope }}", "b": "{{ .Foo }}"})

    assert found.found[0].annotations["a"] == (
        "<error expanding template: error parsing template __alert_Hot: "
        'template: __alert_Hot:1: function "nope" not defined>'
    )
    assert "can't evaluate field Foo" in found.found[0].annotations["b"]


def test_the_graph_shows_what_is_watched_with_both_thresholds() -> None:
    for step in (0, 1, 2):
        record("pv_graph", {"a": 50.0 + step}, at_ms=NOW_MS - (2 - step) * STEP_MS)

    graph = preview("pv_graph > 90", resolve_expr="pv_graph <= 40 * 2").graph

    assert graph.expr == "pv_graph"
    assert [(level.value, level.op, level.resolves) for level in graph.levels] == [
        (90.0, ">", False),
        (80.0, "<=", True),
    ]
    assert graph.lines[0].timestamps_ms[-1] == NOW_MS
    assert set(graph.lines[0].values) == {50.0, 51.0, 52.0}


def test_where_nothing_fires_the_nearest_series_is_told() -> None:
    record("pv_near", {"a": 40, "b": 70, "c": float("nan")})

    nearest = preview("pv_near > 90").nearest

    assert nearest is not None
    assert dict(nearest.labels)["host"] == "b"
    assert (nearest.value, nearest.distance, nearest.level.value) == (70, 20, 90)


def test_a_part_of_a_condition_tells_nothing_of_the_distance() -> None:
    record("pv_part", {"a": 99})

    found = preview("pv_part > 90 and pv_part < 95")

    assert (found.found_count, found.nearest) == (0, None)
    assert found.graph.levels[0].value == 90


def test_metrics_of_which_nothing_is_stored_are_named() -> None:
    record("pv_known", {"a": 1})

    found = preview("pv_known / pv_unknown > 5")

    assert list(found.unknown_metrics) == ["pv_unknown"]
    assert (found.found_count, found.graph.lines) == (0, [])


def test_a_recording_rule_shows_what_it_would_record() -> None:
    record("pv_recorded", {"a": 2, "b": 3})

    found = preview(
        "sum without (host) (pv_recorded)",
        is_recording=True,
        name="pv:sum",
        labels={"team": "{{ plain }}"},
    )

    assert [(dict(one.labels), one.value) for one in found.found] == [
        ({"__name__": "pv:sum", "team": "{{ plain }}"}, 5.0)
    ]
    assert found.graph.expr == "sum without (host) (pv_recorded)"


def test_the_offset_of_the_group_is_kept() -> None:
    record("pv_offset", {"a": 7}, at_ms=NOW_MS - 600_000)

    assert preview("pv_offset > 1").found_count == 0
    assert preview("pv_offset > 1", query_offset_ms=600_000).found_count == 1


def test_alerts_that_would_be_the_same_are_a_problem() -> None:
    record("pv_same", {"a": 7, "b": 8})

    found = preview("pv_same > 1", labels={"alertname": "Hot", "host": "all"})

    assert "same label set" in found.problem
    assert len(found.graph.lines) == 2


def test_an_expression_without_an_answer_is_a_problem() -> None:
    record("pv_many", {"a": 7, "b": 8})

    found = preview("pv_many + on () pv_many > 1")

    assert "many-to-many" in found.problem


def test_only_so_many_series_are_told_and_drawn_those_that_fire_first() -> None:
    count = MAX_SERIES + 10
    record("pv_crowd", {f"h{n:03}": float(n) for n in range(count)})

    found = preview("pv_crowd > 5")

    assert (found.found_count, len(found.found)) == (count - 6, MAX_SERIES)
    assert (found.graph.series_count, len(found.graph.lines)) == (count, MAX_LINES)
    assert max(line.values[-1] for line in found.graph.lines) == count - 1


def test_a_template_without_end_stops_with_all_others() -> None:
    record("pv_endless", {f"h{n}": 1.0 for n in range(20)})
    endless = "{{ range 1000000 }}{{ range 1000000 }}{{ $x := 1 }}{{ end }}{{ end }}"

    found = preview("pv_endless", annotations={"a": endless}, templates_seconds=0.05)

    assert all("longer than" in one.annotations["a"] for one in found.found)


def test_a_mistake_is_told_with_its_place() -> None:
    mistake = mistake_in("sum(rates(x[5m]))")

    assert mistake is not None
    assert (mistake.before, mistake.marked, mistake.after) == ("sum(", "rates", "(x[5m]))")
    assert "unknown function" in mistake.message
    assert mistake_in("sum(x)") is None
