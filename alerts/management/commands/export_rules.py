"""`manage.py export_rules`: rule groups as YAML on standard output."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from alerts.rules.errors import RuleError
from alerts.rules.exporting import choose_groups, export_groups
from alerts.rules.files.targets import Version, read_version


class Command(BaseCommand):
    """Print rule groups as a rule file; what a target does not know is told on standard error."""

    help = "Print rule groups as a rule file that import_rules, or Prometheus, reads."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the target, and which groups."""
        parser.add_argument(
            "--target",
            metavar="VERSION",
            type=_version,
            help="the version of Prometheus that is to read it, as 2.42",
        )
        parser.add_argument(
            "--file",
            metavar="NAME",
            help="only groups of this rule file; '' for those that were made in the portal",
        )
        parser.add_argument("--group", metavar="NAME", help="only groups of this name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the YAML."""
        try:
            groups = choose_groups(file=options["file"], name=options["group"])
            export = export_groups(groups, target=options["target"])
        except RuleError as error:
            raise CommandError(str(error)) from error
        for loss in export.losses:
            self.stderr.write(f"warning: {loss}", self.style.WARNING)
        self.stdout.write(export.text, ending="")


def _version(text: str) -> Version:
    try:
        return read_version(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
