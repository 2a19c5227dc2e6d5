"""The query page and the list of metrics in the admin."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from observability.metrics.backend import get_backend
from observability.metrics.models import Metric
from observability.metrics.samples import Metadata, MetricType, batch_at
from observability.promql.labels import label_set

pytestmark = pytest.mark.django_db


def record(name: str, series: int = 1) -> None:
    samples = [(label_set({"__name__": name, "host": f"h{n}"}), float(n)) for n in range(series)]
    metadata = {name: Metadata(type=MetricType.GAUGE, help="Load of the rig.")}
    get_backend().append(batch_at(int(time.time() * 1000), samples, metadata=metadata))


def test_an_expression_is_answered_as_a_table_and_drawn_as_a_graph(admin_client: Client) -> None:
    record("rig_load", series=3)

    page = admin_client.get("/admin/metrics/query/?expr=rig_load&range=6h").content.decode()

    assert "Now: 3 series" in page
    assert "rig_load{host=&quot;h2&quot;}" in page
    assert 'data-chart-expr="rig_load"' in page
    assert 'data-chart-range="21600"' in page


def test_of_very_many_series_the_first_are_shown_and_the_rest_counted(admin_client: Client) -> None:
    record("rig_load", series=250)

    page = admin_client.get("/admin/metrics/query/?expr=rig_load").content.decode()

    assert "The first 200 of 250" in page


def test_an_expression_that_is_not_promql_is_told_at_the_top(admin_client: Client) -> None:
    page = admin_client.get("/admin/metrics/query/?expr=sum(").content.decode()

    assert "parse error" in page
    assert "data-chart-expr" not in page


def test_markup_in_an_expression_is_only_text(admin_client: Client) -> None:
    page = admin_client.get(
        '/admin/metrics/query/?expr="<script>alert(1)</script>"'
    ).content.decode()

    assert "<script>alert(1)" not in page


def test_nothing_found_and_nothing_asked_say_what_to_do(admin_client: Client) -> None:
    asked = admin_client.get("/admin/metrics/query/?expr=nowhere").content.decode()
    fresh = admin_client.get("/admin/metrics/query/").content.decode()

    assert "Nothing matches right now" in asked
    assert "Ask in PromQL" in fresh


def test_the_list_of_metrics_costs_the_same_queries_whatever_its_length(
    admin_client: Client, django_assert_max_num_queries: object
) -> None:
    for number in range(40):
        record(f"metric_{number}", series=2)

    with django_assert_max_num_queries(12):  # type: ignore[operator] # pytest-django types it as a fixture
        page = admin_client.get("/admin/metrics/metric/").content.decode()

    assert "metric_39" in page
    assert "Load of the rig." in page


def test_a_metric_cannot_be_changed_by_hand(admin_client: Client) -> None:
    record("rig_load")
    metric = Metric.objects.get(name="rig_load")

    response = admin_client.post(f"/admin/metrics/metric/{metric.pk}/change/", {"name": "other"})

    assert response.status_code == 403
    assert Metric.objects.get(pk=metric.pk).name == "rig_load"
