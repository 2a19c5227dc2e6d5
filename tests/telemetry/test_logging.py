from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from observability.telemetry.logging import mask_secrets


def logged(code: str, *, console: bool = False) -> str:
    """Return what a process with our logging writes to stdout."""
    prelude = (
        "import logging, structlog\n"
        "from observability.telemetry.logging import configure\n"
        f"configure({{'console': {console}}})\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PROMETHEUS_MULTIPROC_DIR"}
    return subprocess.run(
        [sys.executable, "-c", prelude + code],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_structlog_and_standard_logs_are_json_lines_of_one_shape() -> None:
    output = logged(
        "structlog.contextvars.bind_contextvars(request_id='r1')\n"
        "structlog.get_logger('ours').info('saved', rows=3)\n"
        "logging.getLogger('theirs').warning('gone: %s', 'x', extra={'rows': 4})\n"
    )

    ours, theirs = lines(output)

    assert {
        "message": "saved",
        "rows": 3,
        "request_id": "r1",
        "level": "info",
    }.items() <= ours.items()
    assert {
        "message": "gone: x",
        "rows": 4,
        "request_id": "r1",
        "logger": "theirs",
    }.items() <= theirs.items()


def test_exception_is_one_line_with_its_traceback() -> None:
    [line] = lines(
        logged("try:\n  1/0\nexcept ZeroDivisionError:\n  logging.exception('failed')\n")
    )

    assert line["message"] == "failed"
    assert "ZeroDivisionError: division by zero" in line["exception"]


def test_console_lines_are_for_people() -> None:
    output = logged("structlog.get_logger('ours').info('saved', rows=3)", console=True)

    assert "saved" in output
    assert not output.startswith("{")


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("postgresql://portal:pa55@db/x", "postgresql://portal:***@db/x"),
        ("redis://:pa55@host/0", "redis://:***@host/0"),
        ("key op_abcd1234_" + "s" * 43 + " used", "key op_abcd1234_*** used"),
        ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer ***"),
        ("https://hooks.slack.com/services/T/B/xyz failed", "https://hooks.slack.com/*** failed"),
        ("GET /a?page=2&token=abc", "GET /a?page=2&token=***"),
        ("nothing to hide: user:name", "nothing to hide: user:name"),
    ],
)
def test_secrets_are_masked(line: str, masked: str) -> None:
    assert mask_secrets(line) == masked
