"""The part of Prometheus's HTTP API that is about rules and alerts."""
