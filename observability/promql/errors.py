"""What can go wrong with a query, by the kinds that Prometheus's API names."""

from datetime import UTC, datetime
from typing import ClassVar

from observability.promql.places import line_and_column


class PromQLError(Exception):
    """A query could not be answered; `kind` is Prometheus's `errorType`."""

    kind: ClassVar[str] = "execution"


class BadDataError(PromQLError):
    """The query itself is wrong: asking again without changing it cannot help."""

    kind = "bad_data"


class ParseError(BadDataError):
    """The text is not PromQL.

    Attributes:
        message: What was found and what was expected.
        position: Offset into the text, in characters; None when it is not known.
        text: The query as it was given.
    """

    def __init__(self, message: str, *, text: str, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.text = text

    def __str__(self) -> str:
        return f"{self.place}: parse error: {self.message}"

    @property
    def place(self) -> str:
        """The position as Prometheus writes it: `line:column`, both from 1."""
        if self.position is None:
            return "unknown position"
        return line_and_column(self.text, self.position)


class InvalidRegexError(BadDataError):
    """A matcher's value is not a regular expression in RE2's syntax."""

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(f"error parsing regexp: {reason}")
        self.pattern = pattern
        self.reason = reason


class ExpressionTypeError(BadDataError):
    """A range query asks for an expression that has no value at a step."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector'
        )
        self.kind_of_value = kind


class ResolutionError(BadDataError):
    """A range query asks for more points in one series than are allowed."""

    def __init__(self, max_points: int) -> None:
        super().__init__(
            f"exceeded maximum resolution of {max_points:,} points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )
        self.max_points = max_points


class ExecutionError(PromQLError):
    """The data does not allow an answer, as with many-to-many matching."""


class RawSamplesGoneError(ExecutionError):
    """The query needs samples of a time of which only rollups are kept."""

    def __init__(self, function: str, until_ms: int) -> None:
        until = datetime.fromtimestamp(until_ms / 1000, UTC)
        super().__init__(
            f"{f'{function}()' if function else 'a range of samples'} needs raw samples, but of the "
            f"time before {until:%Y-%m-%d %H:%M} UTC only summaries of 5 minutes or an hour are kept"
        )
        self.function = function
        self.until_ms = until_ms


class TooManySamplesError(ExecutionError):
    """The query needs more samples than it may hold."""

    def __init__(self, max_samples: int) -> None:
        super().__init__(
            "query processing would load too many samples into memory in query execution"
        )
        self.max_samples = max_samples


class QueryTimeoutError(PromQLError):
    """The query took longer than it may."""

    kind = "timeout"

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__("query timed out in expression evaluation")
        self.timeout_seconds = timeout_seconds


class QueryCanceledError(PromQLError):
    """The caller gave up while the query was being evaluated."""

    kind = "canceled"

    def __init__(self) -> None:
        super().__init__("query was canceled in expression evaluation")
