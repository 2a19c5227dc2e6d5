"""What can go wrong on the way into or out of the metric store."""

from __future__ import annotations

from dataclasses import dataclass


class MetricsError(Exception):
    """Base of the errors of this app."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why one item of a write was not accepted.

    Attributes:
        index: Its place in the body, from 0.
        field: The part that is wrong, such as `timestamp` or `labels.job`; '' for all of it.
        message: What was wrong, and what is right.
    """

    index: int
    field: str
    message: str


class RejectedSamplesError(MetricsError):
    """Samples of a write are not valid; nothing of the write was stored."""

    def __init__(self, rejections: list[Rejection]) -> None:
        self.rejections = rejections
        first = rejections[0]
        where = f"item {first.index}" + (f", {first.field}" if first.field else "")
        super().__init__(f"{where}: {first.message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRejection:
    """Why a line of a write was not accepted.

    Attributes:
        line: Its number, from 1.
        field: As in `Rejection`.
        message: What was wrong, and what is right.
    """

    line: int
    field: str
    message: str


class RejectedLinesError(MetricsError):
    """Lines of a write are not valid; nothing of their batch was stored."""

    def __init__(self, rejections: list[LineRejection]) -> None:
        self.rejections = rejections
        first = rejections[0]
        where = f"line {first.line}" + (f", {first.field}" if first.field else "")
        super().__init__(f"{where}: {first.message}")


class PartlyStoredError(MetricsError):
    """A write that is stored batch by batch ended early; `accepted` samples of it are durable."""

    def __init__(self, cause: Exception, *, accepted: int) -> None:
        self.cause = cause
        self.accepted = accepted
        super().__init__(f"{cause}; {accepted:,} samples before were stored")


class MalformedBodyError(MetricsError):
    """The body is not what its protocol asks for at all."""


class BodyTooLargeError(MetricsError):
    """The body is larger than the portal takes."""

    def __init__(self, limit: int, *, what: str = "bytes") -> None:
        super().__init__(f"the body is larger than {limit:,} {what}; send it in several parts")


class UnsupportedMediaError(MetricsError):
    """The body is of a kind, or compressed in a way, that its protocol does not allow."""


class SeriesLimitError(MetricsError):
    """A series may not be made; nothing of the write was stored."""

    def __init__(self, message: str, *, is_temporary: bool) -> None:
        self.is_temporary = is_temporary
        super().__init__(message)


class DiskNearlyFullError(MetricsError):
    """The disk has too little room left to take samples; nothing of the write was stored."""

    def __init__(self, *, free_mb: int, minimum_mb: int) -> None:
        super().__init__(
            f"the portal's disk is nearly full: {free_mb:,} MB are free, and writes need"
            f" {minimum_mb:,} MB (MIN_FREE_DISK_MB); make room"
        )


class CatalogueMovedError(MetricsError):
    """Series were deleted after their ids were looked up; with new ids the write can be done."""

    def __init__(self) -> None:
        super().__init__("series are being deleted at the moment; try again")
