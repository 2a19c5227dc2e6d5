from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from alerts.rules.lateness import check_rules
from observability.telemetry.health import Status
from tests.alerts.factories import RuleFactory, RuleGroupFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("minutes", "interval_ms", "status"),
    [
        (0, 15_000, Status.OK),
        (1, 60_000, Status.OK),
        (2, 15_000, Status.DEGRADED),
        (5, 60_000, Status.DEGRADED),
    ],
)
def test_a_group_several_intervals_overdue_is_reported(
    minutes: int, interval_ms: int, status: Status
) -> None:
    due = timezone.now() - timedelta(minutes=minutes)
    group = RuleGroupFactory.create(next_evaluation_at=due, interval_ms=interval_ms)
    RuleFactory.create(group=group)

    assert check_rules().status is status


def test_a_group_without_rules_cannot_be_late() -> None:
    RuleGroupFactory.create(next_evaluation_at=timezone.now() - timedelta(days=1))

    assert check_rules().status is Status.OK


def test_a_group_that_takes_longer_than_its_interval_is_reported() -> None:
    RuleGroupFactory.create(
        name="Slow", next_evaluation_at=timezone.now(), interval_ms=15_000, duration_ms=16_000.0
    )

    result = check_rules()

    assert result.status is Status.DEGRADED
    assert result.details["groups"] == ["Slow"]
