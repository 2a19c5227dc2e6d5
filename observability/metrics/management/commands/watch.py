"""`manage.py watch`: look after this node until SIGTERM."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from django.core.management.base import BaseCommand

from observability.metrics.collectors.stop_signal import StopSignal
from observability.metrics.collectors.watch import register_base_collectors, watch


class Command(BaseCommand):
    """Collect this host's and the portal's own metrics into the store, and watch over Celery."""

    help = "Collect this host's and the portal's own metrics, and watch over beat and workers."
    # The database may still be starting: what is collected waits for it.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        register_base_collectors()
        with closing(StopSignal()) as stop, stop.installed():
            watch(stop)
