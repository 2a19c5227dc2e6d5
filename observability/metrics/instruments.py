"""The store's own metrics."""

from prometheus_client import Counter, Histogram

SAMPLES_INGESTED = Counter(
    "portal_samples_ingested_total", "Samples that were accepted and stored.", ["protocol"]
)
WRITES_REJECTED = Counter(
    "portal_writes_rejected_total",
    "Writes that were refused, by the protocol they came by.",
    ["protocol"],
)
QUERY_DURATION = Histogram(
    "portal_query_duration_seconds",
    "Time that PromQL queries took, by kind.",
    ["kind"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120),
)
