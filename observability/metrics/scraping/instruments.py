"""The portal's own metrics about scraping."""

from prometheus_client import Counter, Histogram

SCRAPES = Counter(
    "portal_scrapes_total", "Scrapes of targets, by whether they succeeded.", ["outcome"]
)
SCRAPES_LOST = Counter(
    "portal_scrapes_lost_total", "Scrapes whose samples could not be stored or came too late."
)
SCRAPE_LATENESS = Histogram(
    "portal_scrape_lateness_seconds",
    "How long after their time scrapes began.",
    buckets=(0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15),
)
