"""OTLP/HTTP metrics: `POST /api/v1/otlp/v1/metrics` and `POST /v1/metrics`."""
