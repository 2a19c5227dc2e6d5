from __future__ import annotations

import math
from typing import Any

import pytest

from alerts.strict_yaml import Decoder, YamlError, read_document


def read(text: str, *, ignore_unknown_fields: bool = False) -> dict[str, Any]:
    """Return the fields that `text` gives to a type of all kinds of them."""
    decoder = Decoder(ignore_unknown_fields=ignore_unknown_fields)
    with decoder.fields(read_document(text), "test.Thing") as fields:
        thing = {
            "text": fields.text("text"),
            "duration": fields.duration_ms("duration"),
            "integer": fields.integer("integer"),
            "number": fields.number("number"),
            "boolean": fields.boolean("boolean"),
            "texts": fields.texts("texts"),
            "labels": fields.texts_by_name("labels"),
        }
    decoder.check()
    return thing


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        pytest.param("", "text", "", id="an empty document"),
        pytest.param("text: up == 0", "text", "up == 0", id="a plain text"),
        pytest.param("text: 5", "text", "5", id="a number as text"),
        pytest.param("text: yes", "text", "yes", id="a truth value as text"),
        pytest.param("text: ~", "text", "", id="null as text"),
        pytest.param('text: "~"', "text", "~", id="null in quotes"),
        pytest.param("text: |\n  a\n  b\n", "text", "a\nb\n", id="a block"),
        pytest.param("duration: 1h30m", "duration", 5_400_000, id="a duration"),
        pytest.param("duration: 0", "duration", 0, id="no duration"),
        pytest.param("integer: 1_000", "integer", 1000, id="separated digits"),
        pytest.param("integer: 010", "integer", 8, id="octal"),
        pytest.param("integer: -0x1f", "integer", -31, id="hexadecimal"),
        pytest.param("number: 12", "number", 12.0, id="an integer as number"),
        pytest.param("number: 1e3", "number", 1000.0, id="an exponent"),
        pytest.param("number: -.inf", "number", -math.inf, id="infinity"),
        pytest.param("boolean: on", "boolean", True, id="on"),
        pytest.param("boolean: n", "boolean", False, id="n"),
        pytest.param("texts: [a, 1]", "texts", ["a", "1"], id="a list"),
        pytest.param("texts:", "texts", [], id="no list"),
        pytest.param("labels: {a: b, c: 1}", "labels", {"a": "b", "c": "1"}, id="labels"),
        pytest.param(
            "labels: &l {a: b}\n---\ntext: x", "labels", {"a": "b"}, id="the first document only"
        ),
    ],
)
def test_fields_are_read_as_go_reads_them(text: str, field: str, value: object) -> None:
    assert read(text)[field] == value


def test_merge_keys_bring_what_is_not_there() -> None:
    text = """
    labels:
      <<: [{a: 1, b: 1}, {b: 2, c: 2}]
      a: 0
    """

    assert read(text)["labels"] == {"a": "0", "b": "1", "c": "2"}


def test_an_alias_stands_for_what_its_anchor_names() -> None:
    assert read("texts: [&x up, *x]")["texts"] == ["up", "up"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "text: a\nname: b\nothers: 1",
            "yaml: unmarshal errors:\n"
            "  line 2: field name not found in type test.Thing\n"
            "  line 3: field others not found in type test.Thing",
            id="unknown fields",
        ),
        pytest.param(
            "text: a\ntext: b",
            'yaml: unmarshal errors:\n  line 2: mapping key "text" already defined at line 1',
            id="a field twice",
        ),
        pytest.param(
            "integer: twenty-two of them",
            "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `twenty-...` into int",
            id="no integer",
        ),
        pytest.param(
            'number: "5"',
            "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `5` into float64",
            id="a number in quotes",
        ),
        pytest.param(
            "text: {a: b}",
            "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!map into string",
            id="a mapping as text",
        ),
        pytest.param(
            "texts: a",
            "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `a` into []string",
            id="a text as list",
        ),
        pytest.param(
            "[]",
            "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into test.Thing",
            id="a list as document",
        ),
        pytest.param(
            "duration: 5 minutes",
            'yaml: unmarshal errors:\n  line 1: unknown unit " minutes" in duration "5 minutes"',
            id="no duration",
        ),
        pytest.param(
            "text: a\n  b: c",
            "yaml: line 2: mapping values are not allowed in this context",
            id="no YAML",
        ),
        pytest.param("text: *x", "yaml: line 1: unknown anchor 'x' referenced", id="no anchor"),
        pytest.param(
            "a: b\ntext: \x00", "yaml: line 2: control characters are not allowed", id="a NUL"
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(YamlError) as caught:
        read(text)

    assert str(caught.value) == message


def test_unknown_fields_may_be_ignored() -> None:
    assert read("text: a\nname: b", ignore_unknown_fields=True)["text"] == "a"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 100_000, id="lists within lists"),
        pytest.param("a: &a [*a]", id="an alias within its anchor"),
        pytest.param(
            "a0: &a0 {x: y}\n"
            + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 60))
            + "labels: {<<: *a59}",
            id="merges of merges",
        ),
        pytest.param(
            "x: &x [" + "a," * 5_000 + "]\ny: &y [" + "*x," * 5_000 + "]\ntexts: *y",
            id="aliases of aliases",
        ),
    ],
)
def test_documents_that_mean_too_much_end_with_an_error(text: str) -> None:
    with pytest.raises(YamlError):
        read(text)
