from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.templating.alertmanager import Notifier
from alerts.templating.html_output import HtmlOutput
from alerts.templating.template import parse
from tests.alerts.templating.amtool_cases import HTML
from tests.alerts.templating.notification import NOW, html, notification, params


@pytest.mark.parametrize(("template", "expected"), params(HTML))
def test_a_value_is_escaped_for_its_place_as_in_go(template: str, expected: str) -> None:
    assert html(template) == expected


# Places where today's Go is stricter than the one of Debian's amtool.
@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("<p id={{ `` }}>", "<p id=ZgotmplZ>"),
        ("<style>a { color: {{ `<b>` }} }</style>", "<style>a { color: ZgotmplZ }</style>"),
        (
            '<script>a = `{{ "${x}`" }}`</script>',
            "<script>a = `\\u0024\\u007bx\\u007d\\u0060`</script>",
        ),
        ('<a href="{{ safeUrl "javascript:1" }}">', '<a href="javascript:1">'),
    ],
    ids=["unquoted", "style", "template literal", "safe url"],
)
def test_a_dangerous_value_is_kept_out(template: str, expected: str) -> None:
    assert html(template) == expected


ATTACK = "');alert(1);//*/alert(2)`${alert(3)}</script>\n"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("/* ", " */", ""),
        ("// ", "\n", ""),
        ("// it's\nx = ", ";", '"\');alert(1);//*\\/alert(2)`${alert(3)}\\u003c/script\\u003e\\n"'),
        ("x = /'/; y = ", ";", "\\u0027\\u0029\\u003balert\\u0028"),
        ('x = /"/; y = "', '"', '"\\u0027\\u0029\\u003balert\\u0028'),
        ("x = `${ ", " }`", "\\u0027\\u0029\\u003balert\\u0028"),
        ("x = 'it\\'s ", "'", "\\u0027);alert(1);\\/\\/*\\/alert(2)\\u0060${alert(3)}"),
    ],
    ids=[
        "comment",
        "line comment",
        "apostrophe",
        "regular expression",
        "its quotes",
        "template",
        "quotes",
    ],
)
def test_no_value_gets_out_of_its_place_in_a_script(before: str, after: str, expected: str) -> None:
    template = parse(f"<script>{before}{{{{ . }}}}{after}</script>", "page")

    page = template.execute(ATTACK, output=HtmlOutput)

    inner = page.removeprefix(f"<script>{before}").removesuffix(f"{after}</script>")
    assert inner.startswith(expected)
    assert bool(inner) is bool(expected)


def test_quotes_that_are_written_as_entities_are_quotes() -> None:
    template = parse('<b onclick="f(&#39;{{ . }}&#39;)">', "page")

    assert template.execute("');alert(1)", output=HtmlOutput) == (
        '<b onclick="f(&#39;\\u0027);alert(1)&#39;)">'
    )


class Reader(HTMLParser):
    """What a browser finds: each tag with its attributes, and each text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, object]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.found.append(("text", data))


NICE = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"], include_characters=" "),
    min_size=1,
)


@given(NICE)
def test_no_value_becomes_a_tag_or_an_attribute(value: str) -> None:
    template = parse("<p title=\"{{ . }}\" class='{{ . }}' id={{ . }}><b>{{ . }}</b></p>", "page")

    reader = Reader()
    reader.feed(template.execute(value, output=HtmlOutput))
    reader.close()

    (tag, attributes), *rest = reader.found
    assert (tag, attributes) == ("p", [("title", value), ("class", value), ("id", value)])
    assert [name for name, _ in rest] == ["b", "text"]
    assert "".join(str(text) for name, text in rest if name == "text") == value


@given(st.text())
def test_no_value_becomes_a_script_in_a_link(value: str) -> None:
    page = parse('<a href="{{ . }}">', "page").execute(value, output=HtmlOutput)

    reader = Reader()
    reader.feed(page)
    (_, attributes), *rest = reader.found
    assert not rest
    assert not str(attributes).lower().startswith("[('href', 'javascript:")


@given(st.text(st.characters(exclude_characters="{")))
def test_any_page_can_be_rendered(page: str) -> None:
    template = parse(page + "{{ . }}" + page + "{{ . }}", "page")

    assert isinstance(template.execute("<x>", output=HtmlOutput), str)


def test_a_text_and_a_page_come_from_the_same_templates() -> None:
    data = notification()
    notifier = Notifier(NOW, parse('{{ define "t" }}{{ . }}{{ end }}', "file").trees)

    assert notifier.text('{{ template "t" "<b>" }}', data) == "<b>"
    assert notifier.html('{{ template "t" "<b>" }}', data) == "&lt;b&gt;"
