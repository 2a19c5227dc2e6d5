"""From alerts to notifications: which group an alert joins, when the group flushes, who is told."""
