"""The examples of docs/templates.md give what stands beside them."""

from __future__ import annotations

import re

import numpy as np
import pytest
import yaml

from alerts.templating.alertmanager import Notifier
from alerts.templating.errors import TemplateError
from alerts.templating.notification_data import KV, Alert, Alerts, Data
from alerts.templating.prometheus import expand, in_place
from alerts.templating.times import ZERO_TIME, Time
from observability.embedded.locations import PROJECT_DIR
from observability.promql.labels import label_set
from observability.promql.values import InstantVector, Value

DOCUMENT = (PROJECT_DIR / "docs" / "templates.md").read_text(encoding="utf-8")
RULES, NOTIFICATIONS = DOCUMENT.split("\n## In notifications\n")
NOW = Time(1_772_697_600 * 10**9)  # 2026-03-05 08:00 UTC
STARTED = Time(1_772_690_820 * 10**9)
LABELS = {"instance": "db1:9100", "mountpoint": "/data"}


def examples(text: str) -> list[tuple[str, str]]:
    """Return the templates of the tables whose result stands beside them."""
    rows = re.findall(r"^\|.* (`\{\{.*\}\}`) \| `(.*)` \|$", text, re.MULTILINE)
    return [(template[1:-1].replace("\\|", "|"), result) for template, result in rows]


def answer(expression: str, at_ms: int) -> Value:
    assert expression == "up"
    label_sets = [label_set({"job": "web"}), label_set({"job": "db"})]
    return InstantVector(at_ms, label_sets, np.array([1.0, 0.0]))


def expanded(template: str) -> str:
    try:
        return expand(
            template,
            name="__alert_X",
            labels=LABELS,
            value=0.042,
            external_labels={},
            external_url="https://portal.example.com/metrics",
            at_ms=NOW.unix_ns // 1_000_000,
            query=answer,
        )
    except TemplateError as error:
        return in_place(error)


@pytest.mark.parametrize(("template", "result"), examples(RULES))
def test_an_example_for_rules_gives_its_result(template: str, result: str) -> None:
    assert expanded(template) == result


@pytest.mark.parametrize(("template", "result"), examples(NOTIFICATIONS))
def test_an_example_for_notifications_gives_its_result(template: str, result: str) -> None:
    labels = KV(alertname="DiskNearlyFull", job="node")
    alert = Alert(
        status="firing",
        labels=labels,
        annotations=KV(),
        starts_at=STARTED,
        ends_at=ZERO_TIME,
        generator_url="",
        fingerprint="",
    )
    data = Data(
        receiver="team",
        status="firing",
        alerts=Alerts([alert]),
        notification_reason="",
        group_labels=KV(alertname="DiskNearlyFull"),
        common_labels=labels,
        common_annotations=KV(),
        route_labels=KV(team="storage"),
        external_url="",
    )

    assert Notifier(NOW).text(template, data) == result


def test_the_first_example_gives_what_is_said_of_it() -> None:
    [rule] = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)[0])

    assert f"`severity: {expanded(rule['labels']['severity'])}`" in DOCUMENT
    assert f"`{expanded(rule['annotations']['summary'])}`" in DOCUMENT


def test_the_error_that_is_shown_is_the_one_that_arises() -> None:
    assert expanded('{{ humanize "one" }}') in DOCUMENT


def test_the_document_has_examples() -> None:
    assert len(examples(RULES)) > 40
    assert len(examples(NOTIFICATIONS)) > 9
