from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from observability.metrics.scraping.errors import ScrapeConfigError
from observability.metrics.scraping.importing import Action, import_jobs, plan_changes
from observability.metrics.scraping.models import ScrapeJob, ScrapeTarget
from observability.metrics.scraping.prometheus_config import read_config

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)

FULL = """
global:
  scrape_interval: 30s
  scrape_timeout: 5s
  external_labels: {region: eu}
rule_files: [rules.yml]
scrape_configs:
  - job_name: node
    static_configs:
      - targets: ["127.0.0.1:9100", "127.0.0.1:9101"]
        labels: {rack: r1}
    metric_relabel_configs:
      - source_labels: [__name__]
        regex: go_.*
        action: drop
  - job_name: files
    scrape_interval: 1m
    file_sd_configs: [{files: [targets/*.json], refresh_interval: 5m}]
    basic_auth: {username: ada, password: secret}
    sample_limit: 1000
    body_size_limit: 10MB
  - job_name: service
    scheme: https
    tls_config: {insecure_skip_verify: true, ca_file: /ca.pem}
    http_sd_configs: [{url: "http://127.0.0.1:1/targets"}]
    authorization: {credentials_file: token}
  - job_name: names
    dns_sd_configs: [{names: [db.example.org], type: A, port: 9100}]
  - job_name: pods
    kubernetes_sd_configs: [{role: pod}]
"""


def test_jobs_are_read_with_what_is_meant_for_all() -> None:
    node, files, service, names, pods = read_config(FULL, folder=Path("/etc/prometheus"))

    assert (node.fields["interval_ms"], node.fields["timeout_ms"]) == (30_000, 5_000)
    assert node.fields["labels"] == {"region": "eu"}
    assert node.sources[0].config == {
        "targets": ["127.0.0.1:9100", "127.0.0.1:9101"],
        "labels": {"rack": "r1"},
    }
    assert files.sources[0].config == {"paths": ["/etc/prometheus/targets/*.json"]}
    assert (files.fields["sample_limit"], files.fields["body_size_limit"]) == (1000, 10 * 2**20)
    assert files.secrets == {"password": "secret"}
    assert service.fields["verify_tls"] is False
    assert service.missing_secrets == {"bearer_token": "/etc/prometheus/token"}
    assert names.sources[0].config == {"names": ["db.example.org"], "type": "A", "port": 9100}
    assert not pods.can_be_made


def test_what_is_not_supported_is_named() -> None:
    plans = {plan.name: plan for plan in read_config(FULL, folder=Path("/etc/prometheus"))}

    assert plans["node"].unsupported == []
    assert plans["service"].unsupported == ["tls_config.ca_file"]
    assert plans["pods"].unsupported == ["kubernetes_sd_configs"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("a: [", "not valid YAML", id="no YAML"),
        pytest.param("global: {}", "no list scrape_configs", id="no jobs"),
        pytest.param("scrape_configs: [{}]", "entry 1: there is no job_name", id="no name"),
        pytest.param("[{job_name: a}, {job_name: a}]", "'a' is there twice", id="twice"),
        pytest.param("[{job_name: a, scrape_interval: 5}]", "job a: scrape_interval", id="duration"),
        pytest.param("[{job_name: a, scrape_interval: 5s, scrape_timeout: 6s}]", "longer than scrape_interval", id="timeout"),
        pytest.param("[{job_name: a, relabel_configs: [{action: x}]}]", "job a: relabel_configs, rule 1: action", id="rule"),
        pytest.param("[{job_name: a, static_configs: [{targets: b}]}]", "targets must be a list", id="targets"),
        pytest.param("[{job_name: a, dns_sd_configs: [{names: [b], type: A}]}]", "needs a port", id="port"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(text: str, fault: str) -> None:
    with pytest.raises(ScrapeConfigError) as caught:
        read_config(text)

    assert fault in str(caught.value)


@pytest.mark.django_db
def test_importing_makes_jobs_and_their_targets() -> None:
    changes = import_jobs(read_config(FULL, folder=Path("/etc/prometheus")), now=NOW)

    assert [(c.plan.name, c.action) for c in changes] == [
        ("node", Action.MAKE),
        ("files", Action.MAKE),
        ("service", Action.MAKE),
        ("names", Action.MAKE),
        ("pods", Action.SKIP),
    ]
    shared = {"job": "node", "region": "eu", "rack": "r1"}
    assert [target.labels for target in ScrapeTarget.objects.order_by("url")] == [
        {**shared, "instance": f"127.0.0.1:{port}"} for port in (9100, 9101)
    ]
    assert ScrapeJob.objects.get(name="files").password == "secret"


@pytest.mark.django_db
def test_a_job_without_its_secret_is_disabled_until_somebody_enters_it() -> None:
    plans = read_config(FULL, folder=Path("/etc/prometheus"))

    import_jobs(plans, now=NOW)
    again = import_jobs(plans, now=NOW, secrets={("service", "bearer_token"): "t0ken"})

    assert not ScrapeJob.objects.get(name="service").enabled
    assert ScrapeJob.objects.get(name="service").bearer_token == "t0ken"
    assert not any(change.missing_secrets for change in again)


@pytest.mark.django_db
def test_importing_again_changes_nothing() -> None:
    plans = read_config(FULL, folder=Path("/etc/prometheus"))
    import_jobs(plans, now=NOW)
    before = list(ScrapeTarget.objects.values_list("pk", flat=True))

    actions = {change.plan.name: change.action for change in import_jobs(plans, now=NOW)}

    assert actions == {
        "node": Action.KEEP,
        "files": Action.KEEP,
        "service": Action.KEEP,
        "names": Action.KEEP,
        "pods": Action.SKIP,
    }
    assert list(ScrapeTarget.objects.values_list("pk", flat=True)) == before


@pytest.mark.django_db
def test_a_plan_says_which_fields_change() -> None:
    import_jobs(read_config(FULL, folder=Path("/etc/prometheus")), now=NOW)
    text = FULL.replace("127.0.0.1:9101", "127.0.0.1:9102").replace("scrape_interval: 30s", "scrape_interval: 20s")  # fmt: skip

    node = plan_changes(read_config(text, folder=Path("/etc/prometheus")))[0]

    assert (node.action, node.differences) == (
        Action.CHANGE,
        ["interval", "sources of targets"],
    )


@pytest.mark.django_db
def test_command_imports_a_file_and_reads_the_secrets_that_it_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "token").write_text("from a file\n")
    (tmp_path / "prometheus.yml").write_text(FULL)

    call_command("import_scrape_config", str(tmp_path / "prometheus.yml"))

    output = capsys.readouterr().out
    assert "node: made" in output
    assert "pods: not taken over" in output
    assert "not supported: kubernetes_sd_configs" in output
    assert ScrapeJob.objects.get(name="service").bearer_token == "from a file"
    assert ScrapeJob.objects.get(name="service").enabled


@pytest.mark.django_db
def test_command_only_tells_with_dry_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prometheus.yml").write_text(FULL)

    call_command("import_scrape_config", str(tmp_path / "prometheus.yml"), dry_run=True)

    output = capsys.readouterr().out
    assert "node: would be made" in output
    assert "needs its bearer token" in output
    assert output.endswith("nothing was changed\n")
    assert not ScrapeJob.objects.exists()


@pytest.mark.django_db
def test_command_refuses_a_wrong_file_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text(FULL + "  - job_name: node\n")

    with pytest.raises(CommandError, match=r"'node' is there twice.*nothing was changed"):
        call_command("import_scrape_config", str(tmp_path / "prometheus.yml"))

    assert not ScrapeJob.objects.exists()
