"""Text in which programs expose their metrics: Prometheus's format 0.0.4 and OpenMetrics 1.0."""
