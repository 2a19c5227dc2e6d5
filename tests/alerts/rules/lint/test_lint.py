from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from alerts.rules.files.definitions import FileGroup, FileRule
from alerts.rules.files.reading import read_rules
from alerts.rules.files.writing import write_rules
from alerts.rules.lint.registry import lint
from alerts.rules.lint.stored import StoredMetrics
from observability.metrics.backend import get_backend
from observability.metrics.samples import Metadata, MetricType, SampleBatch, batch_at
from observability.promql.labels import label_set

NOW_MS = 1_772_366_400_000


def findings(*rules: FileRule, seen: StoredMetrics | None = None) -> list[str]:
    """Return names of checks and what they say of rules as they stand in a file."""
    groups = read_rules(write_rules([FileGroup(name="g", rules=rules)])).groups
    return [
        f"{one.check}: {one.remark.message}; {one.remark.advice}" for one in lint(groups, seen=seen)
    ]


def alert(expr: str, **fields: Any) -> FileRule:
    return FileRule(alert="A", expr=expr, **{"hold_ms": 300_000, **fields})


def checks(*rules: FileRule, seen: StoredMetrics | None = None) -> list[str]:
    return [text.partition(":")[0] for text in findings(*rules, seen=seen)]


def recorded(*series: tuple[str, dict[str, str], float], **types: MetricType) -> StoredMetrics:
    """Record samples and return what lint sees of them."""
    samples = [(label_set({"__name__": name, **labels}), value) for name, labels, value in series]
    metadata = {name: Metadata(type=kind) for name, kind in types.items()}
    batch: SampleBatch = batch_at(NOW_MS - 60_000, samples, metadata=metadata)
    get_backend().append(batch)
    return StoredMetrics(get_backend(), now_ms=NOW_MS)


@pytest.mark.parametrize(
    "expr",
    [
        "up == 0",
        "sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(all_total[5m])) > 0.05",
        "absent(up)",
        "a and b",
        "a unless on (job) b",
        "max_over_time(load[1h]) > 4",
        "(time() - last) > 600",
        "count(up == 0) > 2",
        "rate(a_total[5m]) == 0",
        "count(up == 0) >= 1",
        "hashrate < 0.5 * (hashrate offset 1h)",
        "(count(up) or vector(0)) == 0",
        "predict_linear(free[6h], 86400) < 0",
    ],
)
def test_rules_as_they_should_be_have_no_findings(expr: str) -> None:
    assert findings(alert(expr)) == []


@pytest.mark.parametrize(
    ("expr", "check"),
    [
        pytest.param("vector(1)", "always-true", id="a constant"),
        pytest.param("up", "always-true", id="no comparison"),
        pytest.param("sum(rate(a_total[5m]))", "always-true", id="only a rate"),
        pytest.param("up == bool 0", "always-true", id="bool"),
        pytest.param("rate(a_total[5m]) >= 0", "always-true", id="never negative"),
        pytest.param("a > 1 or b", "always-true", id="or with no comparison"),
        pytest.param("rate(a[5m]) / rate(a[5m]) > 0.05", "always-true", id="divided by itself"),
        pytest.param("up[5m]", "result-type", id="a range vector"),
        pytest.param("count(up) == 0", "never-true", id="a count of nothing"),
        pytest.param("count(up{job='a'}) < 1", "never-true", id="a count below one"),
        pytest.param("rate(a_total[5m]) < 0", "never-true", id="a negative rate"),
        pytest.param("rate(a[5m]) / rate(a[5m]) > 1", "never-true", id="a ratio to itself"),
        pytest.param("errors_total > 5", "raw-counter", id="a counter"),
        pytest.param("5 < sum(errors_total)", "raw-counter", id="a counter's sum"),
    ],
)
def test_what_a_rule_alone_tells(expr: str, check: str) -> None:
    assert check in checks(alert(expr))


def test_a_rule_without_for_fires_on_one_sample() -> None:
    assert findings(alert("up == 0", hold_ms=0)) == [
        "missing-for: has no 'for', so a single sample fires it; "
        "say how long the condition must hold, such as 'for: 5m'"
    ]


def test_a_window_waits_as_for_does() -> None:
    assert findings(alert("increase(errors_total[10m]) > 3", hold_ms=0)) == []


def test_recording_rules_need_no_comparison() -> None:
    assert findings(FileRule(record="job:up:sum", expr="sum by (job) (up)")) == []


@pytest.mark.django_db
def test_a_metric_that_is_not_there_is_told_with_one_that_is() -> None:
    seen = recorded(("lint_requests_total", {}, 1.0))

    found = findings(alert("rate(lint_request_total[5m]) > 1"), seen=seen)

    assert found == [
        "missing-metric: there is no metric lint_request_total; did you mean lint_requests_total?"
    ]


@pytest.mark.django_db
def test_metrics_that_rules_record_and_absent_ones_are_not_missed() -> None:
    seen = recorded(("lint_up", {}, 1.0))
    recording = FileRule(record="lint:up:sum", expr="sum(lint_up)")

    assert findings(recording, alert("lint:up:sum < 1"), seen=seen) == []
    assert findings(alert("absent(lint_heartbeat)"), alert("ALERTS == 1"), seen=seen) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("selector", "message"),
    [
        pytest.param(
            'lint_cpu{mode="idel"}',
            'no series of lint_cpu has mode="idel"; there are, for example: idle, user',
            id="no such value",
        ),
        pytest.param(
            'lint_cpu{cpu="0"}',
            "lint_cpu has no label cpu; its labels are: host, mode",
            id="no such label",
        ),
        pytest.param(
            'lint_cpu{host="b",mode="user"}',
            'no series of lint_cpu has all of host="b", mode="user"; '
            "each of them is there, but not together",
            id="never together",
        ),
    ],
)
def test_matchers_that_no_series_satisfies_are_told(selector: str, message: str) -> None:
    seen = recorded(
        ("lint_cpu", {"host": "a", "mode": "user"}, 1.0),
        ("lint_cpu", {"host": "a", "mode": "idle"}, 1.0),
        ("lint_cpu", {"host": "b", "mode": "idle"}, 1.0),
    )

    assert findings(alert(f"{selector} > 1"), seen=seen) == [f"unmatched-matcher: {message}"]


@pytest.mark.django_db
def test_a_rate_of_a_gauge_is_told() -> None:
    seen = recorded(("lint_memory", {}, 1.0), lint_memory=MetricType.GAUGE)

    (found,) = findings(alert("rate(lint_memory[5m]) > 1"), seen=seen)

    assert found.startswith("rate-of-gauge: rate() is for counters, and lint_memory is a gauge")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "expected"),
    [(MetricType.COUNTER, ["raw-counter"]), (MetricType.GAUGE, [])],
    ids=["counter", "gauge"],
)
def test_what_senders_say_of_a_metric_decides_whether_it_is_a_counter(
    kind: MetricType, expected: Sequence[str]
) -> None:
    seen = recorded(("lint_seen_total", {}, 3.0), lint_seen_total=kind)

    assert checks(alert("lint_seen_total > 2"), seen=seen) == expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("condition", "is_far"),
    [("> 90", True), ("> 0.9", False), ("> 5", False), ("< -90", True), ("< 90", False)],
)
def test_a_threshold_far_outside_what_was_seen_is_told(condition: str, is_far: bool) -> None:
    seen = recorded(("lint_ratio", {"a": "1"}, 0.25), ("lint_ratio", {"a": "2"}, 0.75))

    found = findings(alert(f"lint_ratio {condition}"), seen=seen)

    assert bool(found) == is_far
    if condition == "> 90":
        assert found == [
            "far-threshold: in the last day 'lint_ratio' was from 0.25 to 0.75, far from > 90; "
            "if that is a ratio, 90 % of it is 0.9"
        ]
