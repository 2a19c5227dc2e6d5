from __future__ import annotations

import pytest

from alerts.rules.fingerprints import fingerprint


# As Alertmanager 0.25 shows them.
@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, "cbf29ce484222325"),
        ({"alertname": "HighLoad", "host": "db"}, "11a32676d3e30c5e"),
    ],
    ids=["no labels", "two labels"],
)
def test_a_fingerprint_is_alertmanagers(labels: dict[str, str], expected: str) -> None:
    assert fingerprint(labels) == expected


def test_a_fingerprint_does_not_depend_on_the_order_of_labels() -> None:
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})
