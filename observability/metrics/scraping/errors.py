"""What can go wrong with finding and scraping targets."""

from __future__ import annotations

from observability.metrics.errors import MetricsError


class ScrapingError(MetricsError):
    """Base of the errors of scraping."""


class RelabelError(ScrapingError):
    """A relabeling rule is not one; `position` counts the rules from 1, 0 for all of them."""

    def __init__(self, fault: str, *, position: int = 0) -> None:
        self.fault = fault
        self.position = position
        super().__init__(f"rule {position}: {fault}" if position else fault)


class TargetError(ScrapingError):
    """A target that was found cannot be scraped: its labels make no address."""


class DiscoveryError(ScrapingError):
    """Targets could not be found just now; those that were found before stay."""


class ScrapeError(ScrapingError):
    """A scrape failed; the message is what the target's row shows.

    Attributes:
        scraped: How many samples the target gave; 0 when it did not come to that.
        kept: How many of them metric relabeling left.
    """

    def __init__(self, message: str, *, scraped: int = 0, kept: int = 0) -> None:
        self.scraped = scraped
        self.kept = kept
        super().__init__(message)


class ScrapeConfigError(ScrapingError):
    """A Prometheus configuration cannot be read; nothing of it was taken over."""
