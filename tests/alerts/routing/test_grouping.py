from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alerts.routing.grouping import group_key, group_labels, next_flush

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WAIT = timedelta(seconds=30)
LABELS = {"alertname": "HighLoad", "instance": "a:9100", "job": "node"}


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        pytest.param([], {}, id="one group for all"),
        pytest.param(["alertname"], {"alertname": "HighLoad"}, id="by one label"),
        pytest.param(["job", "cluster"], {"job": "node"}, id="a label that the alert lacks"),
        pytest.param(["..."], LABELS, id="by all labels"),
    ],
)
def test_group_labels_are_those_of_group_by(group_by: list[str], expected: dict[str, str]) -> None:
    assert group_labels(LABELS, group_by) == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({}, "{}:{}", id="no labels"),
        pytest.param({"b": "2", "a": "1"}, '{}:{a="1", b="2"}', id="sorted by name"),
        pytest.param({"a": 'x"\\\n'}, r'{}:{a="x\"\\\n"}', id="quoted"),
    ],
)
def test_group_key_is_spelt_as_in_alertmanager(labels: dict[str, str], expected: str) -> None:
    assert group_key("{}", labels) == expected


@pytest.mark.parametrize(
    ("current", "has_flushed", "age", "expected"),
    [
        pytest.param(None, False, 0, 30, id="a new group waits"),
        pytest.param(20, False, 0, 20, id="company does not prolong the wait"),
        pytest.param(20, False, 30, 0, id="an old alert does not wait"),
        pytest.param(200, True, 3600, 200, id="a group that has flushed keeps its rhythm"),
    ],
)
def test_next_flush(current: int | None, has_flushed: bool, age: int, expected: int) -> None:
    planned = None if current is None else NOW + timedelta(seconds=current)

    flush_at = next_flush(
        current=planned,
        has_flushed=has_flushed,
        earliest_start=NOW - timedelta(seconds=age),
        group_wait=WAIT,
        now=NOW,
    )

    assert flush_at == NOW + timedelta(seconds=expected)
