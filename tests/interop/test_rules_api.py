"""`/api/v1/rules` and `/api/v1/alerts` beside a real Prometheus that has the same rule file."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from observability.access.scopes import Scope
from tests.access.cast import bearer, make_key
from tests.alerts.test_api_rules import Api
from tests.embedded.portal_process import free_port, wait_for

PROMETHEUS = shutil.which("prometheus")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.django_db,
    pytest.mark.skipif(PROMETHEUS is None, reason="no Prometheus (Debian: prometheus)"),
]

RULES = r"""
groups:
  - name: zeta
    interval: 1s
    rules:
      - alert: Always
        expr: vector( 2 )>1
        labels: {severity: critical, team: "{{ $value }}", path: "/<a>&"}
        annotations: {summary: "It is {{ $value | humanize }}", runbook_url: https://example.org}
        keep_firing_for: 90s
      - record: interop:three:sum
        expr: sum (vector(3))
        labels: {team: infra}
      - alert: Waits
        expr: vector(0.001)
        for: 1h30m
      - alert: Quiet
        expr: vector(0) > 1
  - name: Alpha
    interval: 1s
    limit: 1
    rules:
      - alert: TooMany
        expr: label_replace(vector(1), "i", "a", "", "") or label_replace(vector(1), "i", "b", "", "")
      - record: interop:infinite
        expr: vector(1) / 0
        labels: {team: web}
"""
_OF_THE_MOMENT = {"activeAt", "evaluationTime", "lastEvaluation"}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("rules-of-prometheus")
    (folder / "rules.yml").write_text(RULES)
    (folder / "prometheus.yml").write_text("rule_files: [rules.yml]\nscrape_configs: []\n")
    port = free_port()
    process = subprocess.Popen(
        [
            str(PROMETHEUS),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: _has_evaluated(f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def portal(tmp_path: Path) -> Client:
    """A portal that has imported and evaluated the same rules."""
    file = tmp_path / "rules.yml"
    file.write_text(RULES)
    call_command("import_rules", str(file))
    Api(Scope.ALERTS_WRITE)("POST", "/api/alert-rules/evaluate")
    return Client(headers=bearer(make_key(Scope.ALERTS_READ)))


@pytest.mark.parametrize(
    "path",
    ["rules", "rules?type=alert", "rules?type=RECORD", "rules?type=alerts", "alerts"],
)
def test_rules_and_alerts_are_those_of_prometheus(
    portal: Client, prometheus: str, path: str
) -> None:
    theirs = _ask(f"{prometheus}/api/v1/{path}")
    response: Any = portal.get(f"/api/v1/{path}")
    ours = (response.status_code, json.loads(b"".join(response)))

    assert _comparable(ours) == _comparable(theirs)


def _ask(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def _has_evaluated(url: str) -> bool:
    try:
        groups = _ask(f"{url}/api/v1/rules")[1]["data"]["groups"]
    except (urllib.error.URLError, ConnectionError, json.JSONDecodeError):
        return False
    healths = {rule["health"] for group in groups for rule in group["rules"]}
    return bool(healths) and "unknown" not in healths


def _comparable(found: Any, name: str = "") -> Any:
    """Return an answer without times, and without the folders of files."""
    match found:
        case dict():
            return {key: _comparable(value, key) for key, value in found.items()}
        case list() | tuple():
            items = [_comparable(item) for item in found]
            # Prometheus lists alerts in any order.
            return sorted(items, key=json.dumps) if name == "alerts" else items
        case str() if name == "file":
            return Path(found).name
        case _:
            return "some time" if name in _OF_THE_MOMENT else found
