"""Places in a text as JavaScript counts them: in units of UTF-16, of which some characters are two."""

from __future__ import annotations

from observability.promql.syntax import Span


def browser_span(text: str, span: Span) -> dict[str, int]:
    """Return where a span of characters begins and ends in the browser's editor."""
    return {"from": _units(text[: span.start]), "to": _units(text[: span.end])}


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2
