"""Texts as the octets that Go's strings are: lengths, indexes and escapes count in UTF-8.

An octet that is no UTF-8 stands in a Python text as a lone surrogate, as in Python's own file
names; `printable` takes these out when a text leaves the template.
"""

from __future__ import annotations


def to_octets(text: str) -> bytes:
    """Return the text in UTF-8."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        # A surrogate that no octet became: it has no place in UTF-8 either.
        return text.encode(errors="surrogatepass")


def from_octets(octets: bytes) -> str:
    """Return the text of octets, whether they are UTF-8 or not."""
    return octets.decode(errors="surrogateescape")


def printable(text: str) -> str:
    """Return the text with U+FFFD in place of what is no UTF-8."""
    return text if text.isascii() else to_octets(text).decode(errors="replace")
