"""Series in the short notation of Prometheus's test files: `up{job="x"} 0+10x5 _ stale NaN`.

Source: Prometheus 3, promql/parser/generated_parser.y (`series_description`).
"""

import re
from dataclasses import dataclass

import numpy as np

from observability.promql import strings
from observability.promql.blocks import Floats, Ints
from observability.promql.errors import ParseError
from observability.promql.labels import METRIC_NAME, LabelSet, label_set
from observability.promql.lexer import Kind, Lexer, Token
from observability.promql.staleness import STALE_NAN

MAX_SAMPLES = 10_000_000
"""Samples of one series: `1x9999999999` is a slip, and would fill the memory."""

_MAX_POSITION = 2**40

_NUMBER = r"(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][-+]?\d[\d_]*)?"
_ITEM = re.compile(
    rf"(?P<blank>_)(?:x(?P<blanks>\d+))?"
    rf"|(?P<stale>stale)"
    rf"|(?P<word>[-+]?(?:[iI][nN][fF]|[nN][aA][nN]))"
    rf"|(?P<first>[-+]?{_NUMBER})(?:(?P<step>[-+]{_NUMBER})?x(?P<times>\d+))?"
)
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SPACE = re.compile(r"[ \t\r\n]+")
_UP_TO_SPACE = re.compile(r"[^ \t\r\n]+")


@dataclass(frozen=True, slots=True)
class DescribedSamples:
    """Samples by their places in a sequence of intervals, of which some may have none.

    Attributes:
        positions: int64, ascending, from 0.
        values: float64, one a position.
    """

    positions: Ints
    values: Floats


def parse_series(text: str) -> tuple[LabelSet, DescribedSamples]:
    """Return the label set and the samples that a metric with its values describes.

    Raises:
        ParseError: The text is not in the notation, or describes native histograms.
    """
    labels, at = _read_metric(text)
    return labels, _read_values(text, at)


def parse_values(text: str) -> DescribedSamples:
    """Return the samples that values alone describe.

    Raises:
        ParseError: The text is not in the notation, or describes native histograms.
    """
    return _read_values(text, 0)


def parse_metric(text: str) -> LabelSet:
    """Return the label set that `name{label="value"}` describes; no text is the empty one.

    Raises:
        ParseError: The text is anything else.
    """
    if not text.strip():
        return ()
    labels, at = _read_metric(text)
    if rest := text[at:].strip():
        raise ParseError(
            f"unexpected {rest[:10]!r} after a metric", text=text, position=text.index(rest, at)
        )
    return labels


def _read_metric(text: str) -> tuple[LabelSet, int]:
    """Return the label set at the beginning of a text, and where it ends."""
    start = space.end() if (space := _SPACE.match(text)) else 0
    labels: dict[str, str] = {}
    at = start
    if name := _NAME.match(text, start):
        labels[METRIC_NAME] = name[0]
        at = name.end()
    if text[at : at + 1] == "{":
        reader = _BracesReader(text, at)
        labels |= reader.labels()
        return label_set(labels), reader.end
    if not name:
        shown = repr(text[start : start + 10]) if text[start:] else "end of input"
        raise ParseError(f"unexpected {shown}, expected a metric", text=text, position=start)
    return label_set(labels), at


class _BracesReader:
    """Reads `{a="b", c="d"}`, where the metric's name may stand in quotes by itself."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        # A name of the same length keeps the places in messages right.
        self._lexer = Lexer(" " * start + text[start:])
        self._token = self._lexer.next()
        self.end = start

    def labels(self) -> dict[str, str]:
        """label_set: LEFT_BRACE [label_set_item {COMMA label_set_item} [COMMA]] RIGHT_BRACE."""
        labels: dict[str, str] = {}
        self._advance()
        while self._token.kind != "}":
            if self._token.kind not in (Kind.IDENTIFIER, Kind.STRING):
                raise self._unexpected('identifier or "}"')
            name, value = self._item()
            labels[name] = value
            if self._token.kind == "}":
                break
            if self._token.kind != ",":
                raise self._unexpected('"," or "}"')
            self._advance()
        self.end = self._token.end
        return labels

    def _item(self) -> tuple[str, str]:
        """label_set_item: a label with its value, or a metric's name in quotes."""
        label = self._advance()
        is_quoted = label.kind == Kind.STRING
        name = strings.unquote(label.text) if is_quoted else label.text
        if self._token.kind != "=":
            if is_quoted:
                return METRIC_NAME, name
            raise self._unexpected('"="')
        self._advance()
        if self._token.kind != Kind.STRING:
            raise self._unexpected("string")
        return name, strings.unquote(self._advance().text)

    def _advance(self) -> Token:
        token, self._token = self._token, self._lexer.next()
        return token

    def _unexpected(self, expected: str) -> ParseError:
        token = self._token
        if token.kind == Kind.ERROR:
            message = token.text
        else:
            message = f"unexpected {token.describe()} in label set, expected {expected}"
        return ParseError(message, text=self._text, position=token.start)


def _read_values(text: str, at: int) -> DescribedSamples:
    """series_values: {SPACE [series_item]}."""
    # Gaps take no memory: a test at intervals of a millisecond has millions of them.
    starts: list[int] = []
    runs: list[Floats] = []
    position = count = 0
    while at < len(text):
        if space := _SPACE.match(text, at):
            at = space.end()
            continue
        item = _item(text, at)
        if item["blank"]:
            position += int(item["blanks"] or 1)
        else:
            count += int(item["times"] or 0) + 1
            if count > MAX_SAMPLES:
                raise ParseError(
                    f"series of more than {MAX_SAMPLES:,} samples", text=text, position=at
                )
            starts.append(position)
            runs.append(_run(item, text, at))
            position += len(runs[-1])
        if position > _MAX_POSITION:
            raise ParseError("series is too long", text=text, position=at)
        at = item.end()
    return DescribedSamples(
        np.concatenate(
            [
                np.zeros(0, dtype=np.int64),
                *(start + np.arange(len(run)) for start, run in zip(starts, runs, strict=True)),
            ]
        ),
        np.concatenate([np.zeros(0), *runs]),
    )


def _item(text: str, at: int) -> re.Match[str]:
    """series_item."""
    if text.startswith("{{", at):
        raise ParseError(
            "native histograms are not supported, samples are floats", text=text, position=at
        )
    item = _ITEM.match(text, at)
    if item is None or _UP_TO_SPACE.match(text, item.end()):
        raise _no_item(text, at)
    return item


def _run(item: re.Match[str], text: str, at: int) -> Floats:
    """Return the values of an item that is not a gap."""
    if item["stale"]:
        return np.array([STALE_NAN])
    if item["word"]:
        return np.array([float(item["word"])])
    try:
        first, step = _number(item["first"]), _number(item["step"] or "0")
    except ValueError as error:
        raise ParseError(str(error), text=text, position=at) from error
    # One more than is said, as the first value stands by itself. Added up one after the other,
    # so that they are rounded as Prometheus rounds them.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.cumsum(np.concatenate([[first], np.full(int(item["times"] or 0), step)]))


def _number(text: str) -> float:
    sign = -1.0 if text.startswith("-") else 1.0
    return sign * strings.number(text.lstrip("+-"))


def _no_item(text: str, at: int) -> ParseError:
    found = _UP_TO_SPACE.match(text, at)
    shown = found[0] if found else ""
    if len(shown) > 20:
        shown = f"{shown[:20]}..."
    return ParseError(
        f'unexpected "{shown}" in series values, expected a number, "_" or "stale"',
        text=text,
        position=at,
    )
