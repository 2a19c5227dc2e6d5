"""Names of OpenTelemetry in Prometheus's spelling; cases as prometheus/otlptranslator documents them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.ingest.otlp.names import label_name, metric_name, unit_name
from observability.metrics.naming import label_name_fault, metric_name_fault


@pytest.mark.parametrize(
    ("name", "unit", "expected"),
    [
        ("simple_metric", "", "simple_metric"),
        ("http.server.duration", "s", "http_server_duration_seconds"),
        ("metric@with#special$chars", "", "metric_with_special_chars"),
        ("metric@@##$$name", "", "metric_name"),
        ("metric__with__multiple__underscores", "a__b", "metric_with_multiple_underscores_a_b"),
        ("rule:level", "", "rule:level"),
        ("123metric", "", "_123metric"),
        (".leading.and.trailing.", "", "leading_and_trailing"),
        ("response_time", "ms", "response_time_milliseconds"),
        ("response_time_seconds", "s", "response_time_seconds"),
        ("system.filesystem.usage", "By", "system_filesystem_usage_bytes"),
        ("throughput", "By/s", "throughput_bytes_per_second"),
        ("requests", "1/s", "requests_per_second"),
        ("speed", "m/s", "speed_meters_per_second"),
        ("speed", "km/m", "speed_km_per_minute"),
        ("requests_per_second", "1/s", "requests_per_second_per_second"),
        ("custom_metric", "custom_unit", "custom_metric_custom_unit"),
        ("custom_metric", "unit@with#special/chars", "custom_metric_unit_with_special_per_chars"),
        ("custom_metric", "{custom}", "custom_metric"),
        ("custom_metric", "By/{custom}", "custom_metric_bytes"),
        ("custom_metric", "{request}/s", "custom_metric_per_second"),
        ("custom_metric", "_", "custom_metric"),
        ("custom_metric", "a_/b_", "custom_metric_a_per_b"),
        ("custom_metric", "a/ ", "custom_metric_a"),
        ("cpu", "%", "cpu_percent"),
        ("@#$%", "", ""),
        ("", "s", "seconds"),
    ],
)
def test_a_metric_gets_its_unit_as_ending(name: str, unit: str, expected: str) -> None:
    assert metric_name(name, unit) == expected


@pytest.mark.parametrize(
    ("name", "unit", "expected"),
    [
        ("requests", "", "requests_total"),
        ("requests_total", "", "requests_total"),
        ("total.requests", "", "requests_total"),
        ("items", "1", "items_total"),
        ("cpu_seconds_total", "s", "cpu_seconds_total"),
        ("requests", "1/s", "requests_per_second_total"),
    ],
)
def test_a_counter_ends_with_total(name: str, unit: str, expected: str) -> None:
    assert metric_name(name, unit, is_counter=True) == expected


@pytest.mark.parametrize(
    ("name", "unit", "expected"),
    [
        ("cpu_usage", "1", "cpu_usage_ratio"),
        ("cpu_usage_ratio", "1", "cpu_usage_ratio"),
        ("cpu_usage", "", "cpu_usage"),
    ],
)
def test_a_gauge_without_dimension_is_a_ratio(name: str, unit: str, expected: str) -> None:
    assert metric_name(name, unit, is_gauge=True) == expected


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("", ""),
        ("1", ""),
        ("s", "seconds"),
        ("By/s", "bytes_per_second"),
        ("1/s", "per_second"),
        ("{request}", ""),
        ("unit@with#special/chars", "unit_with_special_per_chars"),
    ],
)
def test_a_unit_is_told_in_words(unit: str, expected: str) -> None:
    assert unit_name(unit) == expected


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("http.method", "http_method"),
        ("label:with:colons", "label_with_colons"),
        ("LabelWithCapitalLetters", "LabelWithCapitalLetters"),
        ("label!with&special$chars)", "label_with_special_chars_"),
        ("label__with__double", "label__with__double"),
        ("label_字符", "label___"),
        ("123label", "key_123label"),
        (".foo", "key_foo"),
        ("_foo", "key_foo"),
        ("__foo", "key__foo"),
        ("", ""),
        ("__", ""),
        ("ようこそ", ""),
    ],
)
def test_an_attribute_becomes_a_label(attribute: str, expected: str) -> None:
    assert label_name(attribute) == expected


@given(st.text(max_size=50), st.text(max_size=20), st.booleans(), st.booleans())
def test_every_name_that_is_left_is_one_of_prometheus(
    name: str, unit: str, is_counter: bool, is_gauge: bool
) -> None:
    translated = metric_name(name, unit, is_counter=is_counter, is_gauge=is_gauge)
    label = label_name(name)

    assert not translated or not metric_name_fault(translated)
    assert not label or not label_name_fault(label)
