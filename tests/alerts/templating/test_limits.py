from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.templating.errors import LimitError, TemplateError
from alerts.templating.html_output import HtmlOutput
from alerts.templating.limits import MAX_TEMPLATE, MAX_TEXT, Limits
from alerts.templating.prometheus import NAMES, STATIC
from alerts.templating.template import parse
from tests.alerts.templating.notification import html, text

SMALL = Limits(output=10_000, work=200_000, seconds=60, depth=20)


def execute(template: str) -> str:
    return parse(template, "runaway", NAMES).execute(["a", "b"], STATIC, limits=SMALL)


@pytest.mark.parametrize(
    "template",
    [
        "{{range 1000000000}}{{end}}",
        "{{range 1000000000}}x{{end}}",
        '{{define "t"}}{{template "t"}}{{end}}{{template "t"}}',
        '{{define "t"}}{{range 10}}{{template "t"}}{{end}}{{end}}{{template "t"}}',
        '{{define "t"}}'
        + "{{if true}}" * 40
        + '{{template "t"}}'
        + "{{end}}" * 40
        + '{{end}}{{template "t"}}',
        '{{$x := "ab"}}{{range 100}}{{$x = printf "%s%s" $x $x}}{{end}}',
        "{{$x := args 1}}{{range 100}}{{$x = args $x $x}}{{end}}{{$x}}",
        "{{$x := args 1}}{{range 5000}}{{$x = args $x}}{{end}}{{$x}}",
        '{{$x := args 1}}{{range 1000000}}{{$x = args $x (printf "%099999d" 1)}}{{end}}',
        '{{$x := printf "%0999999d" 1}}{{reReplaceAll "" $x $x}}',
        '{{printf "%9999999d%9999999d" 1 2}}',
        '{{range 1000000}}{{$x := printf "%9999999.9999999f" 1.5}}{{end}}',
        '{{range 1000000}}{{$x := reReplaceAll "(a*)*b" "x" "aaaaaaaaaaaaaaaaaaaaaaaa"}}{{end}}',
        "{{range 1000000}}{{$y := 1}}{{range 1000000}}{{$z := $y}}{{end}}{{end}}",
    ],
)
def test_a_template_that_runs_away_is_stopped(template: str) -> None:
    with pytest.raises(TemplateError):
        execute(template)


def test_a_template_that_takes_too_long_is_stopped() -> None:
    template = parse("{{range 1000000000}}{{end}}", "slow")

    with pytest.raises(LimitError, match=r"^template: slow: takes longer than 0 s$"):
        template.execute(None, limits=Limits(seconds=0))


def test_an_output_may_be_as_long_as_its_limit() -> None:
    template = parse("{{.}}", "long")

    assert len(template.execute("x" * MAX_TEXT)) == MAX_TEXT
    with pytest.raises(LimitError):
        template.execute("x" * MAX_TEXT, limits=Limits(output=MAX_TEXT - 1))


def test_a_template_longer_than_a_template_may_be_is_refused() -> None:
    with pytest.raises(TemplateError, match="longer than"):
        parse("x" * (MAX_TEMPLATE + 1), "long")


@pytest.mark.parametrize(
    "template",
    [
        "{{" + "1" * 30_000 + "}}",
        "{{0x" + "1" * 30_000 + "}}",
        "{{1." + "1" * 30_000 + "x}}",
        '{{"' + "\\x41" * 30_000,
        "{{`" * 30_000,
        "{{- 1 -}} " * 4_000,
        "{{$a := 1}}" * 4_000 + "{{$a}}" * 4_000,
        "{{/*" * 30_000,
        "{{if 1}}" * 30_000,
        "{{" + "(" * 30_000,
        "{{" + "1|print|" * 4_000,
        "{{" + ".a" * 30_000 + "}}",
    ],
    ids=[
        "digits",
        "hex",
        "fraction",
        "escapes",
        "raw",
        "trims",
        "variables",
        "comments",
        "ifs",
        "parens",
        "pipes",
        "fields",
    ],
)
def test_a_long_template_takes_no_longer_than_its_length(template: str) -> None:
    # Each would take minutes if its time grew with the square of its length.
    with suppress(TemplateError):
        parse(template, "long")


PIECES = st.sampled_from(
    r"""{{ }} {{- -}} ( ) | . $x $ := = , " ` ' if else end range with define template block break
    continue nil true 1 -1.5 0x1F 1i "a" 'a' .Alerts .Labels \ /* */ é % printf "%[2]*.*d" index
    slice len eq and join reReplaceAll toJson date <a href= <script> <!-- title""".split()  # noqa: SIM905
)


def assert_rendered_or_refused(template: str) -> None:
    """Raise what is no `TemplateError`, and be slow where the limits do not hold."""
    for render in (text, html):
        with suppress(TemplateError):
            assert isinstance(render(template), str)


@settings(max_examples=300)
@given(st.text() | st.lists(PIECES).map(" ".join) | st.lists(PIECES).map("".join))
def test_any_text_is_rendered_or_refused(template: str) -> None:
    assert_rendered_or_refused(template)


FUNCTIONS = st.sampled_from(
    """len index slice eq lt and or not print html js urlquery toUpper title match reReplaceAll
    join stringSlice toJson list dict append date tz toDate base64decode urlUnescape
    humanizeDuration printf safeHtml""".split()  # noqa: SIM905
)
VALUES = st.sampled_from(
    '1 -2.5 "a" "é<b>" nil true . .Alerts .CommonLabels.aa 1i now "%v%5d%q%x%+v%T"'.split()  # noqa: SIM905
)
EXPRESSIONS = st.recursive(
    VALUES | st.text(max_size=5).map(lambda text: "`" + text.replace("`", "") + "`"),
    lambda inner: st.tuples(FUNCTIONS, st.lists(inner, max_size=3)).map(
        lambda call: f"({call[0]} {' '.join(call[1])})"
    ),
    max_leaves=8,
)


@settings(max_examples=300)
@given(EXPRESSIONS, EXPRESSIONS)
def test_any_expression_gives_a_text_or_an_error(first: str, second: str) -> None:
    template = f"{{{{ range {first} }}}}{{{{ . }}}}{{{{ else }}}}{{{{ {second} }}}}{{{{ end }}}}"

    assert_rendered_or_refused(template)


def test_html_has_the_same_limits() -> None:
    template = parse("{{range 1000000000}}<b>{{.}}</b>{{end}}", "page")

    with pytest.raises(LimitError):
        template.execute(None, output=HtmlOutput, limits=SMALL)
