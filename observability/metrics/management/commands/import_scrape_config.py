"""`manage.py import_scrape_config FILE`: take over the jobs of a Prometheus configuration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from observability.metrics.scraping.errors import ScrapeConfigError
from observability.metrics.scraping.importing import (
    Action,
    JobChange,
    Secrets,
    import_jobs,
    plan_changes,
)
from observability.metrics.scraping.prometheus_config import JobPlan, read_config

_WORDS = {
    Action.MAKE: "made",
    Action.CHANGE: "changed",
    Action.KEEP: "already so",
    Action.SKIP: "not taken over: it has no source of targets that the portal knows",
}


class Command(BaseCommand):
    """Make and change jobs; those that are not in the file are left alone.

    Password and token files that the configuration names are read, as Prometheus does. A job
    whose secret cannot be read is made, but disabled until somebody enters it.
    """

    help = "Take over the scrape_configs of a Prometheus configuration."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file, `-` for standard input."""
        parser.add_argument("file", help="prometheus.yml, or - for standard input")
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what would be made and changed"
        )

    def handle(self, *args: Any, file: str, dry_run: bool, **options: Any) -> None:
        """Import the file and print what became of each job."""
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
            folder = None if file == "-" else Path(file).resolve().parent
            plans = read_config(text, folder=folder)
            secrets = _read_secrets(plans)
            if dry_run:
                changes = plan_changes(plans, secrets)
            else:
                changes = import_jobs(plans, now=timezone.now(), secrets=secrets)
        except (OSError, UnicodeDecodeError, ScrapeConfigError) as error:
            raise CommandError(f"{file}: {error}; nothing was changed") from error
        for change in changes:
            self._tell(change, dry_run=dry_run)
        if dry_run:
            self.stdout.write("nothing was changed")

    def _tell(self, change: JobChange, *, dry_run: bool) -> None:
        would = "would be " if dry_run and change.action in (Action.MAKE, Action.CHANGE) else ""
        differences = f" ({', '.join(change.differences)})" if change.differences else ""
        self.stdout.write(f"{change.plan.name}: {would}{_WORDS[change.action]}{differences}")
        for what in change.plan.unsupported:
            self.stdout.write(f"  not supported: {what}")
        for name, path in change.missing_secrets.items():
            where = f"{path} cannot be read" if path else "it is hidden in the file"
            self.stdout.write(
                f"  needs its {name.replace('_', ' ')} ({where}): "
                "disabled until somebody enters it in the admin"
            )


def _read_secrets(plans: list[JobPlan]) -> Secrets:
    found: dict[tuple[str, str], str] = {}
    for plan in plans:
        for name, path in plan.missing_secrets.items():
            try:
                value = Path(path).read_text(encoding="utf-8").strip() if path else ""
            except (OSError, UnicodeDecodeError):
                continue
            if value:
                found[plan.name, name] = value
    return found
