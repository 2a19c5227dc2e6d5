"""Pushgateway: jobs too short to be scraped push their metrics, which stay until they are deleted or expire."""
