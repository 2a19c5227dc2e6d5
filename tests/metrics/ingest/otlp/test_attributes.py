"""Attributes of every kind as labels."""

from __future__ import annotations

import math
from typing import Any

import pytest

from observability.metrics.ingest.otlp.attributes import labels_of, number_text, text_of
from observability.metrics.ingest.series_labels import UnacceptableSeriesError

from .messages import any_value, key_values


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        (True, "true"),
        (False, "false"),
        (-7, "-7"),
        (1.5, "1.5"),
        (2.0, "2"),
        (1e21, "1e+21"),
        (1e-7, "1e-7"),
        (math.nan, "NaN"),
        (-math.inf, "-Inf"),
        (b"\x00\xff", "AP8="),
        (["a", 1, True, None, 2.5], '["a",1,true,null,2.5]'),
        ({"b": [b"\x00"], "a": "ü"}, '{"a":"ü","b":["AA=="]}'),
        ([math.nan], '["NaN"]'),
        (None, ""),
    ],
)
def test_a_value_becomes_text(value: Any, expected: str) -> None:
    assert text_of(any_value(value)) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0.005, "0.005"),
        (10.0, "10"),
        (1e-7, "0.0000001"),
        (1e21, "1000000000000000000000"),
        (-0.5, "-0.5"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
)
def test_a_bound_is_told_without_an_exponent(number: float, expected: str) -> None:
    assert number_text(number) == expected


def test_values_of_attributes_that_become_one_label_are_joined_in_the_order_of_their_keys() -> None:
    attributes = key_values({"a_b": "2", "a.b": "1", "c": "3"})

    assert labels_of(attributes) == {"a_b": "1;2", "c": "3"}


def test_an_attribute_does_not_rename_the_metric() -> None:
    assert labels_of(key_values({"__name__": "other", "a": "1"})) == {"a": "1"}


def test_an_attribute_of_which_nothing_is_left_is_refused() -> None:
    with pytest.raises(UnacceptableSeriesError, match="ようこそ"):
        labels_of(key_values({"ようこそ": "1"}))
