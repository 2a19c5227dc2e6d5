"""Rollups: summaries of five minutes and of an hour, kept when samples are long gone."""
