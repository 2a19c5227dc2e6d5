from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from .cases import CASES, NEWER, Case


@pytest.mark.parametrize("case", [*CASES, *NEWER], ids=str)
def test_what_holds_in_prometheus_holds_here(case: Case, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(case.rules, encoding="utf-8")
    (tmp_path / "test.yml").write_text(case.tests, encoding="utf-8")
    out, err = StringIO(), StringIO()

    try:
        call_command("test_rules", str(tmp_path / "test.yml"), stdout=out, stderr=err)
    except SystemExit:
        pytest.fail(err.getvalue())

    assert out.getvalue().endswith("  SUCCESS\n\n")
