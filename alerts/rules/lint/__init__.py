"""Lint of rules: what is no error to Prometheus and yet hardly what somebody meant."""
