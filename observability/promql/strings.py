"""Numbers and strings as they are written in PromQL. Source: Go's strconv, util/strutil/quote.go."""

import math
import re

_SIMPLE = {
    "a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v",
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:(?P<octal>[0-7]{3})|x(?P<hex>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})"
    r"|U(?P<long>[0-9a-fA-F]{8})|(?P<simple>.))",
    re.DOTALL,
)
_LARGEST_INTEGER = 2**63 - 1
_FLOAT = re.compile(
    r"(?:[0-9]+(?:_[0-9]+)*(?:\.(?:[0-9]+(?:_[0-9]+)*)?)?|\.[0-9]+(?:_[0-9]+)*)"
    r"(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?"
)


def unquote(literal: str) -> str:
    r"""Return what a string literal, quotes included, stands for.

    Escapes such as `\xff` give bytes; bytes that are no UTF-8 become lone surrogates.
    """
    body = literal[1:-1]
    if literal[0] == "`" or "\\" not in body:
        return body
    parts: list[bytes] = []
    at = 0
    for escape in _ESCAPE.finditer(body):
        parts.append(body[at : escape.start()].encode())
        parts.append(_unescaped(escape))
        at = escape.end()
    parts.append(body[at:].encode())
    return b"".join(parts).decode(errors="surrogateescape")


def _unescaped(escape: re.Match[str]) -> bytes:
    if escape["octal"]:
        return bytes([int(escape["octal"], 8)])
    if escape["hex"]:
        return bytes([int(escape["hex"], 16)])
    if code := escape["short"] or escape["long"]:
        return chr(int(code, 16)).encode()
    return _SIMPLE.get(escape["simple"], escape["simple"].encode())


def number(text: str) -> float:
    """Return the value of a number literal.

    Integers as Go reads them: `0x1f`, `0_1_000`, and octal after a leading zero.

    Raises:
        ValueError: It is none.
    """
    lower = text.lower()
    if lower in ("inf", "nan"):
        return math.inf if lower == "inf" else math.nan
    integer = _integer(lower)
    if integer is not None:
        return float(integer)
    if lower.startswith("0x") or _FLOAT.fullmatch(text) is None:
        raise ValueError(
            f'error parsing number: strconv.ParseFloat: parsing "{text}": invalid syntax'
        )
    value = float(text.replace("_", ""))
    if math.isinf(value):
        raise ValueError(
            f'error parsing number: strconv.ParseFloat: parsing "{text}": value out of range'
        )
    return value


def _integer(text: str) -> int | None:
    """Return an integer of at most 64 bits, None when it is not one."""
    if text.endswith("_"):
        return None
    digits = text.replace("_", "")
    if digits.startswith("0x"):
        if not set(digits[2:]) <= set("0123456789abcdef") or len(digits) == 2:
            return None
        value = int(digits, 16)
    elif not digits.isdecimal():
        return None
    elif digits.startswith("0") and len(digits) > 1:
        if not set(digits) <= set("01234567"):
            return None
        value = int(digits, 8)
    else:
        value = int(digits)
    return value if value <= _LARGEST_INTEGER else None
