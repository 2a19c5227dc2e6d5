"""Where something stands in the text of a query."""


def line_and_column(text: str, position: int) -> str:
    """Return the place of a character as Prometheus writes it: `line:column`, both from 1, in bytes."""
    before = text[:position].encode(errors="surrogatepass")
    newline = b"\n"
    return f"{before.count(newline) + 1}:{len(before) - before.rfind(newline)}"
