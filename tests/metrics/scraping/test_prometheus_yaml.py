"""Jobs written as a Prometheus configuration."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from observability.metrics.scraping.importing import Action, import_jobs, plan_changes
from observability.metrics.scraping.models import ScrapeJob, ScrapeSource
from observability.metrics.scraping.prometheus_config import read_config
from observability.metrics.scraping.prometheus_yaml import write_config, write_job
from observability.metrics.scraping.targets import TargetGroup, find_targets

from .test_prometheus_config import FULL

pytestmark = pytest.mark.django_db


def test_what_is_written_reads_as_the_same_jobs() -> None:
    given = FULL.replace("  external_labels: {region: eu}\n", "")
    given = given.replace("job_name: names", "job_name: names\n    honor_timestamps: false")
    import_jobs(read_config(given, folder=Path("/etc/prometheus")), now=datetime.now(UTC))
    ScrapeJob.objects.filter(name="service").update(bearer_token="t0ken")

    text = write_config(ScrapeJob.objects.all())

    changes = plan_changes(read_config(text))
    assert {change.plan.name: change.action for change in changes} == dict.fromkeys(
        ("node", "files", "service", "names"), Action.KEEP
    )
    assert all(not change.plan.unsupported for change in changes)


def test_labels_of_a_job_are_written_as_rules_that_do_the_same() -> None:
    job = ScrapeJob.objects.create(name="app", labels={"env": "te$t", "zone": "a"})
    groups = [TargetGroup(addresses=["a:1"], labels={"zone": "b"})]
    before = find_targets(job, groups).targets

    [plan] = read_config(write_config([job]))
    job.labels = plan.fields["labels"]
    job.relabel_rules = plan.fields["relabel_rules"]
    after = find_targets(job, groups).targets

    assert [dict(target.labels) for target in before] == [dict(target.labels) for target in after]


def test_a_password_in_an_address_is_hidden() -> None:
    job = ScrapeJob.objects.create(name="app")
    ScrapeSource.objects.create(job=job, kind="http", config={"url": "http://ada:s3cret@sd/x"})

    text = write_job(job)

    assert "url: http://ada:<secret>@sd/x" in text
