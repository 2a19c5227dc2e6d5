"""The list of metrics in the admin."""

from __future__ import annotations

import pytest
from django.test import Client

from observability.metrics.models import Metric

from .query_page.samples import record

pytestmark = pytest.mark.django_db


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
