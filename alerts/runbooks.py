"""Runbooks: pages for people whose alert has just fired, kept as Markdown in `docs/runbooks`.

They are shown with what a file cannot have: a button that opens a query, and links to the
portal's pages where a text names one as **Metrics > Store**.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from observability.access.navigation import registered_entries
from observability.embedded.locations import PROJECT_DIR

FOLDER = PROJECT_DIR / "docs" / "runbooks"
INDEX = "index"


class UnknownRunbookError(LookupError):
    """There is no runbook of that name."""


@dataclass(frozen=True, slots=True)
class Runbook:
    """A page.

    Attributes:
        title: Its heading, plain text.
        body: All below the heading.
    """

    title: str
    body: SafeString


def runbook_names() -> list[str]:
    """Return the names of all runbooks, without the page that lists them."""
    return sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != INDEX)


def read_runbook(name: str) -> Runbook:
    """Return a runbook, or with `INDEX` the list of them.

    Raises:
        UnknownRunbookError: There is none of that name.
    """
    if name not in (INDEX, *runbook_names()):
        raise UnknownRunbookError(name)
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    for rule, render in _RULES.items():
        markdown.add_render_rule(rule, render)
    # A page begins with its heading, which takes three tokens.
    _, heading, _, *rest = markdown.parse((FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    pages = {f"{entry.section} > {entry.title}": entry.url_name for entry in registered_entries()}
    body = markdown.renderer.render(rest, markdown.options, {"pages": pages})
    return Runbook(heading.content, mark_safe(body))  # noqa: S308 (made of escaped text only)


Environment = MutableMapping[str, Any]


def _fence(
    _: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Environment
) -> str:
    token = tokens[index]
    code = token.content.rstrip("\n")
    if token.info != "promql":
        return format_html('<pre class="portal-runbook-code">{}</pre>\n', code)
    return format_html(
        '<div class="portal-runbook-query"><pre class="portal-runbook-code">{}</pre>'
        '<a href="{}?{}">Run</a></div>\n',
        code,
        reverse("metrics-query"),
        urlencode({"expr": code}),
    )


def _link(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: Environment,
) -> str:
    name = str(tokens[index].attrGet("href") or "")
    if name.endswith(".md"):
        tokens[index].attrSet("href", reverse("alerts-runbook", args=[name.removesuffix(".md")]))
    return renderer.renderToken(tokens, index, options, env)


def _strong(
    _: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Environment
) -> str:
    if url_name := env["pages"].get(tokens[index + 1].content):
        return format_html('<a href="{}">', reverse(url_name))
    return "<strong>"


def _strong_end(
    _: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Environment
) -> str:
    return "</a>" if tokens[index - 1].content in env["pages"] else "</strong>"


def _table(
    _: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Environment
) -> str:
    return '<div class="portal-table-scroll"><table class="portal-table">'


def _table_end(
    _: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Environment
) -> str:
    return "</table></div>"


_RULES = {
    "fence": _fence,
    "link_open": _link,
    "strong_open": _strong,
    "strong_close": _strong_end,
    "table_open": _table,
    "table_close": _table_end,
}
