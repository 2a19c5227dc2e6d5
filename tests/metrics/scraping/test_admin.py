from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from observability.access.roles import ADMINISTRATOR, OPERATOR, VIEWER
from observability.metrics.scraping.models import ScrapeJob, ScrapeSource, ScrapeTarget
from observability.metrics.scraping.prometheus_config import MAX_BYTES
from tests.access.cast import signed_in

from .targets import Exporter, exporter, make_job, scrape_all

pytestmark = pytest.mark.django_db

JOBS = "/admin/metrics/scrapejob/"
TARGETS = "/admin/metrics/scrapetarget/"
_SETS = [f"sources{suffix}" for suffix in ("", "-2", "-3", "-4")]


def form(static: str = "", **fields: Any) -> dict[str, Any]:
    """Return what a browser sends for a new job with a list of targets."""
    sent: dict[str, Any] = {
        "name": "app",
        "enabled": "on",
        "interval_ms": "15s",
        "timeout_ms": "10s",
        "scheme": "http",
        "verify_tls": "on",
        "metrics_path": "/metrics",
        "authentication": "none",
        "honor_timestamps": "on",
        "sample_limit": "0",
        "label_limit": "0",
        "label_name_length_limit": "0",
        "label_value_length_limit": "0",
        "body_size_limit": "16777216",
    }
    for prefix in _SETS:
        sent |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    if static:
        sent |= {
            "sources-TOTAL_FORMS": "1",
            "sources-0-targets": static,
            "sources-0-labels": "",
        }
    return {**sent, **fields}


def test_a_job_is_added_and_its_targets_are_there_at_once() -> None:
    browser = signed_in(OPERATOR)

    response = browser.post(f"{JOBS}add/", form("db1:9100\ndb2:9100", labels="env=test"))

    assert response.status_code == 302, response.content.decode()
    assert sorted(ScrapeTarget.objects.values_list("url", flat=True)) == [
        "http://db1:9100/metrics",
        "http://db2:9100/metrics",
    ]
    assert ScrapeTarget.objects.all()[0].labels["env"] == "test"


def test_all_kinds_of_sources_are_added() -> None:
    browser = signed_in(OPERATOR)
    others = {
        "sources-2-TOTAL_FORMS": "1",
        "sources-2-0-paths": "/srv/targets/*.json",
        "sources-2-0-refresh_seconds": "30",
        "sources-3-TOTAL_FORMS": "1",
        "sources-3-0-url": "http://127.0.0.1:1/",
        "sources-3-0-refresh_seconds": "60",
        "sources-4-TOTAL_FORMS": "1",
        "sources-4-0-names": "db.example.org",
        "sources-4-0-type": "A",
        "sources-4-0-port": "9100",
        "sources-4-0-refresh_seconds": "30",
    }

    response = browser.post(f"{JOBS}add/", form("db1:9100", **others))

    assert response.status_code == 302, response.content.decode()
    assert dict(ScrapeSource.objects.values_list("kind", "config")) == {
        "static": {"targets": ["db1:9100"], "labels": {}},
        "file": {"paths": ["/srv/targets/*.json"]},
        "http": {"url": "http://127.0.0.1:1/"},
        "dns": {"names": ["db.example.org"], "type": "A", "port": 9100},
    }


def test_changing_a_job_keeps_its_targets_and_its_secret() -> None:
    browser = signed_in(OPERATOR)
    browser.post(
        f"{JOBS}add/",
        form("db1:9100", authentication="basic", username="ada", password="secret"),
    )
    job = ScrapeJob.objects.get()
    target = ScrapeTarget.objects.get()
    source = ScrapeSource.objects.get()

    response = browser.post(
        f"{JOBS}{job.pk}/change/",
        form(
            "db1:9100",
            authentication="basic",
            username="ada",
            password="",
            interval_ms="30s",
            **{
                "sources-INITIAL_FORMS": "1",
                "sources-0-id": str(source.pk),
                "sources-0-job": str(job.pk),
            },
        ),
    )

    assert response.status_code == 302, response.content.decode()
    assert ScrapeJob.objects.get().password == "secret"
    assert ScrapeTarget.objects.get().pk == target.pk
    assert ScrapeTarget.objects.get().interval_ms == 30_000


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"timeout_ms": "20s"}, "Must not be longer than the interval", id="timeout"),
        pytest.param({"interval_ms": "soon"}, "write for example 15s", id="duration"),
        pytest.param({"interval_ms": "100ms"}, "At least 1s.", id="too often"),
        pytest.param({"interval_ms": "2d"}, "At most 1d.", id="too seldom"),
        pytest.param({"timeout_ms": "0s"}, "Longer than 0.", id="no time"),
        pytest.param({"relabel_rules": "- action: x"}, "Rule 1: action: &#x27;x&#x27; is none of", id="rule"),
        pytest.param({"labels": "a"}, "is not of the form name=value", id="labels"),
        pytest.param({"authentication": "bearer"}, "Enter the token", id="token"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_beside_its_field(fields: dict[str, str], message: str) -> None:
    response = signed_in(OPERATOR).post(f"{JOBS}add/", form("db1:9100", **fields))

    assert response.status_code == 200
    assert message in response.content.decode()
    assert not ScrapeJob.objects.exists()


def test_rules_are_taken_as_they_stand_in_prometheus_yml() -> None:
    rules = """
    metric_relabel_configs:
      - source_labels: [__name__]
        regex: go_.*
        action: drop
    """

    signed_in(OPERATOR).post(f"{JOBS}add/", form("db1:9100", metric_relabel_rules=rules))

    assert ScrapeJob.objects.get().metric_relabel_rules == [
        {"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"}
    ]


@pytest.mark.parametrize("role", [VIEWER, OPERATOR, ADMINISTRATOR], ids=lambda role: role.name)
def test_secrets_are_never_shown(role: Any) -> None:
    job = make_job("db1:9100", authentication="basic", username="ada", password="hunter2-pw", bearer_token="hunter2-token")  # fmt: skip

    page = signed_in(role).get(f"{JOBS}{job.pk}/change/").content.decode()

    assert "ada" in page
    assert "hunter2" not in page


def test_who_may_only_look_reads_the_times_of_a_job() -> None:
    job = make_job("db1:9100", authentication="basic", username="reader7", password="x")

    page = signed_in(VIEWER).get(f"{JOBS}{job.pk}/change/").content.decode()

    assert ">15s<" in page.replace(" ", "").replace("\n", "")
    assert "15000" not in page
    assert "reader7" in page
    # Conditions on fields of a form that is not there would end in errors of the browser.
    assert "authentication ==" not in page
    assert "scheme ==" not in page


def test_a_deleted_job_leaves_its_targets_to_be_ended() -> None:
    job = make_job("db1:9100")

    response = signed_in(OPERATOR).post(f"{JOBS}{job.pk}/delete/", {"post": "yes"})

    assert response.status_code == 302
    assert not ScrapeJob.objects.exists()
    assert ScrapeTarget.objects.get().gone_at is not None


def test_disabling_a_job_takes_its_targets_away() -> None:
    job = make_job("db1:9100")
    browser = signed_in(OPERATOR)

    browser.post(JOBS, {"action": "disable", "_selected_action": [job.pk]})
    disabled = ScrapeTarget.objects.present().count()
    browser.post(JOBS, {"action": "enable", "_selected_action": [job.pk]})

    assert (disabled, ScrapeTarget.objects.present().count()) == (0, 1)


def try_form(browser: Client, target: str = "", **sent: Any) -> str:
    response = browser.post(
        reverse("admin:metrics_scrapejob_trial"), {**sent, "trial-target": target}
    )
    assert response.status_code == 200
    return str(response.content.decode())


def test_a_form_is_tried_before_it_is_saved() -> None:
    rules = "- {source_labels: [__address__], regex: 'db2.*', action: drop}"

    page = try_form(signed_in(OPERATOR), **form("db1:9100\ndb2:9100", relabel_rules=rules))

    assert "1 target\n" in page
    assert 'instance="db1:9100"' in page
    assert "1 dropped by relabeling" in page
    assert not ScrapeJob.objects.exists()


def test_a_target_is_tried_with_the_metric_relabeling_of_the_form() -> None:
    browser = signed_in(OPERATOR)
    with exporter("a 1\nb 2\n") as target:
        rules = "- {source_labels: [__name__], regex: b, action: drop}"
        sent = form(target.address, metric_relabel_rules=rules)
        found = try_form(browser, **sent)
        chosen = found.split('data-scrape-target="')[1].split('"')[0]

        page = try_form(browser, chosen, **sent)

    assert "<b>2</b> samples, <b>1</b> after metric relabeling" in page
    assert "a{instance=" in page
    assert "dropped" in page


def test_a_form_with_mistakes_says_them_when_it_is_tried() -> None:
    page = try_form(signed_in(OPERATOR), **form("db1:9100", interval_ms="soon"))

    assert "Scrape interval: " in page


def test_a_stored_secret_is_used_when_a_form_is_tried() -> None:
    with exporter("a 1\n") as target:
        job = make_job(target.address, authentication="bearer", bearer_token="t0ken")
        sent = form(target.address, authentication="bearer", bearer_token="", **{"trial-job": str(job.pk)})  # fmt: skip
        browser = signed_in(OPERATOR)
        chosen = try_form(browser, **sent).split('data-scrape-target="')[1].split('"')[0]

        try_form(browser, chosen, **sent)

        assert target.server.received[-1].headers["authorization"] == "Bearer t0ken"


@pytest.fixture
def target() -> Any:
    with exporter("a 1\n") as running:
        yield running


def test_targets_are_listed_with_their_state(target: Exporter) -> None:
    make_job(target.address, "127.0.0.1:1")
    scrape_all()

    page = signed_in(VIEWER).get(TARGETS).content.decode()
    down = signed_in(OPERATOR).get(TARGETS, {"state": "down"}).content.decode()

    assert "Up</span>" in page
    assert "connection refused" in page
    assert "127.0.0.1:1" in down
    assert target.address not in down


def test_list_of_targets_asks_the_database_as_often_for_many_as_for_one(
    django_assert_max_num_queries: Any,
) -> None:
    browser = signed_in(VIEWER)
    for number in range(5):
        make_job(*(f"db{n}:{number + 1}" for n in range(8)), name=f"job{number}")

    with django_assert_max_num_queries(10):
        browser.get(TARGETS)
    with django_assert_max_num_queries(10):
        browser.get(JOBS)


def test_scrape_now_makes_targets_due(target: Exporter) -> None:
    make_job(target.address)
    row = ScrapeTarget.objects.get()
    ScrapeTarget.objects.update(next_scrape_at="2099-01-01T00:00Z")

    signed_in(OPERATOR).post(TARGETS, {"action": "scrape_now", "_selected_action": [row.pk]})

    assert ScrapeTarget.objects.get().next_scrape_at.year < 2099


def test_a_target_is_tested_from_its_page(target: Exporter) -> None:
    make_job(target.address)
    row = ScrapeTarget.objects.get()

    page = signed_in(OPERATOR).post(f"{TARGETS}{row.pk}/trial/").content.decode()

    assert "<b>1</b> samples" in page
    assert "First lines of the answer" in page


CONFIG = """
scrape_configs:
  - job_name: node
    static_configs: [{targets: ["db1:9100"]}]
    basic_auth: {username: ada, password_file: /etc/prometheus/password}
  - job_name: pods
    kubernetes_sd_configs: [{role: pod}]
"""


def test_a_configuration_is_shown_before_it_is_imported() -> None:
    page = signed_in(OPERATOR).post(f"{JOBS}import/", {"text": CONFIG}).content.decode()

    assert "kubernetes_sd_configs" in page
    assert "secret-0-password" in page
    assert not ScrapeJob.objects.exists()


def test_a_configuration_is_imported_with_the_secret_that_was_entered(tmp_path: Path) -> None:
    sent = {"text": CONFIG, "confirm": "1", "secret-0-password": "hunter2"}

    response = signed_in(OPERATOR).post(f"{JOBS}import/", sent)

    assert response.status_code == 302
    job = ScrapeJob.objects.get()
    assert (job.name, job.password, job.enabled) == ("node", "hunter2", True)


def test_an_uploaded_file_never_has_the_portal_read_its_own_files(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("of the machine")
    text = CONFIG.replace("/etc/prometheus/password", str(tmp_path / "password"))

    signed_in(OPERATOR).post(f"{JOBS}import/", {"text": text, "confirm": "1"})

    job = ScrapeJob.objects.get()
    assert (job.password, job.enabled) == ("", False)


def test_a_file_that_is_too_large_is_not_read() -> None:
    file = SimpleUploadedFile("prometheus.yml", b"#" * (MAX_BYTES + 1))

    response = signed_in(OPERATOR).post(f"{JOBS}import/", {"file": file})

    assert "The file is larger than" in response.content.decode()


def test_a_wrong_configuration_says_where() -> None:
    response = signed_in(OPERATOR).post(f"{JOBS}import/", {"text": json.dumps([{"job_name": "a", "scheme": 1}])})  # fmt: skip

    assert "job a: scheme: expected a text" in response.content.decode()
