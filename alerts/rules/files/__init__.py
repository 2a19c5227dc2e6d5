"""Rule files as Prometheus has them: read, checked, and named when they are wrong."""
