"""What rule files may say beyond Prometheus, in unit tests of rules."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

RULES = """
groups:
  - name: g
    rules:
      - alert: Held
        expr: load > 90
        resolve_expr: load < 80
      - alert: Kept
        expr: beat > 0
        on_no_data: keep
      - alert: Off
        expr: load > 0
        enabled: false
"""

TESTS = """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: load
        values: 95 85 75
      - series: beat
        values: 1 stale
    alert_rule_test:
      - {eval_time: 1m, alertname: Held, exp_alerts: [{}]}
      - {eval_time: 2m, alertname: Held, exp_alerts: []}
      - {eval_time: 2m, alertname: Kept, exp_alerts: [{}]}
      - {eval_time: 1m, alertname: Off, exp_alerts: []}
"""


def test_resolve_conditions_and_choices_hold_in_unit_tests(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / "test.yml").write_text(TESTS, encoding="utf-8")
    out, err = StringIO(), StringIO()

    try:
        call_command("test_rules", str(tmp_path / "test.yml"), stdout=out, stderr=err)
    except SystemExit:
        pytest.fail(err.getvalue())

    assert out.getvalue().endswith("  SUCCESS\n\n")
