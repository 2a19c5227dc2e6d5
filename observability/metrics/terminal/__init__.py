"""Queries in a terminal: times as people say them, results as tables and CSV, errors with their place."""
