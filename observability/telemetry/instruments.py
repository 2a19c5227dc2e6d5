"""The portal's own metrics that every part of it shares."""

from __future__ import annotations

from django.conf import settings
from prometheus_client import Counter, Gauge, Histogram

_PREFIX: str = settings.PROMETHEUS_METRIC_NAMESPACE
_LATENCY_BUCKETS: tuple[float, ...] = settings.PROMETHEUS_LATENCY_BUCKETS

HTTP_REQUESTS = Counter(
    "http_requests_total",
    "HTTP requests answered.",
    ["method", "route", "status"],
    namespace=_PREFIX,
)
HTTP_REQUEST_DURATION = Histogram(
    "http_request_duration_seconds",
    "Time from the first middleware to the finished response.",
    ["method", "route"],
    namespace=_PREFIX,
    buckets=_LATENCY_BUCKETS,
)
HTTP_REQUEST_ERRORS = Counter(
    "http_request_errors_total",
    "HTTP requests that failed: exception by class, or server error answered without one.",
    ["type"],
    namespace=_PREFIX,
)
WORKER_LAG = Histogram(
    "portal_worker_lag_seconds",
    "Time a published task waited until a worker began it.",
    ["queue"],
    buckets=_LATENCY_BUCKETS,
)
PORTAL_INFO = Gauge(
    "portal_info",
    "The portal's version; the value is always 1.",
    ["version"],
    multiprocess_mode="livemax",
)
BEAT_AGE = Gauge(
    "portal_beat_age_seconds",
    "Time since beat last sent a task; +Inf when it has not for ten minutes.",
    multiprocess_mode="livemostrecent",
)
QUEUE_LENGTH = Gauge(
    "portal_queue_length",
    "Tasks that wait in a queue.",
    ["queue"],
    multiprocess_mode="livemostrecent",
)
QUEUE_AGE = Gauge(
    "portal_queue_age_seconds",
    "Time the oldest task has waited in a queue; 0 when it is empty.",
    ["queue"],
    multiprocess_mode="livemostrecent",
)
WORKER_SILENCE = Gauge(
    "portal_worker_silence_seconds",
    "Time since a worker of a queue was last seen; +Inf when none has been for ten minutes.",
    ["queue"],
    multiprocess_mode="livemostrecent",
)
HEALTH = Gauge(
    "portal_health_check_status",
    "Result of a health check: 1 ok, 0.5 degraded, 0 failing.",
    ["check"],
    multiprocess_mode="livemostrecent",
)
DISK_FREE = Gauge(
    "portal_data_free_bytes",
    "Space left where the portal keeps its data.",
    multiprocess_mode="livemostrecent",
)
