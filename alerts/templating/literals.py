"""Literals of Go: quoted texts, characters and numbers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from alerts.templating.octets import from_octets

_SIMPLE = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
}
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))"
)
_DIGITS = {
    "0x": re.compile(r"_?[0-9a-f]+(?:_[0-9a-f]+)*"),
    "0o": re.compile(r"_?[0-7]+(?:_[0-7]+)*"),
    "0b": re.compile(r"_?[01]+(?:_[01]+)*"),
    "0": re.compile(r"_?[0-7]+(?:_[0-7]+)*"),
    "": re.compile(r"[0-9]+(?:_[0-9]+)*"),
}
_DECIMAL_FLOAT = re.compile(
    r"[+-]?(?:(?:\d++\.?+\d*+|\.\d++)(?:e[+-]?\d++)?|infinity|inf)|nan", re.IGNORECASE | re.ASCII
)
# Between digits, or between the prefix of a base and a digit.
_SEPARATOR = re.compile(r"(?<=[0-9])_(?=[0-9])")
_HEX_SEPARATOR = re.compile(r"(?<=[0-9a-fx])_(?=[0-9a-f])", re.IGNORECASE)
_HEX_FLOAT = re.compile(
    r"[+-]?0x(?:[0-9a-f]++\.?+[0-9a-f]*+|\.[0-9a-f]++)p[+-]?\d++", re.IGNORECASE | re.ASCII
)
_MAX_INT64 = 2**63 - 1
_MIN_INT64 = -(2**63)
_MAX_UINT64 = 2**64 - 1


def quote(text: str) -> str:
    """Return a text as Go quotes it (`%q`): double quotes, escapes for what is not printable."""
    return '"' + "".join(map(_escaped, text)) + '"'


def quote_character(code: int) -> str:
    """Return a character as Go quotes it: in single quotes."""
    character = chr(code) if 0 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else "\ufffd"
    inner = {"'": "\\'", '"': '"'}.get(character) or _escaped(character)
    return f"'{inner}'"


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    for letter, plain in _SIMPLE.items():
        if plain == character:
            return "\\" + letter
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def unquote(literal: str) -> str:
    """Return the text of a quoted or raw literal.

    Raises:
        ValueError: The literal has an escape that Go does not know.
    """
    if literal[0] == "`":
        return literal[1:-1].replace("\r", "")
    inner = literal[1:-1]
    if "\\" not in inner:
        return inner
    octets = bytearray()
    position = 0
    while position < len(inner):
        piece, position = _next_piece(inner, position, literal[0])
        octets += piece
    return from_octets(bytes(octets))


def _next_piece(text: str, position: int, quote_mark: str) -> tuple[bytes, int]:
    if text[position] != "\\":
        return text[position].encode(errors="surrogateescape"), position + 1
    escape = _ESCAPE.match(text, position)
    if escape is None:
        raise ValueError("invalid syntax")
    simple, octet, short, long, octal = escape.groups()
    if simple:
        if simple in "'\"" and simple != quote_mark:
            raise ValueError("invalid syntax")
        return _SIMPLE.get(simple, simple).encode(), escape.end()
    if octet or octal:
        code = int(octet, 16) if octet else int(octal, 8)
        if code > 0xFF:
            raise ValueError("invalid syntax")
        return bytes([code]), escape.end()
    code = int(short or long, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ValueError("invalid syntax")
    return chr(code).encode(), escape.end()


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A constant, under each of the kinds of number that can hold it; None under the others."""

    integer: int | None = None
    unsigned: int | None = None
    floating: float | None = None
    complexity: complex | None = None
    is_ideal_float: bool = False


def character(literal: str) -> Number:
    """Return the number of a character such as `'a'`."""
    text = literal[1:-1]
    try:
        if text == "'" or not text:
            raise ValueError("invalid syntax")
        piece, end = _next_piece(text, 0, "'")
    except UnicodeEncodeError:
        raise ValueError("invalid syntax") from None
    if end != len(text):
        raise ValueError(f"malformed character constant: {literal}")
    escape = _ESCAPE.match(text)
    if escape and (escape.group(2) or escape.group(5)):
        code = piece[0]
    else:
        code = ord(piece.decode(errors="replace")[0])
    return Number(integer=code, unsigned=code, floating=float(code))


def number(text: str) -> Number:
    """Return the number of a literal such as `1`, `0x1F`, `1_000`, `1e3`, `2i` or `1+2i`.

    Raises:
        ValueError: It is no number, or one that no type can hold.
    """
    if text.endswith("i"):
        return _imaginary(text)
    integer = _integer(text)
    signed = integer if integer is not None and _MIN_INT64 <= integer <= _MAX_INT64 else None
    unsigned = integer
    if integer is None or not 0 <= integer <= _MAX_UINT64 or (text[0] in "+-" and integer != 0):
        unsigned = None
    if signed is not None or unsigned is not None:
        whole = signed if signed is not None else unsigned
        return Number(integer=signed, unsigned=unsigned, floating=float(whole or 0))
    try:
        floating = parse_float(text)
    except ValueError as error:
        raise ValueError(f"illegal number syntax: {quote(text)}") from error
    if not set(text) & set(".eEpP"):
        raise ValueError(f"integer overflow: {quote(text)}")
    whole_float = int(floating) if math.isfinite(floating) and floating.is_integer() else None
    is_int = whole_float is not None and _MIN_INT64 <= whole_float <= _MAX_INT64
    is_uint = whole_float is not None and 0 <= whole_float <= _MAX_UINT64
    return Number(
        integer=whole_float if is_int else None,
        unsigned=whole_float if is_uint else None,
        floating=floating,
        is_ideal_float=not (text[:2].lower() == "0x" and not set(text) & set("pP")),
    )


def _imaginary(text: str) -> Number:
    body = text[:-1]
    split = max(body.rfind("+", 1), body.rfind("-", 1))
    while split > 0 and body[split - 1] in "eEpP" and not body.lower().startswith(("0x", "+0x")):
        split = max(body.rfind("+", 1, split), body.rfind("-", 1, split))
    real_text, imaginary_text = (body[:split], body[split:]) if split > 0 else ("0", body)
    try:
        value = complex(parse_float(real_text), parse_float(imaginary_text))
    except ValueError as error:
        raise ValueError(f"illegal number syntax: {quote(text)}") from error
    if value.imag:
        return Number(complexity=value)
    real = value.real
    is_whole = math.isfinite(real) and real.is_integer()
    return Number(
        complexity=value,
        floating=real,
        integer=int(real) if is_whole and _MIN_INT64 <= real <= _MAX_INT64 else None,
        unsigned=int(real) if is_whole and 0 <= real <= _MAX_UINT64 else None,
    )


def _integer(text: str) -> int | None:
    sign = -1 if text[0] == "-" else 1
    digits = text.lstrip("+-").lower() if text[0] in "+-" else text.lower()
    if digits == "0":
        return 0
    for prefix, base in (("0x", 16), ("0o", 8), ("0b", 2), ("0", 8), ("", 10)):
        if digits.startswith(prefix):
            rest = digits[len(prefix) :]
            if _DIGITS[prefix].fullmatch(rest) is None:
                return None
            # More digits than 64 bits have are too many in any base.
            return sign * int(rest.replace("_", "")[:80], base)
    return None


def parse_float(text: str) -> float:
    """Return the number of a text as Go's `strconv.ParseFloat` reads it.

    Raises:
        ValueError: It is no number, or too large for a float; the message is Go's.
    """
    shown = quote(text)
    digits = _SEPARATOR.sub("", text)
    hex_digits = _HEX_SEPARATOR.sub("", text)
    if _HEX_FLOAT.fullmatch(hex_digits):
        try:
            value = float.fromhex(hex_digits)
        except OverflowError:
            value = math.inf
    elif _DECIMAL_FLOAT.fullmatch(digits):
        value = float(digits)
    else:
        raise ValueError(f"strconv.ParseFloat: parsing {shown}: invalid syntax")
    if math.isinf(value) and "inf" not in text.lower():
        raise ValueError(f"strconv.ParseFloat: parsing {shown}: value out of range")
    return value
