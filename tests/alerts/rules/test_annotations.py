from __future__ import annotations

import pytest

from alerts.rules.annotations import InvalidTemplateError, check_template, format_value, render


def test_value_and_labels_are_filled_in() -> None:
    text = render("{{ $labels.host }} is at {{$value}} %", labels={"host": "db"}, value=95.5)

    assert text == "db is at 95.5 %"


def test_an_absent_label_gives_nothing() -> None:
    assert render("[{{ $labels.host }}]", labels={}, value=1) == "[]"


def test_braces_in_a_label_value_are_not_rendered_again() -> None:
    assert render("{{ $labels.a }}", labels={"a": "{{ $value }}"}, value=1) == "{{ $value }}"


@pytest.mark.parametrize(
    "text",
    ["{{ $value | humanize }}", "{{ .Value }}", "{{ $labels }}", "{{ $value", "$value }}", "{{}}"],
)
def test_other_braces_are_refused(text: str) -> None:
    with pytest.raises(InvalidTemplateError):
        check_template(text)


@pytest.mark.parametrize("text", ["", "plain { text }", "{{ $value }} and {{$labels.a_b}}"])
def test_known_forms_are_accepted(text: str) -> None:
    check_template(text)


# As Prometheus 2.42 renders them (`promtool test rules`).
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_000_000.0, "1e+06"),
        (123_456_789.5, "1.234567895e+08"),
        (1e21, "1e+21"),
        (0.00001234, "1.234e-05"),
        (0.0001234, "0.0001234"),
        (999_999.5, "999999.5"),
        (90.0, "90"),
        (-2.5, "-2.5"),
        (0.0, "0"),
        (float("nan"), "NaN"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
    ],
)
def test_a_value_is_printed_as_prometheus_prints_it(value: float, text: str) -> None:
    assert format_value(value) == text
