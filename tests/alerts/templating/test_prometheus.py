from __future__ import annotations

import numpy as np
import pytest

from alerts.templating.errors import TemplateError
from alerts.templating.limits import Limits
from alerts.templating.prometheus import expand, in_place
from observability.promql.errors import ExecutionError
from observability.promql.labels import label_set
from observability.promql.values import InstantVector, Scalar, String, Value
from tests.alerts.templating.notification import params
from tests.alerts.templating.promtool_cases import (
    ANNOTATIONS,
    EXTERNAL_LABELS,
    EXTERNAL_URL,
    LABELS,
    SERIES,
    VALUE,
)

AT_MS = 1_353_755_652_000


def answer(expression: str, at_ms: int) -> Value:
    assert at_ms == AT_MS
    if expression == "1.5":
        return Scalar(at_ms, 1.5)
    if expression == "'text'":
        return String(at_ms, "text")
    if expression not in SERIES:
        raise ExecutionError("query went wrong")
    found = SERIES[expression]
    values = np.array([value for _, value in found])
    return InstantVector(at_ms, [label_set(labels) for labels, _ in found], values)


def expanded(text: str) -> str:
    try:
        return expand(
            text,
            name="__alert_X",
            labels=LABELS,
            value=VALUE,
            external_labels=EXTERNAL_LABELS,
            external_url=EXTERNAL_URL,
            at_ms=AT_MS,
            query=answer,
        )
    except TemplateError as error:
        return in_place(error)


@pytest.mark.parametrize(("text", "expected"), params(ANNOTATIONS))
def test_an_annotation_reads_as_prometheus_shows_it(text: str, expected: str) -> None:
    assert expanded(text) == expected


# What Debian's Prometheus does not have yet, or its promtool not set up.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ externalURL }} {{ pathPrefix }}", "http://h:9090/pre /pre"),
        (
            '{{ graphLink "up > 1" }} {{ tableLink "a" }}',
            "/graph?g0.expr=up+%3E+1&g0.tab=0 /graph?g0.expr=a&g0.tab=1",
        ),
        ("{{ now }}", "1.353755652e+09"),
        ('{{ (now | toTime).Format "Mon Jan 2 15:04:05 2006" }}', "Sat Nov 24 11:14:12 2012"),
        ("{{ toDuration 1800 }} {{ (toDuration `90.5`).Minutes }}", "30m0s 1.5083333333333333"),
        (
            '{{ ("-30m" | parseDuration | toDuration | (now | toTime).Add).UnixMilli }}',
            "1353753852000",
        ),
        ('{{ printf "%0.2f" (parseDuration "-1h2m10ms") }}', "-3720.01"),
        ('{{ urlQueryEscape "a b&c" }}', "a+b%26c"),
        ("{{ humanizeDuration (toDuration 90) }}", "1m 30s"),
        ("plain }} text", "plain }} text"),
    ],
)
def test_an_annotation_of_a_later_prometheus(text: str, expected: str) -> None:
    assert expanded(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{{ query "bad" }}', "error calling query: query went wrong"),
        ("{{ query `'text'` }}", "error calling query: rule result is not a vector or scalar"),
        (
            "{{ humanize (query `q`) }}",
            "error calling humanize: can't convert template.queryResult to float",
        ),
    ],
)
def test_an_error_stands_in_place_of_the_text(text: str, message: str) -> None:
    shown = expanded(text)

    assert shown.startswith(
        "<error expanding template: error executing template __alert_X: template: __alert_X:"
    )
    assert message in shown


def test_an_annotation_takes_no_more_than_its_limits() -> None:
    with pytest.raises(
        TemplateError, match="takes more steps, or makes more text, than a template may"
    ):
        expand(
            "{{ range 1000000000 }}{{ end }}",
            name="__alert_X",
            labels={},
            value=1.0,
            external_labels={},
            external_url="",
            at_ms=AT_MS,
            query=answer,
            limits=Limits(work=100_000, seconds=600),
        )
