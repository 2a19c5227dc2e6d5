"""The values of a label, kept in the process and matched all at once.

A regular expression is not asked about one value after the other, which costs microseconds each, but
scanned over all values in one text, a line each: a hundred thousand in a few milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import re2
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.store import catalogue
from observability.metrics.store.kept import Kept
from observability.promql.matchers import Matcher, compile_regex

# Of a process, for all labels together; the labels that were not used for longest give way.
MAX_KEPT_BYTES = 64_000_000
# What Python takes for a short string and its place in a list.
_BYTES_PER_VALUE = 80
# In these the lines of a text cannot stand for texts of their own.
_NOT_BY_LINES = re.compile(r"\\[AzQC]|\(\?[a-zA-Z]*-[a-zA-Z]*m")
_NEWLINE = ord("\n")


class LabelValues:
    """Distinct values of one label, in an order that does not change."""

    def __init__(self, values: Sequence[str]) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def satisfying(self, matcher: Matcher) -> NDArray[np.bool_]:
        """Say for each value whether the matcher selects it.

        Raises:
            InvalidRegexError: The matcher's value is not a regular expression.
        """
        found = (
            self._matching_regex(matcher.value)
            if matcher.op.is_regex
            else self._equal(matcher.value)
        )
        return ~found if matcher.op.is_negative else found

    def _equal(self, value: str) -> NDArray[np.bool_]:
        found = np.zeros(len(self.values), np.bool_)
        if value in self.values:
            found[self.values.index(value)] = True
        return found

    def _matching_regex(self, pattern: str) -> NDArray[np.bool_]:
        regex = compile_regex(pattern)
        if _NOT_BY_LINES.search(pattern) or not self.values:
            return self._asked_singly(regex, range(len(self.values)))
        text, starts, singly = self._lines
        hits = [found.start() for found in _line_regex(pattern).finditer(text)]
        matching = np.zeros(len(self.values), np.bool_)
        # An empty line is found, too, where it stands.
        matching[np.searchsorted(starts, np.array(hits, np.int64))] = True
        matching[singly] = self._asked_singly(regex, singly)[singly]
        return matching

    def _asked_singly(self, regex: re2._Regexp, places: Sequence[int]) -> NDArray[np.bool_]:
        matching = np.zeros(len(self.values), np.bool_)
        for place in places:
            matching[place] = regex.fullmatch(self.values[place]) is not None
        return matching

    @cached_property
    def _lines(self) -> tuple[bytes, NDArray[np.int64], list[int]]:
        """The values as lines, where each begins, and those that hold lines and are left empty here."""
        singly = [place for place, value in enumerate(self.values) if "\n" in value]
        lines = list(self.values)
        for place in singly:
            lines[place] = ""
        text = "\n".join(lines).encode("utf-8", "surrogatepass")
        breaks = np.flatnonzero(np.frombuffer(text, np.uint8) == _NEWLINE)
        return text, np.append(0, breaks + 1), singly


def _line_regex(pattern: str) -> re2._Regexp:
    """Return the expression that finds the lines which `pattern` matches as a whole."""
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    # Whatever else the pattern says, a match never leaves its line.
    options.never_nl = True
    return re2.compile(f"(?m)^(?:{pattern})$".encode("utf-8", "surrogatepass"), options)


@dataclass(frozen=True, slots=True, eq=False)
class LabelPairs:
    """All pairs of one label: ids, and values in ascending order."""

    ids: NDArray[np.int64]
    values: LabelValues
    epoch: int

    @property
    def kept_bytes(self) -> int:
        """Return about what it takes in memory."""
        return len(self.ids) * (8 + 2 * _BYTES_PER_VALUE)


_kept: Kept[str, LabelPairs] = Kept(MAX_KEPT_BYTES, lambda pairs: pairs.kept_bytes)


def label_pairs(name: str) -> LabelPairs:
    """Return the pairs of a label that exist now.

    Pairs are only ever added, except where the catalogue's epoch is advanced with it. So what is
    kept still holds when the epoch is the same and there are as many as before; what was added since
    has larger ids, or else all are read again.
    """
    kept = _kept.get(name)
    if kept is not None and (known := _brought_up_to_date(name, kept)) is not None:
        pairs = known
    else:
        _, epoch, rows = _read(name, after_id=0)
        pairs = _pairs(rows, epoch)
    # What an open transaction sees may never come to be.
    if not connection.in_atomic_block:
        _kept.keep({name: pairs})
    return pairs


def _brought_up_to_date(name: str, kept: LabelPairs) -> LabelPairs | None:
    total, epoch, rows = _read(name, after_id=int(kept.ids.max(initial=0)))
    if epoch != kept.epoch or total != len(kept.ids) + len(rows):
        return None
    if not rows:
        return kept
    return _pairs([*zip(kept.ids.tolist(), kept.values.values, strict=True), *rows], epoch)


def _read(name: str, *, after_id: int) -> tuple[int, int, list[tuple[int, str]]]:
    """Return the number of a label's pairs, the epoch, and the pairs with larger ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT counted.total, coalesce((SELECT number FROM metrics_catalogueepoch), 0),"
            "   pair.id, pair.value"
            " FROM (SELECT count(*) AS total FROM metrics_labelpair WHERE name = %(name)s) AS counted"
            " LEFT JOIN metrics_labelpair AS pair ON pair.name = %(name)s AND pair.id > %(after)s",
            {"name": name, "after": after_id},
        )
        rows = cursor.fetchall()
    return rows[0][0], rows[0][1], [(row[2], row[3]) for row in rows if row[2] is not None]


def _pairs(rows: Sequence[tuple[int, str]], epoch: int) -> LabelPairs:
    ordered = sorted(rows, key=lambda row: row[1])
    return LabelPairs(
        ids=np.array([pair_id for pair_id, _ in ordered], np.int64),
        values=LabelValues([value for _, value in ordered]),
        epoch=epoch,
    )


catalogue.on_forget(_kept.clear)
