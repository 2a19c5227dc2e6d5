from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from observability.access.key_labels import (
    format_labels,
    parse_label,
    parse_labels,
    validate_labels,
)


def test_labels_are_read_line_by_line() -> None:
    labels = parse_labels('system="earntrack"\n\n team = core \n')

    assert labels == {"system": "earntrack", "team": "core"}


def test_labels_are_written_as_they_are_read() -> None:
    labels = {"system": "earn=track", "team": "core"}

    assert parse_labels(format_labels(labels)) == labels


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(["a"], id="a list"),
        pytest.param({"1a": "x"}, id="a digit first"),
        pytest.param({"a-b": "x"}, id="a hyphen"),
        pytest.param({"__name__": "x"}, id="a reserved name"),
        pytest.param({"a": 1}, id="a number as value"),
        pytest.param({"a": ""}, id="an empty value"),
        pytest.param({"a": "x" * 1025}, id="a value too long"),
        pytest.param({"a\n": "x"}, id="a line break in the name"),
    ],
)
def test_labels_that_no_series_could_carry_are_refused(labels: object) -> None:
    with pytest.raises(ValidationError):
        validate_labels(labels)


@pytest.mark.parametrize("text", ["system", "=x", "a b=c"])
def test_text_that_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        parse_label(text)


def test_a_label_given_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="twice"):
        parse_labels("a=1\na=2")
