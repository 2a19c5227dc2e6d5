"""Prometheus's HTTP API: a file for each kind of question that clients ask."""
