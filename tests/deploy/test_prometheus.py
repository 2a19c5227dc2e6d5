from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from django.urls import resolve

from observability.embedded.locations import PROJECT_DIR
from tests.deploy.compose import read_compose, services

PATH = PROJECT_DIR / "deploy" / "prometheus" / "prometheus.yml"
RULES = PATH.parent / "rules"
KEY = "/run/secrets/prometheus_api_key"


def test_promtool_accepts_the_configuration(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    key, copy = tmp_path / "key", tmp_path / "prometheus.yml"
    key.write_text("op_", encoding="ascii")
    copy.write_text(PATH.read_text(encoding="utf-8").replace(KEY, str(key)), encoding="utf-8")
    shutil.copytree(RULES, tmp_path / "rules")

    result = subprocess.run(
        [promtool, "check", "config", str(copy)], capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(list(RULES.glob('*.yml')))} rule files found" in result.stdout


def test_job_portal_scrapes_the_web_service_with_its_key() -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load(PATH.read_text())["scrape_configs"]}
    portal, service = jobs["portal"], services()["prometheus"]

    assert set(jobs) == {"portal", "prometheus"}
    assert resolve(portal["metrics_path"]).url_name == "exposition"
    assert portal["static_configs"] == [{"targets": ["web:8000"]}]
    assert portal["authorization"] == {"credentials_file": KEY}
    assert service["secrets"] == [Path(KEY).name]
    assert Path(KEY).name in read_compose()["secrets"]
    assert service["profiles"] == ["monitoring"]


def test_service_prometheus_is_given_the_rules() -> None:
    (pattern,) = yaml.safe_load(PATH.read_text())["rule_files"]

    assert pattern == "rules/*.yml"
    assert "./prometheus/rules:/etc/prometheus/rules:ro" in services()["prometheus"]["volumes"]
