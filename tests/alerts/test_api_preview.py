from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from alerts.models import Rule, RuleGroup
from observability.access.scopes import Scope
from observability.metrics.backend import get_backend
from observability.metrics.samples import batch_at
from tests.alerts.factories import RuleGroupFactory
from tests.alerts.test_api_rules import Api

pytestmark = pytest.mark.django_db

PREVIEW = "/api/alert-rules/preview"


@pytest.fixture
def api() -> Api:
    return Api(Scope.ALERTS_WRITE)


def store(name: str, **values: float) -> None:
    now_ms = int(timezone.now().timestamp() * 1000) - 1000
    series = [((("__name__", name), ("host", host)), value) for host, value in values.items()]
    get_backend().append(batch_at(now_ms, series))


def test_a_preview_says_what_would_fire_and_saves_nothing(api: Api) -> None:
    store("previewed_load", a=3.0, b=0.5)
    body = {
        "metric": "previewed_load",
        "operator": ">",
        "threshold": 1,
        "resolve_threshold": 0.5,
        "duration": "5m",
        "annotations": {"summary": "{{ $labels.host }} is at {{ $value }}"},
    }

    found = api("POST", PREVIEW, body).json()

    assert (found["expr"], found["resolve_expr"]) == ("previewed_load > 1", "previewed_load <= 0.5")
    assert (found["error"], found["count"], found["watched"]) == ("", 1, 2)
    (alert,) = found["results"]
    assert (alert["value"], alert["annotations"]) == (3.0, {"summary": "a is at 3"})
    assert alert["labels"] == {"alertname": "preview", "host": "a", "severity": "warning"}
    assert not Rule.objects.exists()
    assert not RuleGroup.objects.exists()


def test_a_recording_rule_is_previewed_with_the_labels_of_its_group(api: Api) -> None:
    store("previewed_queue", a=2.0, b=float("inf"))
    RuleGroupFactory.create(name="web", labels={"team": "web"})
    body = {"record": "job:queue:sum", "expr": "sum(previewed_queue)", "group": "web"}

    (series,) = api("POST", PREVIEW, body).json()["results"]

    assert series["value"] == "+Inf"
    assert series["labels"] == {"__name__": "job:queue:sum", "team": "web"}


def test_what_is_wrong_or_unknown_is_said(api: Api) -> None:
    failing = {"expr": "label_replace(vector(1), 'a', '$1', 'b', '(')"}

    refused = api("POST", PREVIEW, {"expr": "sum("})
    failed: Any = api("POST", PREVIEW, failing).json()
    unknown = api("POST", PREVIEW, {"expr": "nobody_sends_this > 1"}).json()

    assert refused.status_code == 422
    assert "regular expression" in failed["error"]
    assert (unknown["unknown_metrics"], unknown["count"]) == (["nobody_sends_this"], 0)
