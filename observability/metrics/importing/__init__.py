"""Samples from files: exports of other systems, backfills, and what was kept outside."""
