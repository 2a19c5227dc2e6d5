"""The store's own metrics."""

from prometheus_client import Counter, Gauge, Histogram

SAMPLES_INGESTED = Counter(
    "portal_samples_ingested_total", "Samples that were accepted and stored.", ["protocol"]
)
WRITES_REJECTED = Counter(
    "portal_writes_rejected_total",
    "Writes that were refused, by the protocol they came by.",
    ["protocol"],
)
SAMPLES_REFUSED = Counter(
    "portal_samples_refused_total",
    "Samples that were refused although the rest of their write was taken.",
    ["protocol"],
)
SERIES_REFUSED = Counter(
    "portal_series_refused_total",
    "New series that were not made, because of a limit.",
    ["reason"],
)
INFLUX_TEXTS_SKIPPED = Counter(
    "portal_influx_texts_skipped_total",
    "Fields of line protocol that held a text, which is no value, and were left out.",
)
EXEMPLARS_STORED = Counter(
    "portal_exemplars_stored_total", "Exemplars that were accepted and stored.", ["protocol"]
)
EXEMPLARS_DROPPED = Counter(
    "portal_exemplars_dropped_total",
    "Exemplars that were not stored: known already, older than others, or against the rules.",
    ["protocol"],
)
QUERY_DURATION = Histogram(
    "portal_query_duration_seconds",
    "Time that PromQL queries took, by kind.",
    ["kind"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120),
)
QUERY_CACHE_LOOKUPS = Counter(
    "portal_query_cache_total",
    "Range queries by what the cache did for them: hit (nothing was evaluated), partial, miss,"
    " bypass (not suited, or too light), away (Redis did not answer).",
    ["outcome"],
)
SAMPLE_CONFLICTS = Counter(
    "portal_sample_conflicts_total",
    "Samples of one series and time that were stored with different values.",
)
STORE_SERIES = Gauge(
    "portal_store_series", "Series in the catalogue.", multiprocess_mode="livemostrecent"
)
STORE_METRICS = Gauge(
    "portal_store_metrics", "Metric names in the catalogue.", multiprocess_mode="livemostrecent"
)
STORE_BYTES = Gauge(
    "portal_store_bytes",
    "Disk space of the metric store with its indexes.",
    ["part"],
    multiprocess_mode="livemostrecent",
)
