"""The cases of the template tests, rendered again by the real Alertmanager and Prometheus."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from alerts.templating.literals import unquote
from alerts.templating.octets import from_octets, printable
from tests.alerts.templating import amtool_cases, promtool_cases
from tests.alerts.templating.amtool_cases import NOTIFICATION
from tests.alerts.templating.notification import params
from tests.alerts.templating.promtool_cases import ANNOTATIONS

AMTOOL = shutil.which("amtool")
PROMTOOL = shutil.which("promtool")

pytestmark = pytest.mark.interop

TEXTS = [
    amtool_cases.ACTIONS,
    amtool_cases.DATA,
    amtool_cases.TIMES,
    amtool_cases.LITERALS,
    amtool_cases.FUNCTIONS,
    amtool_cases.FORMATS,
    amtool_cases.SYNTAX_ERRORS,
    amtool_cases.EXECUTION_ERRORS,
]


def amtool(template: str, kind: str, directory: Path) -> str:
    data = directory / "notification.json"
    data.write_text(json.dumps(NOTIFICATION), encoding="utf-8")
    command = [
        str(AMTOOL),
        "template",
        "render",
        "--template.glob=none",
        f"--template.data={data}",
        f"--template.type={kind}",
        f"--template.text={template}",
    ]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    if done.returncode:
        return done.stderr.decode().removeprefix("amtool: error: ").rstrip("\n")
    return printable(from_octets(done.stdout)).removesuffix("\n")


@pytest.mark.skipif(AMTOOL is None, reason="no amtool (Debian: prometheus-alertmanager)")
@pytest.mark.parametrize(("template", "expected"), params(*TEXTS))
def test_amtool_renders_the_same_text(template: str, expected: str, tmp_path: Path) -> None:
    # It gives the notification as a value, where a notifier gives a pointer to it.
    assert amtool(template, "text", tmp_path) == expected.replace("*template.Data", "template.Data")


@pytest.mark.skipif(AMTOOL is None, reason="no amtool (Debian: prometheus-alertmanager)")
@pytest.mark.parametrize(("template", "expected"), params(amtool_cases.HTML))
def test_amtool_renders_the_same_page(template: str, expected: str, tmp_path: Path) -> None:
    assert amtool(template, "html", tmp_path) == expected


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool (Debian: prometheus)")
def test_promtool_expands_the_same_annotations(tmp_path: Path) -> None:
    parsed = [case for case in ANNOTATIONS if "error parsing template" not in case[1]]

    report = promtool([text for text, _ in parsed], tmp_path)

    found = re.findall(rb'[{ ](a\d+)=("(?:[^"\\]|\\.)*")', report.rpartition(b"got:[")[2])
    shown = {name.decode(): unquote(from_octets(literal)) for name, literal in found}
    assert [shown.get(f"a{number}", "") for number in range(len(parsed))] == [e for _, e in parsed]


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool (Debian: prometheus)")
def test_promtool_refuses_the_same_annotations(tmp_path: Path) -> None:
    refused = [case for case in ANNOTATIONS if "error parsing template" in case[1]]

    report = promtool([text for text, _ in refused], tmp_path).decode()

    for _, expected in refused:
        _, _, message = expected.removesuffix(">").partition("error parsing template __alert_X: ")
        assert message in report


def promtool(annotations: list[str], directory: Path) -> bytes:
    """Return what promtool says of an alert with these annotations, of which it expects none."""
    rule = {
        "alert": "X",
        "expr": "m > 0",
        "annotations": {f"a{number}": text for number, text in enumerate(annotations)},
    }
    labels = {name: value for name, value in promtool_cases.LABELS.items() if name != "__name__"}
    series = [("m", labels, promtool_cases.VALUE)] + [
        ("q", {name: value for name, value in found.items() if name != "__name__"}, value)
        for found, value in promtool_cases.SERIES["q"]
    ]
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name + braced(of), "values": str(value)}
                    for name, of, value in series
                ],
                "external_labels": promtool_cases.EXTERNAL_LABELS,
                "external_url": promtool_cases.EXTERNAL_URL,
                "alert_rule_test": [
                    {"eval_time": "0m", "alertname": "X", "exp_alerts": [{"exp_annotations": {}}]}
                ],
            }
        ],
    }
    rules = {"groups": [{"name": "g", "rules": [rule]}]}
    (directory / "rules.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    (directory / "test.yml").write_text(yaml.safe_dump(test), encoding="utf-8")
    command = [str(PROMTOOL), "test", "rules", "test.yml"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, cwd=directory)
    return done.stdout + done.stderr


def braced(labels: dict[str, str]) -> str:
    return "{" + ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items()) + "}"
