"""What is wrong with a text of metrics, in words; only reached when something is."""

from __future__ import annotations

import re

from observability.metrics.errors import MalformedBodyError
from observability.metrics.ingest.exposition_text.exposition import TextFormat
from observability.metrics.ingest.exposition_text.grammar import (
    BRACES,
    KEY,
    NAME,
    NUMBER,
    OPENMETRICS_LINE,
    PROMETHEUS_LINE,
    QUOTED,
)

_KEY = re.compile(KEY)
_NAME = re.compile(NAME)
_NUMBER = re.compile(NUMBER)
_QUOTED = re.compile(QUOTED)
_STATEMENT_WORD = re.compile(rb"#[ \t]*+(HELP|TYPE)[ \t]++[^ \t]")


class ExpositionError(MalformedBodyError):
    """A line of a text of metrics is against its format."""

    def __init__(self, line: int, fault: str) -> None:
        self.line = line
        self.fault = fault
        super().__init__(f"line {line}: {fault}")


def check_encoding(text: bytes, *, first_line: int) -> None:
    """Raise ExpositionError when the text is not UTF-8."""
    if text.isascii():
        return
    try:
        text.decode()
    except UnicodeDecodeError as error:
        line = first_line + text.count(b"\n", 0, error.start)
        raise ExpositionError(line, "the text is not valid UTF-8") from error


def faulty_line(text: bytes, text_format: TextFormat, *, first_line: int) -> ExpositionError:
    """Return what is wrong with the first line that is not one of the format."""
    is_openmetrics = text_format is TextFormat.OPENMETRICS
    grammar = OPENMETRICS_LINE if is_openmetrics else PROMETHEUS_LINE
    at, number = 0, first_line
    while match := grammar.match(text, at):
        at, number = match.end(), number + 1
    line = text[at : text.index(b"\n", at)]
    return ExpositionError(number, _fault(line, is_openmetrics=is_openmetrics))


def statement_fault(comment: bytes, *, is_openmetrics: bool) -> str:
    """Return what is wrong with a comment that is no right statement, '' for a mere comment."""
    if is_openmetrics:
        if comment == b"# EOF":
            return "there is more after '# EOF', which ends the text"
        return (
            f"{_shown(comment)} is not one of '# HELP name text', '# TYPE name type',"
            " '# UNIT name unit'; OpenMetrics has no other comments"
        )
    if word := _STATEMENT_WORD.match(comment):
        return f"expected the name of a metric after {word[1].decode()}; got {_shown(comment)}"
    return ""


def _fault(line: bytes, *, is_openmetrics: bool) -> str:
    if line.endswith(b"\r"):
        return r"the line ends with \r\n; lines end with \n"
    if is_openmetrics and not line.strip():
        return "the line is empty, which OpenMetrics does not allow"
    start = line if is_openmetrics else line.lstrip(b" \t")
    key = _KEY.match(start)
    if key is None:
        return _key_fault(start)
    rest = start[key.end() :]
    if rest.lstrip(b" \t").startswith(b"{"):
        return _braces_fault(start, key.end() + rest.index(b"{"))
    return _rest_fault(key[0], rest, is_openmetrics=is_openmetrics)


def _key_fault(line: bytes) -> str:
    if line.startswith(b"{"):
        return _braces_fault(line, 0)
    return f"expected the name of a metric; got {_shown(line)}"


def _braces_fault(line: bytes, at: int) -> str:
    """Return what is wrong with the labels that begin at `at`."""
    if BRACES.match(line, at):
        return "the series has no metric name" if at == 0 else f"unexpected {_shown(line[at:])}"
    place = at + 1
    while place < len(line):
        if line[place : place + 1] == b'"':
            quoted = _QUOTED.match(line, place)
            if quoted is None:
                return f"the quote is not closed: {_shown(line[place:])}"
            place = quoted.end()
        elif line[place : place + 1] == b"}":
            return f'expected labels such as {{name="value"}}; got {_shown(line[at : place + 1])}'
        else:
            place += 1
    return f"the brace is not closed: {_shown(line[at:])}"


def _rest_fault(key: bytes, rest: bytes, *, is_openmetrics: bool) -> str:
    words = rest.split(b" ") if is_openmetrics else rest.split()
    if is_openmetrics and words[0] == b"":
        words = words[1:]
    name = _shown(key)
    if not words or not rest.strip():
        return f"the value of {name} is missing"
    if rest[:1] not in b" \t" and not key.endswith(b"}"):
        return f"{_shown(key + rest.split()[0])} is not the name of a metric"
    if b"" in words:
        return f"OpenMetrics has exactly one blank between the parts of a line, after {name}"
    if not _NUMBER.fullmatch(words[0]):
        return f"expected a number as the value of {name}; got {_shown(words[0])}"
    if is_openmetrics and b"#" in words:
        return f"the exemplar of {name} is not '# {{labels}} value [timestamp]'"
    unit = "seconds" if is_openmetrics else "milliseconds, as a whole number"
    if len(words) == 2:
        return f"expected a timestamp in {unit} after the value of {name}; got {_shown(words[1])}"
    return f"expected the end of the line after value and timestamp; got {_shown(words[2])}"


def _shown(text: bytes) -> str:
    shown = text[:80].decode(errors="replace") + ("..." if len(text) > 80 else "")
    return repr(shown)
