"""Measurements against the programs that people use today, side by side on one machine."""
