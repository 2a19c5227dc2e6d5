"""The pages of pushed groups and of their lifetimes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from observability.access.roles import OPERATOR, VIEWER
from observability.metrics.ingest.pushgateway.models import PushGroup, PushLifetime
from tests.access.cast import signed_in

from .pushes import push, values, writer

pytestmark = pytest.mark.django_db

GROUPS = reverse("admin:metrics_pushgroup_changelist")


@pytest.fixture
def group(client: Client) -> PushGroup:
    headers = writer(system="shop")
    push(client, "PUT", "job/backup/instance/db1?ttl=2h", "size 5\nrows 7\n", headers=headers)
    return PushGroup.objects.get()


def text(answer: Any) -> str:
    assert answer.status_code == 200
    content: str = answer.content.decode()
    return content


def test_the_list_says_what_was_pushed_and_how_long_it_stays(group: PushGroup) -> None:
    page = text(signed_in(VIEWER).get(GROUPS))

    for expected in ("instance=db1", "system=shop", "ago", "in 1", "Pushed"):
        assert expected in page


@pytest.mark.parametrize(
    ("state", "is_there"), [("failed", False), ("expiring", True), ("kept", False)]
)
def test_the_list_is_filtered_by_state(group: PushGroup, state: str, is_there: bool) -> None:
    page = text(signed_in(VIEWER).get(GROUPS, {"state": state}))

    assert ("instance=db1" in page) is is_there


def test_a_failed_push_shows(client: Client, group: PushGroup) -> None:
    push(client, "PUT", "job/backup/instance/db1", "wrong\n", headers=writer(system="shop"))

    page = text(signed_in(VIEWER).get(GROUPS, {"state": "failed"}))

    assert "Last push failed" in page
    assert "instance=db1" in page


def test_groups_are_found_by_job_and_label(group: PushGroup) -> None:
    browser = signed_in(VIEWER)

    found = ["instance=db1" in text(browser.get(GROUPS, {"q": q})) for q in ("back", "db1", "no")]

    assert found == [True, True, False]


def test_the_number_of_queries_does_not_grow_with_the_groups(
    client: Client, group: PushGroup, django_assert_max_num_queries: Any
) -> None:
    headers = writer()
    for n in range(15):
        push(client, "PUT", f"job/many/instance/{n}", "x 1\n", headers=headers)
    browser = signed_in(VIEWER)

    with django_assert_max_num_queries(12):
        assert text(browser.get(GROUPS)).count("job=many") == 15


def test_the_page_of_a_group_shows_its_metrics_with_values(group: PushGroup) -> None:
    url = reverse("admin:metrics_pushgroup_change", args=[group.pk])

    page = text(signed_in(VIEWER).get(url))

    assert (
        "size{instance=&quot;db1&quot;,job=&quot;backup&quot;,system=&quot;shop&quot;} 5.0" in page
    )


def test_deleting_a_group_asks_first_and_ends_its_series(group: PushGroup) -> None:
    url = reverse("admin:metrics_pushgroup_delete", args=[group.pk])
    browser = signed_in(OPERATOR)

    question = text(browser.get(url))
    browser.post(url, {"post": "yes"})

    assert "Are you sure" in question
    assert not PushGroup.objects.exists()
    assert {found[-1] for found in values().values()} == {"ended"}


def test_several_groups_are_deleted_at_once(client: Client, group: PushGroup) -> None:
    push(client, "PUT", "job/other", "x 1\n", headers=writer())
    chosen = list(PushGroup.objects.values_list("pk", flat=True))

    signed_in(OPERATOR).post(
        GROUPS, {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    )

    assert not PushGroup.objects.exists()
    assert values("x") == {'x{job="other"}': [1.0, "ended"]}


def test_who_only_looks_deletes_nothing(group: PushGroup) -> None:
    url = reverse("admin:metrics_pushgroup_delete", args=[group.pk])

    assert signed_in(VIEWER).post(url, {"post": "yes"}).status_code == 403
    assert PushGroup.objects.exists()


def lifetime_of(group: PushGroup) -> timedelta | None:
    group.refresh_from_db()
    if group.expires_at is None or group.pushed_at is None:
        return None
    return group.expires_at - group.pushed_at


def test_the_lifetime_of_a_job_counts_for_what_was_pushed_before(client: Client) -> None:
    push(client, "PUT", "job/backup", "x 1\n", headers=writer())
    group, browser = PushGroup.objects.get(), signed_in(OPERATOR)
    found = []

    browser.post(
        reverse("admin:metrics_pushlifetime_add"), {"job": "backup", "lifetime_ms": "1h30m"}
    )
    found.append(lifetime_of(group))
    rule = PushLifetime.objects.get()
    browser.post(
        reverse("admin:metrics_pushlifetime_change", args=[rule.pk]), {"lifetime_ms": "2d"}
    )
    found.append(lifetime_of(group))
    browser.post(reverse("admin:metrics_pushlifetime_delete", args=[rule.pk]), {"post": "yes"})
    found.append(lifetime_of(group))

    assert found == [timedelta(minutes=90), timedelta(days=2), None]


def test_the_lifetime_of_a_job_leaves_alone_what_a_push_has_said(group: PushGroup) -> None:
    signed_in(OPERATOR).post(
        reverse("admin:metrics_pushlifetime_add"), {"job": "backup", "lifetime_ms": "never"}
    )

    assert PushLifetime.objects.get().lifetime_ms == 0
    assert lifetime_of(group) == timedelta(hours=2)


def test_what_is_no_lifetime_is_refused(client: Client) -> None:
    answer = signed_in(OPERATOR).post(
        reverse("admin:metrics_pushlifetime_add"), {"job": "backup", "lifetime_ms": "soon"}
    )

    assert "expected a time such as 30m" in text(answer)
    assert not PushLifetime.objects.exists()


def test_a_group_that_is_about_to_expire_says_so(group: PushGroup) -> None:
    PushGroup.objects.update(expires_at=timezone.now())

    assert ">now</time>" in text(signed_in(VIEWER).get(GROUPS))
