"""The pages on which operators look at what is recorded; importing a part registers its pages."""

from observability.metrics.admin import metrics, pushgateway, scraping

__all__ = ["metrics", "pushgateway", "scraping"]
