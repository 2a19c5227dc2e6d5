"""Prometheus remote write: `POST /api/v1/write`."""
