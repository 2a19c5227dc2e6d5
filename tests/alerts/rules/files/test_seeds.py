"""The rules of the guides, word for word: imported, evaluated and exported, the wrong ones too."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from alerts.models import Alert, Otherwise, Rule, RuleGroup, RuleHealth
from alerts.rules.evaluation import evaluate_due_groups
from alerts.rules.files.reading import load_rule_file, read_rules
from alerts.rules.moments import milliseconds
from observability.metrics.backend import get_backend
from observability.metrics.samples import batch_at
from tests.alerts.factories import NOW

FOLDER = Path(__file__).parent / "seeds"
FILES = sorted(FOLDER.glob("*.yml"))
SERIES = {
    # What each guide's service would record of five minutes, per minute.
    "earntrack.yml": {
        'http_requests_total{status="200"}': 60.0,
        'http_requests_total{status="500"}': 40.0,
        'slow_queries_total{table="earnings"}': 1_200.0,
        'cache_hits_total{cache_type="user"}': 10.0,
        'cache_misses_total{cache_type="user"}': 90.0,
        'jobs_executed_total{status="failed"}': 5.0,
        'jobs_executed_total{status="completed"}': 5.0,
    },
    "arx.yml": {
        'arx_api_latency_seconds_bucket{le="1"}': 0.0,
        'arx_api_latency_seconds_bucket{le="+Inf"}': 100.0,
        'cache_hits_total{instance="arx:9090"}': 10.0,
        'cache_misses_total{instance="arx:9090"}': 90.0,
        'process_resident_memory_bytes{instance="arx:9090"}': 16e9,
        'machine_memory_bytes{instance="arx:8080"}': 1.0,
    },
    "allin.yml": {
        'allin_http_requests_total{status_code="500"}': 60.0,
        'allin_http_request_duration_seconds_bucket{le="4"}': 0.0,
        'allin_http_request_duration_seconds_bucket{le="+Inf"}': 10.0,
        "allin_process_resident_memory_bytes": 2e9,
        "allin_nodejs_eventloop_lag_p95_seconds": 0.5,
        'allin_cache_hits_total{cache_type="redis"}': 10.0,
        'allin_cache_misses_total{cache_type="redis"}': 90.0,
        'allin_db_query_duration_seconds_bucket{le="4"}': 0.0,
        'allin_db_query_duration_seconds_bucket{le="+Inf"}': 10.0,
    },
}
RAISED = {
    "earntrack.yml": {
        "HighErrorRate": "Error rate is 40%",
        "HighSlowQueryRate": "20 slow queries per second",
        "LowCacheHitRate": "Cache hit rate is 10%",
        "HighJobFailureRate": "50% of jobs failing",
    },
    # None of the three can ever be true; deploy/prometheus/rules/arx.yml says why.
    "arx.yml": {},
    "allin.yml": {
        "HighErrorRate": "1 errors per second in last 5 minutes",
        "SlowResponseTime": "P95 response time is 4s",
        "HighMemoryUsage": "Current memory usage: 2GB",
        "HighEventLoopLag": "P95 event loop lag is 0.5s",
        "LowCacheHitRate": "Cache hit rate is 10%",
        "SlowDatabaseQueries": "P99 query time is 4s",
    },
}


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def record(series: dict[str, float], *, until: datetime) -> None:
    for minute in range(7):
        samples = []
        for text, value in series.items():
            name, _, rest = text.partition("{")
            label = rest.removesuffix("}").replace('"', "").split("=")
            labels = (("__name__", name), *([(label[0], label[1])] if rest else []))
            grows = name.endswith(("_total", "_bucket"))
            samples.append((tuple(sorted(labels)), value * minute if grows else value))
        at = until - (6 - minute) * timedelta(minutes=1)
        get_backend().append(batch_at(milliseconds(at), samples))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.django_db
def test_rules_are_imported_as_they_stand(path: Path) -> None:
    run("import_rules", str(path))

    (written,) = load_rule_file(path).groups
    group = RuleGroup.objects.get(file=path.name)
    assert (group.name, group.interval_ms) == (written.name, written.interval_ms)
    assert [
        (
            rule.name,
            rule.expr,
            rule.hold_ms,
            {"severity": rule.severity, **rule.labels},
            rule.annotations,
        )
        for rule in group.rules.order_by("position")
    ] == [
        (rule.alert, rule.expr, rule.hold_ms, rule.labels, rule.annotations)
        for rule in written.rules
    ]
    assert set(group.rules.values_list("on_no_data", flat=True)) == {Otherwise.RESOLVE}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.django_db
def test_rules_are_evaluated_as_prometheus_would(path: Path) -> None:
    run("import_rules", str(path))
    RuleGroup.objects.update(next_evaluation_at=NOW)
    record(SERIES[path.name], until=NOW)

    evaluate_due_groups(backend=get_backend(), clock=lambda: NOW, budget_seconds=30)

    assert set(Rule.objects.values_list("health", flat=True)) == {RuleHealth.OK}
    raised = {
        alert.labels["alertname"]: alert.annotations["description"] for alert in Alert.objects.all()
    }
    assert raised == RAISED[path.name]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.django_db
def test_export_for_prometheus_says_the_same(path: Path) -> None:
    run("import_rules", str(path))

    exported = run("export_rules", "--target", "2.42")

    assert read_rules(exported).groups == load_rule_file(path).groups


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.django_db
def test_promtool_finds_nothing_wrong_with_the_export(path: Path, tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    run("import_rules", *map(str, FILES))
    export = tmp_path / "rules.yml"
    export.write_text(run("export_rules", "--file", path.name, "--target", "2.42"))

    result = subprocess.run(
        [promtool, "check", "rules", str(export)], capture_output=True, text=True, check=False
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert f"SUCCESS: {path.read_text().count('- alert:')} rules found" in result.stdout
