"""The pages on which operators look at what is recorded; importing a part registers its pages."""

from observability.metrics.admin import deletion, metrics, pushgateway, retention, scraping

__all__ = ["deletion", "metrics", "pushgateway", "retention", "scraping"]
