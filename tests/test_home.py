"""The admin's frame and its home page."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from alerts.models import Alert
from alerts.models.alerts import AlertSource, AlertState
from observability.metrics.backend import get_backend
from observability.metrics.samples import batch_at
from observability.promql.labels import label_set

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer() -> User:
    user = User.objects.create_user("viewer", password="x", is_staff=True)
    user.groups.add(Group.objects.get(name="Viewer"))
    return user


def fire(name: str, **labels: str) -> Alert:
    now = timezone.now()
    return Alert.objects.create(
        source=AlertSource.MANUAL,
        fingerprint=f"{abs(hash(name)) % 16**16:016x}",
        name=name,
        labels={"alertname": name, "host": "rig-7", **labels},
        severity="critical",
        state=AlertState.FIRING,
        active_at=now,
        fired_at=now,
    )


def test_home_shows_what_fires(admin_client: Client) -> None:
    fire("PoolDown")

    page = admin_client.get("/admin/").content.decode()

    assert "PoolDown" in page
    assert "host=rig-7" in page


def test_home_and_list_show_a_few_labels_of_an_alert_that_has_many(admin_client: Client) -> None:
    fire("PoolDown", **{f"label_{n:02}": "x" * 2_000 for n in range(20)})

    for path in ("/admin/", "/admin/alerts/alert/"):
        page = admin_client.get(path).content.decode()
        assert "label_06=x" in page
        assert "label_07=x" not in page
        assert "+13 more" in page


def test_home_counts_the_samples_of_the_last_minute(admin_client: Client) -> None:
    now_ms = int(timezone.now().timestamp() * 1000)
    samples = [(label_set({"__name__": "m", "n": str(n)}), 1.0) for n in range(90)]
    get_backend().append(batch_at(now_ms, samples))

    page = admin_client.get("/admin/").content.decode()

    assert '<div class="portal-card-value">1.5</div>' in page


def test_home_leads_to_the_first_rule_while_there_is_none(admin_client: Client) -> None:
    page = admin_client.get("/admin/").content.decode()

    assert "Make the first rule" in page


def test_a_missing_receiver_and_mail_server_are_loud_on_every_page(admin_client: Client) -> None:
    for path in ("/admin/", "/admin/alerts/rule/", "/admin/metrics/query/"):
        page = admin_client.get(path).content.decode()

        assert "Nobody is told about alerts" in page
        assert "No mail server is set up." in page


def test_home_costs_the_same_number_of_queries_whatever_fires(
    admin_client: Client, django_assert_max_num_queries: object
) -> None:
    admin_client.get("/admin/")
    for number in range(30):
        fire(f"Alert{number}")

    with django_assert_max_num_queries(15):  # type: ignore[operator] # pytest-django types it as a fixture
        admin_client.get("/admin/")


def test_the_sidebar_holds_what_a_viewer_may_open_and_nothing_else(
    client: Client, viewer: User
) -> None:
    client.force_login(viewer)

    page = client.get("/admin/").content.decode()

    assert 'href="/admin/metrics/query/"' in page
    assert 'href="/admin/alerts/alert/"' in page
    assert 'href="/admin/access/apikey/"' not in page
    assert "Make the first rule" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/admin/metrics/query/",
        "/admin/dashboards/system/",
        "/admin/pool/hosts/",
        "/admin/database/",
        "/admin/metrics/metric/",
    ],
)
def test_pages_of_our_own_need_their_permission(client: Client, path: str) -> None:
    user = User.objects.create_user("nobody", password="x", is_staff=True)
    client.force_login(user)

    response = client.get(path)

    assert response.status_code == 403
