from __future__ import annotations

import pytest

from alerts.templating.errors import TemplateSyntaxError
from alerts.templating.kinds import INT, StringMap
from alerts.templating.signatures import Function
from alerts.templating.template import parse
from tests.alerts.templating.amtool_cases import (
    ACTIONS,
    EXECUTION_ERRORS,
    LITERALS,
    SYNTAX_ERRORS,
)
from tests.alerts.templating.notification import params, rendered, text


@pytest.mark.parametrize(("template", "expected"), params(ACTIONS, LITERALS))
def test_a_template_prints_what_go_prints(template: str, expected: str) -> None:
    assert rendered(template) == expected


@pytest.mark.parametrize(("template", "message"), params(SYNTAX_ERRORS, EXECUTION_ERRORS))
def test_an_error_has_the_words_of_go(template: str, message: str) -> None:
    assert rendered(template) == message


# Of a Go later than the one that Debian's tools are made with.
@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{range 3}}{{.}}{{end}}", "012"),
        ("{{range $i := 2}}{{$i}}{{else}}none{{end}}{{range 0}}{{.}}{{else}}none{{end}}", "01none"),
        ("{{range $i, $j := 2}}{{end}}", "can't use 2 to iterate over more than one variable"),
        ("{{with 0}}a{{else with 5}}{{.}}{{else}}b{{end}}", "5"),
        ("{{with 0}}a{{else with 0}}{{.}}{{else}}b{{end}}", "b"),
        ("{{ ) }}", "template: :1: unexpected right paren"),
        ("{{ eq 1 1.0 }}", "incompatible types for comparison: int and float64"),
        ("{{ lt 1 `a` }}", "incompatible types for comparison: int and string"),
        ("{{ eq (stringSlice `a`) (stringSlice `a`) }}", "non-comparable type [a]: []string"),
    ],
)
def test_a_template_of_a_later_go(template: str, expected: str) -> None:
    assert rendered(template).endswith(expected)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("line 1\nline 2 {{ foo }}", 'template: :2: function "foo" not defined'),
        ("line 1\né {{ .Foo }}", 'template: :2:6: executing "" at <.Foo>'),
        ('{{ "a\nb" }}', "template: :1: unterminated quoted string"),
        ("{{\n 1 \n @ }}", 'template: :3: unexpected "@" in operand'),
        ("{{\n\n", "template: :3: unclosed action started at :1"),
        ('{{ print\n "a }}', "template: :2: unterminated quoted string in action started at :1"),
        ("{{ if true }}\n\n{{ bad }}\n{{ end }}", 'template: :3: function "bad" not defined'),
        ("a\nb{{end}}", "template: :2: unexpected {{end}}"),
        ("{{if true}}\nb{{else}}\nc", "template: :3: unexpected EOF"),
        ("{{/*\n\n*/ 1 }}", "template: :1: comment ends before closing delimiter"),
        ('{{ print `a\nb` "c', "template: :2: unterminated quoted string in action started at :1"),
        ('{{ define "t" }}{{ .Foo }}{{ end }}\n\n {{ template "t" . }}', 'executing "t" at <.Foo>'),
    ],
)
def test_an_error_names_its_line(template: str, message: str) -> None:
    assert message in rendered(template)


def test_an_action_goes_over_several_lines() -> None:
    assert text('{{ print\n  "a"\n  "b" }}{{ 1\n}}') == "ab1"


def test_a_long_chain_of_conditions_is_no_deep_one() -> None:
    chain = (
        "{{if eq 1 2}}" + "".join(f"{{{{else if eq . {i}}}}}{i}" for i in range(200)) + "{{end}}"
    )

    assert parse(chain, "chain").execute(150) == "150"


@pytest.mark.parametrize("opening", ["{{(", "{{print (", "{{if true}}", '{{block "b" .}}'])
def test_what_is_nested_too_deeply_is_refused(opening: str) -> None:
    with pytest.raises(TemplateSyntaxError):
        parse(opening + opening.removeprefix("{{") * 5000, "deep")


def test_a_template_calls_the_functions_it_is_given() -> None:
    functions = {"twice": Function(lambda number: 2 * number, (INT,))}

    template = parse("{{ twice .a }} {{ 3 | twice }}", "name", functions)

    assert template.execute({"a": 2}, functions) == "4 6"


def test_a_missing_key_has_no_value_in_a_map_of_anything_and_is_empty_in_one_of_texts() -> None:
    template = parse("{{ .any.foo }}|{{ .texts.foo }}", "name")

    assert template.execute({"any": {}, "texts": StringMap()}) == "<no value>|"


def test_a_later_text_redefines_a_template_and_includes_those_it_knows() -> None:
    known = parse('{{ define "a" }}old{{ end }}{{ define "b" }}kept{{ end }}', "file").trees

    template = parse(
        '{{ define "a" }}new{{ end }}{{ template "a" }} {{ template "b" }}', "", known=known
    )

    assert template.execute(None) == "new kept"


def test_octets_that_are_no_text_are_replaced_at_the_end() -> None:
    assert parse(r'{{ "\xff" }}{{ slice "é" 0 1 }}', "name").execute(None) == "\ufffd\ufffd"
    assert parse(r'{{ print (slice "é" 0 1) (slice "é" 1) }}', "name").execute(None) == "é"
