from __future__ import annotations

import json
import math
from typing import Any

import pytest
from django.test import Client

from alerts.models import AlertSource, AlertState
from observability.access.scopes import Scope
from tests.access.cast import bearer, make_key
from tests.alerts.factories import AlertFactory, RuleFactory, RuleGroupFactory

pytestmark = pytest.mark.django_db


def alerts() -> list[dict[str, Any]]:
    client = Client(headers=bearer(make_key(Scope.ALERTS_READ)))
    response: Any = client.get("/api/v1/alerts")
    assert response.status_code == 200
    answer = json.loads(b"".join(response))
    assert answer["status"] == "success"
    found: list[dict[str, Any]] = answer["data"]["alerts"]
    return found


def test_without_alerts_there_is_an_empty_list() -> None:
    RuleFactory.create()

    assert alerts() == []


def test_active_alerts_of_rules_are_listed_in_the_order_of_the_rules() -> None:
    later = RuleFactory.create(group=RuleGroupFactory.create(name="later"))
    AlertFactory.create(rule=later, labels={"alertname": "B"}, state=AlertState.PENDING)
    sooner = RuleFactory.create(group=RuleGroupFactory.create(name="but sooner"))
    AlertFactory.create(rule=sooner, labels={"alertname": "A", "path": "/<a>&"}, annotations={})
    AlertFactory.create(state=AlertState.RESOLVED)
    AlertFactory.create(rule=None, source=AlertSource.MANUAL)
    AlertFactory.create(rule=RuleFactory.create(enabled=False))

    found = alerts()

    assert found == [
        {
            "labels": {"alertname": "A", "path": "/<a>&"},
            "annotations": {},
            "state": "firing",
            "activeAt": "2026-03-01T12:00:00Z",
            "value": "2e+00",
        },
        {
            "labels": {"alertname": "B"},
            "annotations": {"summary": "The load is high"},
            "state": "pending",
            "activeAt": "2026-03-01T12:00:00Z",
            "value": "2e+00",
        },
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0e+00"),
        (-0.00012, "-1.2e-04"),
        (123456789.125, "1.23456789125e+08"),
        (1e300, "1e+300"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (None, "NaN"),
    ],
    ids=str,
)
def test_values_are_written_as_go_writes_them(value: float | None, text: str) -> None:
    AlertFactory.create(value=value)

    assert alerts()[0]["value"] == text
