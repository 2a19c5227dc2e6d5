"""Label matchers: `=`, `!=`, `=~`, `!~` on one label, with RE2 semantics."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import re2

from observability.promql.errors import InvalidRegexError
from observability.promql.labels import LabelSet, format_label_name, quote

_GO_WORDS = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "trailing \\": "trailing backslash at end of expression",
}
"""What is said in other words in Go; see its package regexp/syntax."""


class MatchOp(StrEnum):
    """How a matcher compares a label's value with its own."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"

    @property
    def is_negative(self) -> bool:
        """Whether the operator selects what its positive twin leaves out."""
        return self in (MatchOp.NOT_EQUAL, MatchOp.NOT_REGEX)

    @property
    def is_regex(self) -> bool:
        """Whether the matcher's value is a regular expression."""
        return self in (MatchOp.REGEX, MatchOp.NOT_REGEX)


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one label; an absent label has the value ''."""

    name: str
    op: MatchOp
    value: str

    def matches(self, value: str) -> bool:
        """Say whether a label with this value (or '' when absent) is selected.

        Regular expressions are RE2, match the whole value, and `.` matches a
        newline too, as in Prometheus 3.

        Raises:
            InvalidRegexError: The matcher's value is not a regular expression.
        """
        if self.op.is_regex:
            found = compile_regex(self.value).fullmatch(value) is not None
        else:
            found = self.value == value
        return found is not self.op.is_negative

    def __str__(self) -> str:
        return f"{format_label_name(self.name)}{self.op}{quote(self.value)}"


@lru_cache(maxsize=1024)
def compile_regex(pattern: str) -> "re2._Regexp":
    """Return the compiled RE2 form of `pattern`.

    Raises:
        InvalidRegexError: `pattern` is not a regular expression in RE2's syntax.
    """
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise InvalidRegexError(pattern, regex_fault(error)) from error


def regex_fault(error: Exception) -> str:
    """Return in the words of Go's RE2 what an error of this one says: `missing ): (` for example."""
    reason = error.args[0]
    text = reason.decode() if isinstance(reason, bytes) else str(reason)
    fault, _, part = text.partition(": ")
    return f"{_GO_WORDS.get(fault, fault)}: `{part}`"


def matches_all(matchers: Iterable[Matcher], labels: LabelSet) -> bool:
    """Say whether a label set satisfies every matcher."""
    values = dict(labels)
    return all(matcher.matches(values.get(matcher.name, "")) for matcher in matchers)
