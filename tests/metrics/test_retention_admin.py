"""Retention policies in the admin: shown before they are saved, and on record."""

from __future__ import annotations

import time

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from observability.access.roles import OPERATOR, VIEWER
from observability.metrics.models import RetentionPolicy
from observability.metrics.store import retention
from observability.metrics.store.rollups.making import roll_up_due
from tests.access.cast import signed_in
from tests.metrics.store.database import DAY_MS, append, compact, make_series, merge

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "/admin/metrics/retentionpolicy/add/"
LIST = "/admin/metrics/retentionpolicy/"
USUAL = {"position": 100, "raw_days": 30, "rollup_5m_days": 180, "rollup_1h_days": 730}


@pytest.fixture
def operator() -> Client:
    return signed_in(OPERATOR)


@pytest.fixture
def default() -> RetentionPolicy:
    # The migration's is there until a test has emptied the tables.
    policy, _ = RetentionPolicy.objects.get_or_create(
        is_default=True, defaults={"pattern": ".*", "position": 0}
    )
    return policy


@pytest.fixture
def now_ms() -> int:
    """Return the time now, before which three series of `node_load1` have a sample a day for ten days."""
    now_ms = int(time.time() * 1000)
    series = make_series(3, "node_load1")
    append((one, now_ms - day * DAY_MS - 1000, 1.0) for one in series for day in range(10))
    make_series(2, "other")
    compact(now_ms)
    return now_ms


def change_url(policy: RetentionPolicy) -> str:
    return f"{LIST}{policy.pk}/change/"


@pytest.mark.usefixtures("now_ms", "default")
def test_what_a_new_policy_frees_is_shown_before_it_is_saved(operator: Client) -> None:
    answer = operator.post(ADD, {**USUAL, "pattern": "node_.*", "raw_days": 5})

    effect = answer.context["effect"]
    assert (effect.metric_count, effect.series_count, effect.names) == (1, 3, ["node_load1"])
    assert effect.tiers[0].deleted == 15
    assert effect.tiers[0].freed_bytes > 0
    assert "Save and delete" in answer.content.decode()
    assert RetentionPolicy.objects.count() == 1


def test_what_goes_of_rollups_is_shown_too(
    operator: Client, default: RetentionPolicy, now_ms: int
) -> None:
    merge(now_ms + 2 * DAY_MS)
    roll_up_due(seconds=60)

    answer = operator.post(
        change_url(default), {"raw_days": 30, "rollup_5m_days": 0, "rollup_1h_days": 0}
    )

    tiers = {tier.name: tier for tier in answer.context["effect"].tiers}
    assert tiers["raw samples"].deleted == 0
    # Of the ten days the last may not be over.
    assert tiers["5-minute rollups"].deleted in (27, 30)
    assert tiers["5-minute rollups"].oldest_ms <= now_ms - 9 * DAY_MS


@pytest.mark.usefixtures("now_ms", "default")
def test_a_confirmed_policy_is_saved_counts_and_is_on_record(operator: Client) -> None:
    answer = operator.post(ADD, {**USUAL, "pattern": "node_.*", "raw_days": 5, "_confirmed": "1"})

    assert answer.status_code == 302
    assert retention.policy_of("node_load1").raw_ms == 5 * DAY_MS
    message = LogEntry.objects.get().get_change_message()
    assert message == (
        "Added: node_.*: raw samples 5 days, 5-minute rollups 180 days, 1-hour rollups 730 days."
    )


@pytest.mark.usefixtures("now_ms")
def test_a_change_says_what_it_was_before(operator: Client, default: RetentionPolicy) -> None:
    values = {"raw_days": 3, "rollup_5m_days": 180, "rollup_1h_days": 730}

    preview = operator.post(change_url(default), values)
    operator.post(change_url(default), {**values, "_confirmed": "1"})

    assert preview.context["effect"].metric_count == 2
    assert preview.context["effect"].tiers[0].deleted == 21
    assert LogEntry.objects.get().get_change_message() == "Changed raw_days from 30 to 3."


@pytest.mark.usefixtures("now_ms", "default")
def test_a_policy_behind_another_changes_nothing(operator: Client) -> None:
    RetentionPolicy.objects.create(pattern="node_.*", position=1)

    answer = operator.post(ADD, {**USUAL, "pattern": "node_load1", "raw_days": 5})

    assert answer.context["effect"].metric_count == 0
    assert "nothing is deleted" in answer.content.decode()


@pytest.mark.usefixtures("now_ms", "default")
def test_what_a_policy_kept_longer_is_shown_before_it_is_deleted(operator: Client) -> None:
    RetentionPolicy.objects.filter(is_default=True).update(raw_days=2)
    policy = RetentionPolicy.objects.create(pattern="node_.*", position=1)

    answer = operator.get(f"{LIST}{policy.pk}/delete/")

    assert answer.context["effect"].tiers[0].deleted == 24


@pytest.mark.usefixtures("default")
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pattern": "("}, "missing closing )"),
        ({"raw_days": 0}, "greater than or equal to 1"),
        ({"rollup_5m_days": 20}, "must be 0 or at least 30"),
    ],
    ids=["pattern", "days", "rollup"],
)
def test_a_policy_that_makes_no_sense_is_not_previewed(
    values: dict[str, object], message: str, operator: Client
) -> None:
    answer = operator.post(ADD, {**USUAL, "pattern": "m", **values})

    assert "effect" not in answer.context
    assert message in answer.content.decode()


def test_the_default_cannot_be_deleted_and_has_no_pattern(
    operator: Client, default: RetentionPolicy
) -> None:
    page = operator.get(change_url(default)).content.decode()
    deletion = operator.post(f"{LIST}{default.pk}/delete/", {"post": "yes"})

    assert 'name="pattern"' not in page
    assert deletion.status_code == 403
    assert RetentionPolicy.objects.count() == 1


@pytest.mark.usefixtures("now_ms")
def test_a_policy_names_the_metrics_that_it_counts_for(
    operator: Client, default: RetentionPolicy
) -> None:
    RetentionPolicy.objects.create(pattern="node_.*", position=1)

    page = operator.get(change_url(default)).content.decode()

    assert '<span class="portal-chip">other</span>' in page
    assert "node_load1" not in page


def test_the_list_is_in_the_order_in_which_policies_are_asked(
    operator: Client, default: RetentionPolicy
) -> None:
    for position, pattern in ((2, "b"), (1, "a")):
        RetentionPolicy.objects.create(pattern=pattern, position=position)

    rows = operator.get(LIST).context["cl"].result_list

    assert [str(row) for row in rows] == ["a", "b", "all other metrics"]


def test_the_list_costs_the_same_whatever_its_length(
    operator: Client,
    default: RetentionPolicy,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(30):
        RetentionPolicy.objects.create(pattern=f"m{number}", position=number)

    with django_assert_max_num_queries(14):
        operator.get(LIST)


def test_a_viewer_changes_nothing(default: RetentionPolicy) -> None:
    viewer = signed_in(VIEWER)

    answers = [
        viewer.post(url, {**USUAL, "pattern": "m"}).status_code
        for url in (ADD, change_url(default))
    ]

    assert answers == [403, 403]
    assert viewer.get(LIST).status_code == 200
