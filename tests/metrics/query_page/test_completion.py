"""What completes an expression."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from observability.metrics.query_page import completion

from .samples import PAGE, record

pytestmark = pytest.mark.django_db


def completions(client: Client, kind: str, **parameters: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"{PAGE}complete/{kind}/", parameters).json()
    return answer


def texts(answer: dict[str, Any]) -> list[str]:
    return [each["text"] for each in answer["found"]]


def test_metrics_come_with_type_and_help(admin_client: Client) -> None:
    record("rig_load")

    answer = completions(admin_client, "metrics", typed="rig")

    assert answer == {
        "found": [{"text": "rig_load", "type": "gauge", "help": "Load of the rig."}],
        "are_all": True,
    }


def test_metrics_that_begin_with_what_is_typed_come_before_those_that_contain_it(
    admin_client: Client,
) -> None:
    for name in ("big_rig_load", "rig_load", "r_i_g", "other"):
        record(name)

    answer = completions(admin_client, "metrics", typed="rig")

    assert texts(answer) == ["rig_load", "big_rig_load", "r_i_g"]


def test_of_very_many_metrics_a_bounded_number_comes(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion, "MAX_SUGGESTIONS", 3)
    for number in range(5):
        record(f"rig_{number}")

    answer = completions(admin_client, "metrics", typed="rig")

    assert len(texts(answer)) == 3
    assert answer["are_all"] is False


def test_a_regular_expressions_signs_mean_nothing(admin_client: Client) -> None:
    record("rig_load")

    assert texts(completions(admin_client, "metrics", typed="r.*d")) == []


def test_label_names_are_those_of_the_selectors_series(admin_client: Client) -> None:
    record("rig_load", series=3)

    answer = completions(admin_client, "label-names", selector="rig_load")

    assert texts(answer) == ["host", "job"]


@pytest.mark.parametrize("selector", ["", '{job="rigs"}'], ids=["of all", "without a name"])
def test_label_names_need_no_metric(admin_client: Client, selector: str) -> None:
    record("rig_load")

    answer = completions(admin_client, "label-names", selector=selector, typed="h")

    assert texts(answer) == ["host"]


def test_label_values_are_those_of_the_selectors_series(admin_client: Client) -> None:
    record("rig_load", series=20)

    answer = completions(
        admin_client,
        "label-values",
        label="host",
        selector='rig_load{host=~"h.*[5-9]"}',
        typed="h01",
    )

    assert texts(answer) == ["h015", "h016", "h017", "h018", "h019"]


@pytest.mark.parametrize("selector", ["", '{job="rigs"}'], ids=["of all", "without a name"])
def test_label_values_need_no_metric(admin_client: Client, selector: str) -> None:
    record("rig_load", series=2)

    answer = completions(admin_client, "label-values", label="host", selector=selector)

    assert texts(answer) == ["h000", "h001"]


def test_the_values_of_name_are_metrics(admin_client: Client) -> None:
    record("rig_load")

    answer = completions(admin_client, "label-values", label="__name__", typed="rig")

    assert texts(answer) == ["rig_load"]


def test_a_selector_that_is_none_is_told(admin_client: Client) -> None:
    response = admin_client.get(f"{PAGE}complete/label-names/", {"selector": "rig{"})

    assert response.status_code == 422
    assert "parse error" in response.json()["error"]["message"]
