"""Text to tokens: plain text, and what stands between `{{` and `}}`.

Source: Go, text/template/parse/lex.go (the language of Go 1.23 and later).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from alerts.templating.literals import quote


class Kind(StrEnum):
    """What a token is; a keyword is its own kind."""

    ERROR = "error"
    END_OF_TEXT = "end of text"
    TEXT = "text"
    LEFT_DELIMITER = "{{"
    RIGHT_DELIMITER = "}}"
    SPACE = "space"
    BOOL = "bool"
    CHARACTER = "character"
    COMPLEX = "complex"
    NUMBER = "number"
    STRING = "string"
    RAW_STRING = "raw string"
    IDENTIFIER = "identifier"
    FIELD = "field"
    VARIABLE = "variable"
    DECLARE = ":="
    ASSIGN = "="
    PIPE = "|"
    LEFT_PAREN = "("
    RIGHT_PAREN = ")"
    OTHER = "other"
    DOT = "."
    BLOCK = "block"
    BREAK = "break"
    CONTINUE = "continue"
    DEFINE = "define"
    ELSE = "else"
    END = "end"
    IF = "if"
    NIL = "nil"
    RANGE = "range"
    TEMPLATE = "template"
    WITH = "with"

    @property
    def is_keyword(self) -> bool:
        """Whether Go counts the token among the keywords, as it does the dot."""
        return self in _KEYWORDS or self is Kind.DOT


_KEYWORDS = frozenset(
    [
        Kind.BLOCK,
        Kind.BREAK,
        Kind.CONTINUE,
        Kind.DEFINE,
        Kind.ELSE,
        Kind.END,
        Kind.IF,
        Kind.NIL,
        Kind.RANGE,
        Kind.TEMPLATE,
        Kind.WITH,
    ]
)
_SIMPLE = {kind.value: kind for kind in (Kind.ASSIGN, Kind.PIPE, Kind.LEFT_PAREN)}
_SPACES = " \t\r\n"
_SPACE_SET = frozenset(_SPACES)
_LITERALS = {
    '"': (re.compile(r'"(?:[^"\\\n]|\\[^\n])*"'), Kind.STRING, "unterminated quoted string"),
    "'": (
        re.compile(r"'(?:[^'\\\n]|\\[^\n])*'"),
        Kind.CHARACTER,
        "unterminated character constant",
    ),
    "`": (re.compile(r"`[^`]*`"), Kind.RAW_STRING, "unterminated raw quoted string"),
}
_NUMBER = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?"
    r"|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?"
    r"|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a template.

    Attributes:
        text: As it stands there; of an error its message.
        position: Offset of its first character.
        line: The line of that character, from 1.
    """

    kind: Kind
    text: str
    position: int
    line: int

    def __str__(self) -> str:
        if self.kind is Kind.END_OF_TEXT:
            return "EOF"
        if self.kind is Kind.ERROR:
            return self.text
        if self.kind.is_keyword:
            return f"<{self.text}>"
        return quote(self.text[:10]) + "..." if len(self.text) > 10 else quote(self.text)


class _LexError(Exception):
    pass


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a template; the last one is its end or an error."""
    return _Lexer(text).run()


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._start = 0
        self._line = 1
        self._line_position = 0
        self._parens = 0

    def run(self) -> Iterator[Token]:
        try:
            while True:
                delimiter = self._text.find("{{", self._position)
                self._start = self._position
                end = len(self._text) if delimiter < 0 else delimiter
                if delimiter >= 0 and self._is_left_trimmed(delimiter + 2):
                    plain = self._text[self._start : end].rstrip(_SPACES)
                else:
                    plain = self._text[self._start : end]
                self._position = self._start + len(plain)
                if plain:
                    yield self._token(Kind.TEXT)
                self._start = self._position = end
                if delimiter < 0:
                    yield self._token(Kind.END_OF_TEXT)
                    return
                yield from self._action()
        except _LexError as error:
            yield Token(Kind.ERROR, str(error), self._start, self._line_at(self._start))

    def _action(self) -> Iterator[Token]:
        after_marker = self._position + 2
        if self._is_left_trimmed(after_marker):
            after_marker += 2
        if self._text.startswith("/*", after_marker):
            self._start = after_marker
            self._skip_comment(after_marker)
            return
        self._position += 2
        yield self._token(Kind.LEFT_DELIMITER)
        self._position = self._start = after_marker
        self._parens = 0
        while True:
            token = self._inside_action()
            yield token
            if token.kind is Kind.RIGHT_DELIMITER:
                return

    def _skip_comment(self, start: int) -> None:
        end = self._text.find("*/", start + 2)
        if end < 0:
            raise _LexError("unclosed comment")
        self._position = end + 2
        if not self._at_right_delimiter():
            raise _LexError("comment ends before closing delimiter")
        self._close()

    def _close(self) -> None:
        """Go behind a right delimiter, and behind spaces that it trims."""
        is_trimmed = not self._text.startswith("}}", self._position)
        self._position += 4 if is_trimmed else 2
        if is_trimmed:
            self._skip_spaces()

    def _skip_spaces(self) -> None:
        while self._text[self._position : self._position + 1] in _SPACE_SET:
            self._position += 1

    def _inside_action(self) -> Token:
        self._start = self._position
        if self._at_right_delimiter():
            if self._parens:
                raise _LexError("unclosed left paren")
            if not self._text.startswith("}}", self._position):
                self._start += 2
            token = Token(Kind.RIGHT_DELIMITER, "}}", self._start, self._line_at(self._start))
            self._close()
            return token
        if self._position >= len(self._text):
            raise _LexError("unclosed action")
        character = self._text[self._position]
        if character in _SPACES:
            return self._space()
        if character in _LITERALS:
            return self._literal(*_LITERALS[character])
        following = self._text[self._position + 1 : self._position + 2]
        if character == "$" or (character == "." and following and following not in "0123456789"):
            return self._field_or_variable(Kind.VARIABLE if character == "$" else Kind.FIELD)
        if character in "+-.0123456789":
            return self._number()
        if _is_alphanumeric(character):
            return self._word()
        return self._punctuation(character, following)

    def _punctuation(self, character: str, following: str) -> Token:
        self._position += 1
        if character == ":":
            if following != "=":
                raise _LexError("expected :=")
            self._position += 1
            return self._token(Kind.DECLARE)
        if character == ")":
            if not self._parens:
                raise _LexError("unexpected right paren")
            self._parens -= 1
            return self._token(Kind.RIGHT_PAREN)
        if character == "(":
            self._parens += 1
        if character in _SIMPLE:
            return self._token(_SIMPLE[character])
        if character.isascii() and character.isprintable():
            return self._token(Kind.OTHER)
        raise _LexError(f"unrecognized character in action: {_code_point(character)}")

    def _space(self) -> Token:
        self._skip_spaces()
        if self._text.startswith("-}}", self._position):
            # The last space belongs to the marker.
            self._position -= 1
            if self._position == self._start:
                return self._inside_action()
        return self._token(Kind.SPACE)

    def _literal(self, pattern: re.Pattern[str], kind: Kind, problem: str) -> Token:
        found = pattern.match(self._text, self._position)
        if found is None:
            raise _LexError(problem)
        self._position = found.end()
        return self._token(kind)

    def _field_or_variable(self, kind: Kind) -> Token:
        self._position += 1
        self._skip_word()
        if self._position == self._start + 1 and kind is Kind.FIELD:
            kind = Kind.DOT
        self._check_terminator()
        return self._token(kind)

    def _word(self) -> Token:
        self._skip_word()
        self._check_terminator()
        word = self._text[self._start : self._position]
        if word in _KEYWORDS:
            return self._token(Kind(word))
        return self._token(Kind.BOOL if word in ("true", "false") else Kind.IDENTIFIER)

    def _skip_word(self) -> None:
        while _is_alphanumeric(self._text[self._position : self._position + 1]):
            self._position += 1

    def _check_terminator(self) -> None:
        following = self._text[self._position : self._position + 1]
        if not following or following in _SPACES + ".,|:)(":
            return
        if not self._text.startswith("}}", self._position):
            raise _LexError(f"bad character {_code_point(following)}")

    def _number(self) -> Token:
        self._scan_number()
        if self._text[self._position : self._position + 1] in ("+", "-"):
            self._scan_number()
            if self._text[self._position - 1] != "i":
                raise _LexError(
                    f"bad number syntax: {quote(self._text[self._start : self._position])}"
                )
            return self._token(Kind.COMPLEX)
        return self._token(Kind.NUMBER)

    def _scan_number(self) -> None:
        found = _NUMBER.match(self._text, self._position)
        if found is not None:
            self._position = found.end()
        if _is_alphanumeric(self._text[self._position : self._position + 1]):
            self._position += 1
            raise _LexError(f"bad number syntax: {quote(self._text[self._start : self._position])}")

    def _at_right_delimiter(self) -> bool:
        if self._text.startswith("}}", self._position):
            return True
        return (
            self._text[self._position : self._position + 1] in _SPACE_SET
            and self._text[self._position + 1 : self._position + 4] == "-}}"
        )

    def _is_left_trimmed(self, position: int) -> bool:
        marker = self._text[position : position + 2]
        return len(marker) == 2 and marker[0] == "-" and marker[1] in _SPACES

    def _token(self, kind: Kind) -> Token:
        text = self._text[self._start : self._position]
        return Token(kind, text, self._start, self._line_at(self._start))

    def _line_at(self, position: int) -> int:
        self._line += self._text.count("\n", self._line_position, position)
        self._line_position = max(position, self._line_position)
        return self._line


def _is_alphanumeric(character: str) -> bool:
    # Go's letters and decimal digits; other numbers, such as a superscript, are neither.
    return character == "_" or character.isalpha() or character.isdecimal()


def _code_point(character: str) -> str:
    code = f"U+{ord(character):04X}"
    return f"{code} '{character}'" if character.isprintable() else code
