"""`manage.py watch`: look after this node until SIGTERM."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from observability.metrics.collectors.stop_signal import StopSignal
from observability.metrics.collectors.watch import register_base_collectors, watch
from observability.metrics.exposition_server import exposition_server


class Command(BaseCommand):
    """Collect this host's and the portal's own metrics into the store, and watch over Celery.

    With METRICS_PORT set it serves the exposition there, too.
    """

    help = "Collect this host's and the portal's own metrics, and watch over beat and workers."
    # The database may still be starting: what is collected waits for it.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        register_base_collectors()
        with closing(StopSignal()) as stop, stop.installed(), ExitStack() as stack:
            if settings.METRICS_PORT and settings.PROMETHEUS_ENABLED:
                try:
                    stack.enter_context(exposition_server(settings.BIND, settings.METRICS_PORT))
                except OSError as error:
                    raise CommandError(
                        f"METRICS_PORT: cannot listen on {settings.BIND} port "
                        f"{settings.METRICS_PORT}: {error.strerror}"
                    ) from error
            watch(stop)
