"""Values made safe for a place in HTML.

Source: Go, html/template: html.go, url.go, css.go, js.go.
"""

from __future__ import annotations

import re
from typing import ClassVar

from alerts.templating.formatting import printed
from alerts.templating.json_text import to_json
from alerts.templating.kinds import Kind, Type, Typed, kind_of
from alerts.templating.octets import to_octets

FAILSAFE = "ZgotmplZ"
"""What stands where a value would be dangerous; Go chose a word that can be searched for."""

_TEXT = str.maketrans(
    {
        "\0": "\ufffd",
        '"': "&#34;",
        "&": "&amp;",
        "'": "&#39;",
        "+": "&#43;",
        "<": "&lt;",
        ">": "&gt;",
    }
)
_KEPT_ENTITIES = {code: escape for code, escape in _TEXT.items() if code != ord("&")}
_UNQUOTED = {
    **_TEXT,
    **{ord(character): f"&#{ord(character)};" for character in "\t\n\v\f\r =`"},
}
_TAG = re.compile(r"<!--|</?[a-zA-Z]")
_SAFE_SCHEMES = frozenset(["http", "https", "mailto"])
_URL_KEPT = frozenset(b"!#$&*+,/:;=?@[]")
_UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
_HEX = frozenset(b"0123456789abcdefABCDEF")
_CSS_UNSAFE = re.compile(r"[\0\"'()/;@\[\\\]`{}<>]|--|expression|mozbinding", re.IGNORECASE)
_CSS_QUOTED = re.compile(r"[\0\t\n\f\r\"&'()+/:;<>\\{}]")
_QUOTED_SCRIPT = {
    **{ord(sign): f"\\u{ord(sign):04x}" for sign in "\0\v\"`&'+<>\u2028\u2029"},
    **str.maketrans({"\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", "/": "\\/", "\\": "\\\\"}),
}
_PLAIN = (None, Kind.BOOL, Kind.INT, Kind.UINT, Kind.FLOAT)
_SIGN = re.compile(r"[^a-zA-Z0-9 ]")
_NAME = re.compile(r"[a-zA-Z0-9]+", re.ASCII)


class SafeHtml(Typed, str):
    """A text that is HTML already."""

    __slots__ = ()

    go_type: ClassVar[Type] = Type("template.HTML", Kind.STRING, "string")


class SafeUrl(Typed, str):
    """A URL that may have any scheme."""

    __slots__ = ()

    go_type: ClassVar[Type] = Type("template.URL", Kind.STRING, "string")


def shown(value: object) -> str:
    """Return a value as text; nothing there is nothing."""
    return "" if value is None else printed(value)


def in_text(value: object) -> str:
    """Return a value between tags."""
    return str(value) if isinstance(value, SafeHtml) else shown(value).translate(_TEXT)


def in_rcdata(value: object) -> str:
    """Return a value in a title or textarea, where no tag can stand."""
    if isinstance(value, SafeHtml):
        return value.translate(_KEPT_ENTITIES)
    return shown(value).translate(_TEXT)


def in_attribute(value: object, *, is_quoted: bool) -> str:
    """Return a value of an attribute."""
    if isinstance(value, SafeHtml):
        return quoted_or_not(_without_tags(value), is_quoted=is_quoted, is_html=True)
    return quoted_or_not(shown(value), is_quoted=is_quoted)


def _without_tags(html: str) -> str:
    kept: list[str] = []
    position = 0
    for start in _TAG.finditer(html):
        if start.start() < position:
            continue
        kept.append(html[position : start.start()])
        closing = "-->" if start.group() == "<!--" else ">"
        end = html.find(closing, start.end())
        if end < 0:
            return "".join(kept)
        position = end + len(closing)
    return "".join(kept) + html[position:]


def quoted_or_not(text: str, *, is_quoted: bool, is_html: bool = False) -> str:
    """Return a text escaped for an attribute with or without quotes."""
    if not is_quoted and not text:
        # Without quotes, nothing at all would take the next attribute for the value.
        return FAILSAFE
    table = _TEXT if is_quoted else _UNQUOTED
    if is_html:
        table = {code: escape for code, escape in table.items() if code != ord("&")}
    return text.translate(table)


def in_url(value: object, *, is_start: bool, is_query: bool) -> str:
    """Return a value in a URL, not yet escaped for HTML.

    Args:
        value: What stands there.
        is_start: Nothing stands before it, so it may bring a scheme.
        is_query: A `?` or `#` stands before it.
    """
    text = shown(value)
    if is_query:
        return (
            _percent(text, frozenset())
            if not isinstance(value, SafeUrl)
            else _percent(text, _URL_KEPT)
        )
    if is_start and not isinstance(value, SafeUrl) and not _has_safe_scheme(text):
        return "#" + FAILSAFE
    return _percent(text, _URL_KEPT)


def _has_safe_scheme(url: str) -> bool:
    scheme, colon, _ = url.partition(":")
    return not colon or "/" in scheme or scheme.lower() in _SAFE_SCHEMES


def _percent(text: str, kept: frozenset[int]) -> str:
    octets = to_octets(text)
    pieces: list[str] = []
    for place, octet in enumerate(octets):
        is_escape = bool(kept) and octet == 0x25 and set(octets[place + 1 : place + 3]) <= _HEX
        if octet in _UNRESERVED or octet in kept or (is_escape and place + 2 < len(octets)):
            pieces.append(chr(octet))
        else:
            pieces.append(f"%{octet:02x}")
    return "".join(pieces)


def in_url_set(value: object) -> str:
    """Return a value of `srcset`: URLs with sizes, divided by commas."""
    text = shown(value)
    if isinstance(value, SafeUrl):
        return text
    return ",".join(_candidate(part) for part in text.split(","))


def _candidate(text: str) -> str:
    url, *sizes = text.split() or [""]
    is_safe = _has_safe_scheme(url) and all(map(_NAME.fullmatch, sizes))
    return text if is_safe else "#" + FAILSAFE


def in_css(value: object, *, quotes: str) -> str:
    """Return a value in a style: a text within quotes, elsewhere one that can be no more than a value."""
    text = shown(value)
    if quotes:
        return _CSS_QUOTED.sub(lambda sign: f"\\{ord(sign.group()):x} ", text)
    return FAILSAFE if _CSS_UNSAFE.search(text) else text


def in_script(value: object, *, quotes: str, is_unsure: bool) -> str:
    """Return a value in JavaScript: a text within quotes, nothing in a comment, JSON elsewhere.

    Args:
        value: What stands there.
        quotes: Those around it, or the start of a comment.
        is_unsure: It may be that code stands within the quotes, and a text where there are none.
    """
    if quotes in ("//", "/*"):
        return ""
    if quotes == "`" or (is_unsure and (quotes or kind_of(value) not in _PLAIN)):
        # With nothing but escapes for signs, a text can neither end its quotes nor be code.
        text = _SIGN.sub(_escaped_sign, shown(value))
        return text if quotes else f'"{text}"'
    if quotes:
        return shown(value).translate(_QUOTED_SCRIPT)
    text = to_json(value).replace("*/", "*\\/")
    return text if text[0] in '"[{' else f" {text} "


def _escaped_sign(found: re.Match[str]) -> str:
    units = found.group().encode("utf-16-be", "replace")
    return "".join(
        f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2)
    )


def in_name(value: object) -> str:
    """Return a value as the name of a tag or attribute."""
    text = shown(value)
    is_plain = _NAME.fullmatch(text) and not text.lower().startswith("on")
    return text.lower() if is_plain and text.lower() not in ("style", "src", "href") else FAILSAFE
