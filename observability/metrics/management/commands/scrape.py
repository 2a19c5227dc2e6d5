"""`manage.py scrape`: scrape the targets of all jobs until SIGTERM."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand

from observability.metrics.collectors.stop_signal import StopSignal
from observability.metrics.scraping.scraper import ROLE, Scraper
from observability.telemetry.process import start_reporter


class Command(BaseCommand):
    """Find targets and scrape them; any number of such processes share the work."""

    help = "Scrape the targets of all jobs, on this machine or any other with the same database."
    # The database may still be starting: what is due waits for it.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        log = structlog.get_logger(__name__)
        with closing(StopSignal()) as stop, stop.installed():
            start_reporter(ROLE)
            log.info("scraping started", concurrency=settings.SCRAPE_CONCURRENCY)
            Scraper(concurrency=settings.SCRAPE_CONCURRENCY).run(stop.wait)
            log.info("scraping stopped")
