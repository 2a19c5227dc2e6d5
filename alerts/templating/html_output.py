"""Output as HTML: each value is escaped for the place it stands in.

Go's html/template finds the places before it executes; here they are found on the way, so a
template whose branches end in different places works too.
"""

from __future__ import annotations

from alerts.templating import html_values
from alerts.templating.execution import Output
from alerts.templating.formatting import sprint
from alerts.templating.functions import escape_query
from alerts.templating.html_context import Content, Context, Place
from alerts.templating.html_values import SafeHtml, SafeUrl
from alerts.templating.kinds import ANY
from alerts.templating.limits import Budget
from alerts.templating.signatures import Function


class HtmlOutput(Output):
    """Text in which no value can become a tag, an attribute or a script."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self._context = Context()

    def write_text(self, text: str) -> None:
        """Add what stands in the template itself; comments of HTML are left out."""
        self._write(self._context.read(text))

    def write_value(self, value: object) -> None:
        """Add a value, escaped."""
        self._context.begin_unquoted()
        escaped = self._escaped(value)
        self._context.note_value(escaped)
        self._write(escaped)

    def _escaped(self, value: object) -> str:
        context = self._context
        match context.place:
            case Place.TEXT:
                return html_values.in_text(value)
            case Place.COMMENT:
                return ""
            case Place.RCDATA:
                return html_values.in_rcdata(value)
            case Place.SCRIPT:
                return self._script(value)
            case Place.STYLE:
                return html_values.in_css(value, quotes=context.inner_quote)
            case Place.TAG | Place.NAME:
                return html_values.in_name(value)
            case Place.BEFORE_VALUE | Place.VALUE:
                return self._attribute(value)

    def _attribute(self, value: object) -> str:
        context = self._context
        is_quoted = bool(context.quote)
        match context.content:
            case Content.PLAIN:
                return html_values.in_attribute(value, is_quoted=is_quoted)
            case Content.URL:
                text = html_values.in_url(
                    value,
                    is_start=not context.value.strip(),
                    is_query=bool(set(context.value) & set("?#")),
                )
            case Content.URL_SET:
                text = html_values.in_url_set(value)
            case Content.STYLE:
                text = html_values.in_css(value, quotes=context.inner_quote)
            case Content.SCRIPT:
                text = self._script(value)
        return html_values.quoted_or_not(text, is_quoted=is_quoted)

    def _script(self, value: object) -> str:
        context = self._context
        return html_values.in_script(value, quotes=context.inner_quote, is_unsure=context.has_slash)


HTML_FUNCTIONS = {
    "html": Function(lambda *values: SafeHtml(html_values.in_text(sprint(*values))), rest=ANY),
    "urlquery": Function(lambda *values: SafeUrl(escape_query(sprint(*values))), rest=ANY),
}
"""Go's own functions where they would escape what the output escapes again."""
