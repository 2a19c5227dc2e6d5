"""Where in HTML a template is: what the text before a value makes of the place it stands in.

The literal text of the template is read as it is printed; values are escaped for their place
and therefore never change it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from html import unescape

_RAW = {"script": "script", "style": "style", "textarea": "rcdata", "title": "rcdata"}
_URL_ATTRIBUTES = frozenset(
    [
        "action",
        "archive",
        "background",
        "cite",
        "classid",
        "codebase",
        "data",
        "formaction",
        "href",
        "icon",
        "longdesc",
        "manifest",
        "poster",
        "profile",
        "src",
        "usemap",
        "xmlns",
    ]
)
_TAG_START = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)")
# What HTML takes for a space is not what Python does.
_SPACE = " \t\n\f\r"
_NAME = re.compile(rf"[^{_SPACE}=>\"'/]+")
_CODE = re.compile(r"\\.|//|/\*|\*/|[\"'`/\n\r\u2028\u2029]", re.DOTALL)
_END_OF_VALUE = re.compile(rf"[{_SPACE}>]")


class Place(StrEnum):
    """What surrounds a value."""

    TEXT = "text"
    COMMENT = "comment"
    RCDATA = "rcdata"
    SCRIPT = "script"
    STYLE = "style"
    TAG = "tag"
    NAME = "name"
    BEFORE_VALUE = "before value"
    VALUE = "value"


class Content(StrEnum):
    """What the value of an attribute is."""

    PLAIN = "plain"
    URL = "url"
    URL_SET = "url set"
    STYLE = "style"
    SCRIPT = "script"


def content_of(attribute: str) -> Content:
    """Return what the value of an attribute is, by the attribute's name."""
    name = attribute.lower().removeprefix("data-").rpartition(":")[2]
    if name.startswith("on"):
        return Content.SCRIPT
    if name == "style":
        return Content.STYLE
    if name == "srcset":
        return Content.URL_SET
    is_url = name in _URL_ATTRIBUTES or "src" in name or "uri" in name or "url" in name
    return Content.URL if is_url else Content.PLAIN


class Context:
    """The place after the text that was read so far.

    Attributes:
        place: What surrounds the next value.
        content: Within the value of an attribute, what it is.
        quote: The quotes around that value; '' when it has none.
        value: The literal text of that value so far.
        inner_quote: Within JavaScript or a style, the quotes that are open, or the `//` or `/*` of
            a comment; '' when none are.
        has_slash: Within JavaScript, a division or regular expression was read. Quotes in the
            latter are none, so that `inner_quote` cannot be relied on.
    """

    def __init__(self) -> None:
        self.place = Place.TEXT
        self.content = Content.PLAIN
        self.quote = ""
        self.value = ""
        self.inner_quote = ""
        self.has_slash = False
        self._element = ""
        self._attribute = ""

    def read(self, text: str) -> str:
        """Go on over a literal text; return it without its comments, as it is to be printed."""
        printed: list[str] = []
        position = 0
        while position < len(text):
            place = self.place
            end = self._step(text, position)
            if place is not Place.COMMENT and self.place is not Place.COMMENT:
                printed.append(text[position:end])
            elif place is not Place.COMMENT:
                printed.append(text[position:end].removesuffix("<!--"))
            position = end
        return "".join(printed)

    def note_value(self, printed: str) -> None:
        """Take note that a value was printed here."""
        if self.place is Place.NAME:
            self._attribute += printed
        elif self.place is Place.TAG:
            self.place, self._attribute = Place.NAME, printed

    def begin_unquoted(self) -> None:
        """Enter a value without quotes when one is about to begin."""
        if self.place is Place.BEFORE_VALUE:
            self._begin_value("")

    def _step(self, text: str, position: int) -> int:
        match self.place:
            case Place.TEXT:
                return self._in_text(text, position)
            case Place.COMMENT:
                end = text.find("-->", position)
                if end < 0:
                    return len(text)
                self.place = Place.TEXT
                return end + 3
            case Place.RCDATA | Place.SCRIPT | Place.STYLE:
                return self._in_raw(text, position)
            case Place.TAG:
                return self._in_tag(text, position)
            case Place.NAME:
                return self._in_name(text, position)
            case Place.BEFORE_VALUE:
                return self._before_value(text, position)
            case Place.VALUE:
                return self._in_value(text, position)

    def _in_text(self, text: str, position: int) -> int:
        start = text.find("<", position)
        if start < 0:
            return len(text)
        if text.startswith("<!--", start):
            self.place = Place.COMMENT
            return start + 4
        tag = _TAG_START.match(text, start)
        if tag is None:
            return start + 1
        self._element = "" if tag.group(1) else tag.group(2).lower()
        self.place = Place.TAG
        return tag.end()

    def _in_raw(self, text: str, position: int) -> int:
        closing = re.compile(rf"</{self._element}(?=[{_SPACE}>/]|$)", re.IGNORECASE)
        found = closing.search(text, position)
        end = len(text) if found is None else found.start()
        if self.place is not Place.RCDATA:
            self._read_code(text[position:end])
        if found is None:
            return end
        self._element, self.inner_quote, self.place = "", "", Place.TAG
        return found.end()

    def _read_code(self, code: str) -> None:
        """Go on over JavaScript or a style: into quotes and comments, and out of them."""
        for found in _CODE.finditer(code):
            sign = found.group()
            if self.inner_quote == "//":
                self.inner_quote = "" if sign in "\n\r\u2028\u2029" else "//"
            elif self.inner_quote == "/*":
                self.inner_quote = "" if sign == "*/" else "/*"
            elif self.inner_quote:
                self.inner_quote = "" if sign == self.inner_quote else self.inner_quote
            elif sign in ('"', "'", "`", "//", "/*"):
                self.inner_quote = sign
            elif "/" in sign:
                self.has_slash = True

    def _in_tag(self, text: str, position: int) -> int:
        while position < len(text) and text[position] in _SPACE + "/":
            position += 1
        if position == len(text):
            return position
        if text[position] == ">":
            raw = _RAW.get(self._element)
            self.place = Place(raw) if raw else Place.TEXT
            self.inner_quote, self.has_slash = "", False
            return position + 1
        self.place, self._attribute = Place.NAME, ""
        return position

    def _in_name(self, text: str, position: int) -> int:
        name = _NAME.match(text, position)
        if name is not None:
            self._attribute += name.group()
            return name.end()
        end = position
        while end < len(text) and text[end] in _SPACE:
            end += 1
        if text[end : end + 1] == "=":
            self.place = Place.BEFORE_VALUE
            return end + 1
        self.place = Place.TAG
        is_mark = end == position and text[position] in "\"'"
        return position + 1 if is_mark else end

    def _before_value(self, text: str, position: int) -> int:
        while position < len(text) and text[position] in _SPACE:
            position += 1
        if position == len(text):
            return position
        if text[position] == ">":
            self.place = Place.TAG
            return position
        mark = text[position] if text[position] in "\"'" else ""
        self._begin_value(mark)
        return position + len(mark)

    def _begin_value(self, mark: str) -> None:
        self.place, self.quote, self.value = Place.VALUE, mark, ""
        self.inner_quote, self.has_slash = "", False
        self.content = content_of(self._attribute)

    def _in_value(self, text: str, position: int) -> int:
        if self.quote:
            end = text.find(self.quote, position)
        else:
            found = _END_OF_VALUE.search(text, position)
            end = -1 if found is None else found.start()
        part = text[position:] if end < 0 else text[position:end]
        decoded = unescape(part)
        self.value += decoded
        if self.content in (Content.SCRIPT, Content.STYLE):
            self._read_code(decoded)
        if end < 0:
            return len(text)
        self.place = Place.TAG
        return end + len(self.quote)
