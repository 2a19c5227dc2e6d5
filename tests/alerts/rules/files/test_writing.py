from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.rules.files.definitions import FileGroup, FileRule
from alerts.rules.files.reading import checked_rules, read_rules
from alerts.rules.files.writing import write_rules
from tests.alerts.rules.files import strategies


@settings(max_examples=100)
@given(st.lists(strategies.groups, max_size=2, unique_by=lambda group: group.name))
def test_what_is_written_reads_back_the_same(groups: Sequence[FileGroup]) -> None:
    text = write_rules(groups)

    assert list(checked_rules(text, "").groups) == list(groups)


def test_keys_stand_in_the_order_people_expect() -> None:
    group = FileGroup(
        name="node",
        interval_ms=30_000,
        query_offset_ms=0,
        limit=10,
        labels={"team": "a"},
        rules=[
            FileRule(
                alert="Load",
                expr="node_load1 > 4",
                hold_ms=300_000,
                keep_firing_ms=60_000,
                labels={"severity": "warning"},
                annotations={"summary": "Load is {{ $value }}"},
            ),
            FileRule(record="job:up:sum", expr="sum by (job) (up)"),
        ],
    )

    text = write_rules([group])

    assert text == (
        "groups:\n"
        "- name: node\n"
        "  interval: 30s\n"
        "  query_offset: 0s\n"
        "  limit: 10\n"
        "  labels:\n"
        "    team: a\n"
        "  rules:\n"
        "  - alert: Load\n"
        "    expr: node_load1 > 4\n"
        "    for: 5m\n"
        "    keep_firing_for: 1m\n"
        "    labels:\n"
        "      severity: warning\n"
        "    annotations:\n"
        "      summary: Load is {{ $value }}\n"
        "  - record: job:up:sum\n"
        "    expr: sum by (job) (up)\n"
    )


@pytest.mark.parametrize(
    ("expr", "block"),
    [
        pytest.param(
            "sum(\n  up\n)\n", "|\n      sum(\n        up\n      )\n", id="with a last newline"
        ),
        pytest.param("up\n> 1", "|-\n      up\n      > 1\n", id="without"),
        pytest.param("up\n\n> 1", "|-\n      up\n\n      > 1\n", id="an empty line"),
    ],
)
def test_expressions_of_several_lines_are_blocks(expr: str, block: str) -> None:
    text = write_rules([FileGroup(name="g", rules=[FileRule(alert="A", expr=expr)])])

    assert f"    expr: {block}" in text
    assert read_rules(text).groups[0].rules[0].expr == expr


def test_a_file_without_groups_can_be_written() -> None:
    assert write_rules([]) == "groups: []\n"
