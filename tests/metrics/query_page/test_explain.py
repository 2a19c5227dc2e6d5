"""What each part of an expression took."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from .samples import PAGE, record

pytestmark = pytest.mark.django_db


def test_each_part_is_told_with_its_place_and_what_it_read(admin_client: Client) -> None:
    record("rig_load", series=3)
    now = int(time.time())
    asked = {"query": "sum(rig_load)", "start": now, "end": now + 10, "step": 10}

    answer = admin_client.post(f"{PAGE}explain/", asked).json()

    root = answer["root"]
    (selector,) = root["children"]
    assert (root["kind"], root["from"], root["to"]) == ("aggregation", 0, 13)
    assert (selector["text"], selector["from"], selector["to"]) == ("rig_load", 4, 12)
    assert (root["series"], selector["series"], selector["samples"]) == (1, 3, 3)


@pytest.mark.parametrize(
    "changed",
    [{"query": "sum("}, {"start": "yesterday"}, {"step": ""}, {"query": ""}],
    ids=["no PromQL", "no time", "no step", "nothing"],
)
def test_what_cannot_be_run_is_told(admin_client: Client, changed: dict[str, str]) -> None:
    asked = {"query": "1", "start": "0", "end": "10", "step": "5", **changed}

    response = admin_client.post(f"{PAGE}explain/", asked)

    assert response.status_code == 422
    assert response.json()["error"]["message"]
