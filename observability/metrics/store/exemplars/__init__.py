"""Exemplars in PostgreSQL: the newest of all series, at most about a hundred thousand."""
