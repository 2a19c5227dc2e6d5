"""The metric explorer in the admin: its list, and the page of a metric."""

from __future__ import annotations

import html
import re
import time
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from observability.metrics.backend import get_backend
from observability.metrics.models import Metric
from observability.metrics.samples import Metadata, MetricType, batch_at
from observability.promql.labels import label_set
from tests.metrics.store.database import compact

pytestmark = pytest.mark.django_db


def record(
    name: str, *labels: dict[str, str], kind: MetricType = MetricType.GAUGE, unit: str = ""
) -> str:
    """Record one sample a series; return the address of the metric's page."""
    samples = [(label_set({"__name__": name, **pairs}), 1.0) for pairs in labels or ({},)]
    about = {name: Metadata(type=kind, help=f"What {name} means.", unit=unit)}
    get_backend().append(batch_at(int(time.time() * 1000), samples, metadata=about))
    return f"/admin/metrics/metric/{Metric.objects.get(name=name).pk}/change/"


def hosts(count: int) -> list[dict[str, str]]:
    return [{"job": "node", "host": f"h{number:03d}"} for number in range(count)]


def get(client: Client, address: str, **parameters: str) -> str:
    response = client.get(f"{address}?{urlencode(parameters)}")
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def series_of(page: str) -> list[str]:
    return re.findall(r'data-copy="(.*?)">', page)


def test_the_list_tells_type_unit_series_and_help(admin_client: Client) -> None:
    record("rig_bytes", *hosts(3), unit="bytes")

    page = get(admin_client, "/admin/metrics/metric/")

    row = page[page.index("<tbody") :]
    assert [word in row for word in ("rig_bytes", "gauge", "bytes", "What rig_bytes means.")] == (
        [True] * 4
    )
    assert ">3<" in re.sub(r"\s", "", row)


@pytest.mark.parametrize("word", ["rig", "RIG_LOAD", "what rig_load"], ids=str)
def test_the_list_is_searched_by_name_and_help(admin_client: Client, word: str) -> None:
    record("rig_load")
    record("other")

    page = get(admin_client, "/admin/metrics/metric/", q=word)

    assert "rig_load" in page
    assert "What other means." not in page


@pytest.mark.django_db(transaction=True)
def test_the_list_tells_the_last_sample_of_what_was_compacted(admin_client: Client) -> None:
    record("rig_load")
    compact()

    page = get(admin_client, "/admin/metrics/metric/")

    assert re.search(r"<time datetime=[^>]*>\d+ s ago", page)


def test_a_list_without_metrics_says_how_to_send_some(admin_client: Client) -> None:
    page = get(admin_client, "/admin/metrics/metric/")

    assert "No metrics yet" in page
    assert "/api/v1/write" in page


def test_a_metric_tells_what_it_is(admin_client: Client) -> None:
    address = record("rig_seconds_total", *hosts(3), kind=MetricType.COUNTER, unit="seconds")

    page = get(admin_client, address)

    assert "What rig_seconds_total means." in page
    assert "counter" in page
    assert "in seconds" in page
    assert "30 days as it came in" in page
    assert 'data-chart-expr="rate(rig_seconds_total[5m])"' in page
    assert "3 series" in page


def test_labels_are_told_with_their_values_and_what_most_series_have(admin_client: Client) -> None:
    address = record("rig_load", *hosts(7), {"job": "other"})

    page = get(admin_client, address)

    assert re.search(r"<strong>host</strong>.*?>7<.*?2 more", page, re.DOTALL)
    assert re.search(r"<strong>job</strong>.*?>2<.*?node.*?>7<.*?other.*?>1<", page, re.DOTALL)


def test_a_click_on_a_value_filters_by_it(admin_client: Client) -> None:
    address = record("rig_load", *hosts(4), {"job": "other"})
    page = get(admin_client, address, range="6h")
    link = re.search(r'href="(\?[^"]*)"\s+title="job="other""', page)
    assert link is not None

    filtered = html.unescape(admin_client.get(address + link[1]).content.decode())

    assert series_of(filtered) == ['rig_load{job="other"}']
    assert 'data-chart-expr="rig_load{job="other"}"' in filtered
    assert 'data-chart-range="21600"' in filtered


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ('host=~"h00[12]"', 2),
        ('{host="h001"}', 1),
        ('rig_load{host!="h001"}', 4),
        ('host!~"h.*"', 1),
        ('job="node", host=~".*3"', 1),
        ('nowhere="x"', 0),
        ("", 5),
    ],
)
def test_series_are_filtered_by_what_one_types(
    admin_client: Client, typed: str, found: int
) -> None:
    address = record("rig_load", *hosts(4), {"job": "other"})

    page = get(admin_client, address, match=typed)

    assert len(series_of(page)) == found
    assert ("No series matches" in page) is (found == 0)


@pytest.mark.parametrize("typed", ["host=", 'host=~"("', "job", 'x"} or vector(1)'], ids=str)
def test_what_is_no_matcher_is_said_and_kept_in_the_field(admin_client: Client, typed: str) -> None:
    address = record("rig_load", *hosts(2))

    page = get(admin_client, address, match=typed)

    assert 'role="alert"' in page
    assert f'value="{typed}"' in page
    assert len(series_of(page)) == 2


def test_series_come_in_pages(admin_client: Client) -> None:
    address = record("rig_load", *hosts(120))
    seen = []
    page = get(admin_client, address, match='job="node"')
    while link := re.search(r'href="(\?[^"]*)#series">Next page', page):
        seen += series_of(page)
        page = html.unescape(admin_client.get(address + link[1]).content.decode())

    seen += series_of(page)

    assert len(seen) == len(set(seen)) == 120
    assert "First page" in page


def test_of_very_many_values_the_first_are_shown_and_any_is_found(admin_client: Client) -> None:
    address = record("rig_load", *hosts(250))

    first = get(admin_client, address, label="host")
    found = get(admin_client, address, label="host", contains="H24")

    assert "The 200 with most series of 250" in first
    assert re.search(r'id="values".*title="h249"', found, re.DOTALL)
    assert "with most series" not in found


def test_a_page_costs_the_same_queries_whatever_the_metric_holds(
    admin_client: Client, django_assert_max_num_queries: object
) -> None:
    address = record("rig_load", *hosts(300))

    with django_assert_max_num_queries(18):  # type: ignore[operator] # pytest-django types it as a fixture
        get(admin_client, address)


def test_markup_in_labels_and_filters_is_only_text(admin_client: Client) -> None:
    evil = "<script>alert(1)</script>"
    address = record("rig_load", {"host": evil})

    response = admin_client.get(address, {"match": f'host="{evil}"', "label": "host"})

    assert "<script>alert(1)" not in response.content.decode()


def test_a_metric_with_a_name_of_any_characters_is_drawn(admin_client: Client) -> None:
    address = record("température.salle", {"étage": "1"})

    page = get(admin_client, address, match='"étage"="1"')

    assert 'data-chart-expr="{"température.salle", "étage"="1"}"' in page


@pytest.mark.parametrize(
    ("role", "offered"), [("Viewer", False), ("Operator", True)], ids=["viewer", "operator"]
)
def test_a_rule_is_offered_to_those_who_may_make_one(
    client: Client, role: str, offered: bool
) -> None:
    address = record("rig_load")
    user = User.objects.create_user("ann", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)

    page = get(client, address)

    assert ("/admin/alerts/rule/add/?made_in=promql&expr=rig_load" in page) is offered


@pytest.mark.parametrize(
    ("role", "offered"), [("Viewer", False), ("Operator", True)], ids=["viewer", "operator"]
)
def test_the_shown_series_can_be_deleted_by_those_who_may(
    client: Client, role: str, offered: bool
) -> None:
    address = record("rig_load", {"rig": "a"}, {"rig": "b"})
    user = User.objects.create_user("ann", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)

    page = get(client, address, match='rig="a"')

    assert (
        "/admin/metrics/delete-series/?selectors=rig_load%7Brig%3D%22a%22%7D" in page
    ) is offered
