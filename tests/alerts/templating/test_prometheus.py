from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from alerts.templating.errors import TemplateError
from alerts.templating.prometheus import expand, in_place
from observability.promql.errors import ExecutionError
from observability.promql.labels import label_set
from observability.promql.values import InstantVector, Scalar, String, Value

AT_MS = 1_353_755_652_000
UP = {
    'up{job="web"}': [({"instance": "b", "job": "web"}, 21.0), ({"instance": "a"}, 11.0)],
    "absent": [],
}


def answer(expression: str, at_ms: int) -> Value:
    assert at_ms == AT_MS
    if expression == "1.5":
        return Scalar(at_ms, 1.5)
    if expression == "'text'":
        return String(at_ms, "text")
    if expression not in UP:
        raise ExecutionError("query went wrong")
    found = UP[expression]
    return InstantVector(
        at_ms,
        [label_set(labels) for labels, _ in found],
        np.array([value for _, value in found]),
    )


def expanded(text: str, value: float = 0.5, labels: Mapping[str, str] | None = None) -> str:
    return expand(
        text,
        name="__alert_X",
        labels={"instance": "db.example.com:9100"} if labels is None else labels,
        value=value,
        external_labels={"region": "eu"},
        external_url="http://portal:8000/metrics",
        at_ms=AT_MS,
        query=answer,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("{{ $value }}", "0.5"),
        ("{{ $value | humanizePercentage }}", "50%"),
        ("{{ $labels.instance }} of {{ $externalLabels.region }}", "db.example.com:9100 of eu"),
        (
            "{{ $externalURL }} {{ externalURL }} {{ pathPrefix }}",
            "http://portal:8000/metrics " * 2 + "/metrics",
        ),
        ("[{{ $labels.nope }}]", "[]"),
        ('{{ $labels.instance | reReplaceAll "(.*):.*" "$1" }}', "db.example.com"),
        ('{{ query "1.5" | first | value }}', "1.5"),
        ('{{ with query "absent" }}{{ . | first | value }}{{ else }}none{{ end }}', "none"),
        (
            '{{ range query `up{job="web"}` | sortByLabel "instance" }}{{ .Labels.instance }}:{{ .Value }} {{ end }}',
            "a:11 b:21 ",
        ),
    ],
)
def test_text_of_an_alert(text: str, expected: str) -> None:
    assert expanded(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{", "error parsing template __alert_X: template: __alert_X:1: unclosed action"),
        (
            '{{ query "bad" }}',
            "error executing template __alert_X: template: __alert_X:1:115: executing"
            ' "__alert_X" at <query "bad">: error calling query: query went wrong',
        ),
    ],
)
def test_an_error_says_where(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as raised:
        expanded(text)

    assert str(raised.value) == message
    assert in_place(raised.value) == f"<error expanding template: {message}>"
