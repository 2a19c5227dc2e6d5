"""How far a number or a duration goes in the text of a query; what it is worth comes later.

Source: Prometheus 3, promql/parser/lex.go (`scanNumber`, `acceptRemainingDuration`).
"""

import re

_HEXADECIMAL = re.compile(r"0[xX]_?")
_DIGITS = re.compile(r"[0-9]+")
_HEXADECIMAL_DIGITS = re.compile(r"[0-9a-fA-F]+")
_WORD = re.compile(r"[0-9a-zA-Z_]")
_MORE_UNITS = re.compile(r"[0-9]+[smhdw]s?")
_FIRST_UNIT = re.compile(r"[smhdwy]s?")


def number_end(text: str, start: int) -> tuple[int, bool]:
    """Return where the number that begins here ends, and whether it is one.

    Where it is not, the end is behind what cannot go on: `1e5e` of `1e5e5`. A hexadecimal number
    may have an exponent, too, and an `e` right behind its first digit is taken for one.
    """
    prefix = _HEXADECIMAL.match(text, start)
    digits = _HEXADECIMAL_DIGITS if prefix else _DIGITS
    at = prefix.end() if prefix else start + text.startswith("0", start)
    at += text.startswith(".", at)
    if first := digits.match(text, at):
        at = first.start() + 1
    has_dot = has_exponent = False
    while at < len(text):
        character = text[at]
        if character == ".":
            if has_dot:
                return at + 1, False
            has_dot, barred, may_end = True, "_.", True
        elif character in "eE":
            if has_exponent:
                return at + 1, False
            has_exponent, barred, may_end = True, "._eE", False
            at += text.startswith(("+", "-"), at + 1)
        elif character == "_":
            barred, may_end = "._eE", False
        elif run := digits.match(text, at):
            at = run.end()
            continue
        else:
            break
        at += 1
        if at == len(text):
            return at, may_end and not prefix
        if text[at] in barred:
            return at + 1, False
        if character == "." and prefix:
            return at, False
    return at, _WORD.match(text, at) is None


def duration_end(text: str, number_end: int) -> tuple[int, bool]:
    """Return where the duration ends whose first number ends here, and whether it is one."""
    unit = _FIRST_UNIT.match(text, number_end)
    if unit is None:
        return number_end, False
    at = unit.end()
    while more := _MORE_UNITS.match(text, at):
        at = more.end()
    if number := _DIGITS.match(text, at):
        return number.end(), False
    if _WORD.match(text, at):
        return at + 1, False
    return at, True
