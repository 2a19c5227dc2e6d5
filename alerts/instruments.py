"""What the alerting measures about itself."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RULE_EVALUATIONS = Counter("portal_rule_evaluations_total", "Evaluations of rules.", ["rule_group"])
RULE_EVALUATION_FAILURES = Counter(
    "portal_rule_evaluation_failures_total", "Evaluations of rules that failed.", ["rule_group"]
)
RULE_GROUP_MISSED_ITERATIONS = Counter(
    "portal_rule_group_missed_iterations_total",
    "Iterations of rule groups that were due and did not happen.",
    ["rule_group"],
)
RULE_GROUP_LEASES_LOST = Counter(
    "portal_rule_group_leases_lost_total",
    "Evaluations of rule groups thrown away because another worker had taken over.",
)
RULE_GROUP_DURATION = Histogram(
    "portal_rule_group_duration_seconds",
    "Time from the claim of a rule group to its recorded result.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
FLUSH_FAILURES = Counter(
    "portal_alert_group_flush_failures_total",
    "Flushes of alert groups that broke; the group is tried again a minute later.",
)
NOTIFICATIONS = Counter(
    "portal_notifications_total",
    "Attempts to deliver a notification, by what became of them.",
    ["integration", "outcome"],
)
NOTIFICATION_LATENCY = Histogram(
    "portal_notification_latency_seconds",
    "Time from the moment at which a notification was due to its delivery.",
    ["integration"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
NOTIFICATIONS_PENDING = Gauge(
    "portal_notifications_pending",
    "Notifications that wait to be delivered.",
    multiprocess_mode="mostrecent",
)
