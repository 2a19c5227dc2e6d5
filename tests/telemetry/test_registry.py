from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from observability.telemetry.registry import exposition

PROMTOOL = shutil.which("promtool")
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


@pytest.mark.parametrize(
    ("accept", "content_type", "parse"),
    [
        pytest.param("", "text/plain; version=0.0.4", text_string_to_metric_families, id="none"),
        pytest.param("*/*", "text/plain; version=0.0.4", text_string_to_metric_families, id="any"),
        pytest.param(
            OPENMETRICS,
            "application/openmetrics-text; version=1.0.0",
            openmetrics.text_string_to_metric_families,
            id="openmetrics",
        ),
    ],
)
def test_exposition_is_in_the_format_that_is_asked_for(
    accept: str, content_type: str, parse: Callable[[str], object]
) -> None:
    body, actual_type = exposition(accept)

    assert actual_type.startswith(content_type)
    assert len(list(parse(body.decode()))) > 0  # type: ignore[call-overload]  # a generator


def test_no_family_appears_twice() -> None:
    body, _ = exposition("")

    types = [line.split()[2] for line in body.decode().splitlines() if line.startswith("# TYPE")]

    assert len(types) == len(set(types))


@pytest.mark.interop
@pytest.mark.skipif(PROMTOOL is None, reason="no promtool (Debian: prometheus)")
def test_promtool_finds_nothing_to_parse_wrong() -> None:
    body, _ = exposition("")

    check = subprocess.run(
        [str(PROMTOOL), "check", "metrics"], input=body, capture_output=True, check=False
    )

    assert b"error while linting" not in check.stderr
    assert check.returncode in {0, 3}  # 3: opinions on names that django-prometheus has chosen
