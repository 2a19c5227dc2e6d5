from __future__ import annotations

import pytest
from django.db import connection

from alerts import tasks
from alerts.models import Alert, AlertGroupMember, AlertState, RuleGroup
from alerts.rules import changes
from tests.alerts.factories import NOW, AlertFactory, RuleFactory

pytestmark = pytest.mark.django_db


def test_a_new_rule_comes_last_in_its_group() -> None:
    group = RuleFactory.create(position=4).group

    rule = RuleFactory.build(group=group)
    changes.save_rule(rule, now=NOW)

    assert rule.position == 5


def test_a_rule_that_moves_makes_both_groups_due() -> None:
    rule = RuleFactory.create()
    old = rule.group
    new = RuleFactory.create().group
    RuleGroup.objects.update(next_evaluation_at=NOW.replace(year=2030))

    rule.group = new
    changes.save_rule(rule, now=NOW)

    due = RuleGroup.objects.filter(next_evaluation_at=NOW)
    assert set(due) == {old, new}


def test_people_hear_of_alerts_that_end_with_their_rule() -> None:
    alert = AlertFactory.create()
    assert alert.rule is not None

    changes.enable_rules(type(alert.rule).objects.all(), enabled=False, now=NOW)

    alert.refresh_from_db()
    assert (alert.state, alert.resolved_at) == (AlertState.RESOLVED, NOW)
    assert AlertGroupMember.objects.filter(alert=alert).exists()


def test_alerts_of_a_disabled_group_are_resolved() -> None:
    alert = AlertFactory.create()

    changes.enable_groups(RuleGroup.objects.all(), enabled=False, now=NOW)

    alert.refresh_from_db()
    assert alert.state == AlertState.RESOLVED


def test_the_tick_resolves_what_was_deleted_behind_our_back() -> None:
    firing = AlertFactory.create()
    AlertFactory.create(state=AlertState.PENDING)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE alerts_alert SET rule_id = NULL")

    tasks.evaluate_due()

    assert list(Alert.objects.all()) == [firing]
    assert Alert.objects.get().state == AlertState.RESOLVED


def test_switching_what_is_switched_already_counts_nothing() -> None:
    rule = RuleFactory.create()

    switched = changes.enable_rules(type(rule).objects.all(), enabled=True, now=NOW)

    assert switched == 0
