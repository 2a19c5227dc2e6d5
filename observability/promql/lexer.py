"""Text to tokens, one at a time, as the parser asks for them.

What a character means depends on where it stands: in braces every word is a label name, in
brackets only durations are expected. Source: Prometheus 3, promql/parser/lex.go.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from observability.promql.labels import quote
from observability.promql.numerals import duration_end, number_end


class Kind(StrEnum):
    """What a token is; a keyword, operator or bracket is its own kind, spelt in lower case."""

    IDENTIFIER = "identifier"
    METRIC_IDENTIFIER = "metric identifier"
    NUMBER = "number"
    DURATION = "duration"
    STRING = "string"
    END = "end of input"
    ERROR = "error"


AGGREGATIONS = frozenset(
    [
        "sum",
        "avg",
        "count",
        "min",
        "max",
        "group",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "count_values",
        "quantile",
        "limitk",
        "limit_ratio",
    ]
)
CLOCKS = frozenset(["start", "end", "step", "range", "min_of", "max_of"])
MODIFIERS = frozenset(
    [
        "offset",
        "smoothed",
        "anchored",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "fill",
        "fill_left",
        "fill_right",
        "bool",
    ]
)
OPERATORS = frozenset(
    [
        "+",
        "-",
        "*",
        "/",
        "%",
        "^",
        "==",
        "!=",
        "<=",
        "<",
        ">=",
        ">",
        "</",
        ">/",
        "=~",
        "!~",
        "@",
        "and",
        "or",
        "unless",
        "atan2",
    ]
)
_WORD_OPERATORS = frozenset({"and", "or", "unless", "atan2"})
_KEYWORDS = AGGREGATIONS | CLOCKS | MODIFIERS | _WORD_OPERATORS
# Words that are keywords only before a parenthesis, since metrics were called so before.
_FILLS = frozenset({"fill", "fill_left", "fill_right"})
_DURATION_WORDS = frozenset({"step", "range", "min_of", "max_of"})

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)+")
_SPACE_IN_BRACKETS = re.compile(r"[ \t\r\n]+")
_WORD = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LETTERS = re.compile(r"[a-zA-Z_]+")
_OPERATOR = re.compile(r"==|!=|<=|>=|</|>/|[-+*/%^<>=@,()]")
_MATCH_OPERATOR = re.compile(r"=~|!~|!=|=|,")
_IN_BRACKETS = re.compile(r"[-+*/%^,()\]]")
_ESCAPE = re.compile(
    r"\\(?:[abfnrtv\\]|(?P<octal>[0-7]{3})|x(?P<hex>[0-9a-fA-F]{2})"
    r"|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8}))"
)
_ESCAPED_DIGITS = {"x": 2, "u": 4, "U": 8}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text.

    Attributes:
        kind: A `Kind`, or the keyword, operator or bracket itself.
        text: As it stands in the query; for `Kind.ERROR` what is wrong.
        start: Where it begins, in characters.
        end: Where it ends, exclusive.
    """

    kind: str
    text: str
    start: int
    end: int

    def describe(self) -> str:
        """Return the token as Prometheus's messages name it."""
        if self.kind == Kind.END:
            return "end of input"
        if self.kind in (Kind.IDENTIFIER, Kind.METRIC_IDENTIFIER):
            return f"{self.kind} {quote(self.text)}"
        if self.kind in MODIFIERS:
            return f"<{self.text}>"
        if self.kind in AGGREGATIONS:
            return f"<aggr:{self.text}>"
        if self.kind in OPERATORS:
            return f"<op:{self.text}>"
        shown = quote(self.text) if len(self.text) <= 10 else f"{quote(self.text[:10])}..."
        is_named = self.kind in (Kind.NUMBER, Kind.DURATION, Kind.STRING)
        return f"{self.kind} {shown}" if is_named else shown


class Lexer:
    """Gives the tokens of a text; after an error it gives nothing else."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._parentheses = 0
        self._is_in_braces = False
        self._is_in_brackets = False
        # From `[` to its first number: only what begins a duration is expected.
        self._awaits_duration = False
        self._has_colon = False

    def next(self) -> Token:
        """Return the next token; comments and space are left out."""
        spaces = _SPACE_IN_BRACKETS if self._awaits_duration else _SPACE
        if space := spaces.match(self._text, self._at):
            self._at = space.end()
        if self._is_in_braces:
            return self._in_braces()
        if self._awaits_duration:
            return self._before_duration()
        return self._outside()

    def _outside(self) -> Token:
        text, at = self._text, self._at
        if at == len(text):
            if self._parentheses:
                return self._error("unclosed left parenthesis")
            if self._is_in_brackets:
                return self._error("unclosed left bracket")
            return Token(Kind.END, "", at, at)
        character = text[at]
        if character.isascii() and (character.isdigit() or _starts_fraction(text, at)):
            return self._number()
        if word := _WORD.match(text, at):
            if self._is_in_brackets:
                return self._word_in_brackets(character)
            return self._keyword_or_name(word)
        if character in "\"'`":
            return self._string()
        match character:
            case "{":
                self._is_in_braces = True
                return self._take("{", 1)
            case "[":
                if self._is_in_brackets:
                    return self._error("unexpected left bracket '['")
                self._is_in_brackets = self._awaits_duration = True
                self._has_colon = False
                return self._take("[", 1)
            case "]":
                if not self._is_in_brackets:
                    return self._error("unexpected right bracket ']'")
                self._is_in_brackets = False
                return self._take("]", 1)
            case "=" if text.startswith("=~", at):
                return self._error("unexpected character after '=': '~'")
            case "!" if not text.startswith("!=", at):
                return self._error(
                    f"unexpected character after '!': {_shown(text[at + 1 : at + 2])}"
                )
        if operator := _OPERATOR.match(text, at):
            return self._operator(operator[0])
        return self._error(f"unexpected character: {_shown(character)}")

    def _in_braces(self) -> Token:
        text, at = self._text, self._at
        if at == len(text):
            return self._error("unexpected end of input inside braces")
        if label := _LABEL.match(text, at):
            return self._take(Kind.IDENTIFIER, len(label[0]))
        if operator := _MATCH_OPERATOR.match(text, at):
            return self._take(operator[0], len(operator[0]))
        match character := text[at]:
            case '"' | "'" | "`":
                return self._string()
            case "}":
                self._is_in_braces = False
                return self._take("}", 1)
            case "{":
                return self._error("unexpected left brace '{'")
            case "!":
                following = _shown(text[at + 1 : at + 2])
                return self._error(f"unexpected character after '!' inside braces: {following}")
            case _:
                return self._error(f"unexpected character inside braces: {_shown(character)}")

    def _before_duration(self) -> Token:
        text, at = self._text, self._at
        if at == len(text):
            return self._error("unexpected end of input in duration expression")
        character = text[at]
        if character.isascii() and (character.isdigit() or _starts_fraction(text, at)):
            self._awaits_duration = False
            return self._number()
        if character == ":":
            return self._error("unexpected colon before duration in duration expression", behind=1)
        if operator := _IN_BRACKETS.match(text, at):
            if operator[0] == "]":
                self._is_in_brackets = self._awaits_duration = False
            return self._operator(operator[0])
        return self._duration_word() or self._error(
            f"unexpected character in duration expression: {_shown(character)}"
        )

    def _word_in_brackets(self, first: str) -> Token:
        if first == ":":
            if self._has_colon:
                return self._error("unexpected colon ':'")
            self._has_colon = True
            return self._take(":", 1)
        return self._duration_word() or self._error(
            f"unexpected character: {_shown(first)}, expected ':'"
        )

    def _duration_word(self) -> Token | None:
        """Return `step`, `range` and the like, None when something else stands here."""
        word = _LETTERS.match(self._text, self._at)
        if word is None or word[0].lower() not in _DURATION_WORDS:
            return None
        return self._take(word[0].lower(), len(word[0]))

    def _operator(self, operator: str) -> Token:
        if operator == "(":
            self._parentheses += 1
        elif operator == ")":
            self._parentheses -= 1
            if self._parentheses < 0:
                return self._error("unexpected right parenthesis ')'", behind=1)
        return self._take(operator, len(operator))

    def _keyword_or_name(self, word: re.Match[str]) -> Token:
        name = word[0].lower()
        if name in ("inf", "nan"):
            return self._take(Kind.NUMBER, len(name))
        if name in _FILLS:
            space = _SPACE.match(self._text, word.end())
            after = space.end() if space else word.end()
            is_keyword = self._text.startswith("(", after)
        else:
            is_keyword = name in _KEYWORDS
        if is_keyword:
            return self._take(name, len(name))
        kind = Kind.METRIC_IDENTIFIER if ":" in name else Kind.IDENTIFIER
        return self._take(kind, len(name))

    def _number(self) -> Token:
        end, is_number = number_end(self._text, self._at)
        if is_number:
            return self._take(Kind.NUMBER, end - self._at)
        end, is_duration = duration_end(self._text, end)
        if is_duration:
            return self._take(Kind.DURATION, end - self._at)
        shown = quote(self._text[self._at : end])
        return self._error(f"bad number or duration syntax: {shown}")

    def _string(self) -> Token:
        text, start = self._text, self._at
        mark, at = text[start], start + 1
        if mark == "`":
            end = text.find("`", at)
            if end < 0:
                return self._error("unterminated raw string")
            return self._take(Kind.STRING, end + 1 - start)
        while at < len(text) and text[at] not in (mark, "\n"):
            if text[at] != "\\":
                at += 1
                continue
            escape = _ESCAPE.match(text, at)
            if text[at + 1 : at + 2] == mark:
                at += 2
            elif escape is None:
                return self._error(_escape_fault(text, at + 1))
            elif not _is_character(escape):
                return self._error("escape sequence is an invalid Unicode code point")
            else:
                at = escape.end()
        if at >= len(text) or text[at] == "\n":
            return self._error("unterminated quoted string")
        return self._take(Kind.STRING, at + 1 - start)

    def _take(self, kind: str, length: int) -> Token:
        start, self._at = self._at, self._at + length
        return Token(kind, self._text[start : self._at], start, self._at)

    def _error(self, message: str, *, behind: int = 0) -> Token:
        """Return an error that stands here, or behind so many characters."""
        return Token(Kind.ERROR, message, self._at + behind, len(self._text))


def _starts_fraction(text: str, at: int) -> bool:
    return text[at] == "." and text[at + 1 : at + 2].isascii() and text[at + 1 : at + 2].isdigit()


def _is_character(escape: re.Match[str]) -> bool:
    if escape["octal"]:
        return int(escape["octal"], 8) <= 0xFF
    code = int(escape["short"] or escape["long"] or "0", 16)
    return code <= 0x10FFFF and not 0xD800 <= code < 0xE000


def _escape_fault(text: str, at: int) -> str:
    """Return what is wrong with the escape sequence whose first character is here."""
    first = text[at : at + 1]
    if not first:
        return "escape sequence not terminated"
    digits = 3 if first in "01234567" else _ESCAPED_DIGITS.get(first, 0)
    if not digits:
        return f"unknown escape sequence {_named(first)}"
    valid = "01234567" if digits == 3 else "0123456789abcdefABCDEF"
    start = at if digits == 3 else at + 1
    for character in text[start : start + digits]:
        if character not in valid:
            return f"illegal character {_named(character)} in escape sequence"
    return "escape sequence not terminated"


def _named(character: str) -> str:
    return f"U+{ord(character):04X} {_shown(character)}"


def _shown(character: str) -> str:
    """Return a character as Go's %q writes it, and the end of the text as it writes that."""
    if not character:
        return "'�'"
    return (
        "'"
        + {"\n": "\\n", "\t": "\\t", "\r": "\\r", "'": "\\'", "\\": "\\\\"}.get(
            character, character
        )
        + "'"
    )
