"""The metric explorer: what a metric is made of, and what of it to draw."""
