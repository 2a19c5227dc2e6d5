"""`manage.py test_rules FILE...`: unit tests of rules, as `promtool test rules` runs them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from alerts.rules.unit_tests.junit import junit_xml
from alerts.rules.unit_tests.options import Options
from alerts.rules.unit_tests.running import Runner
from observability.environment import Environment
from observability.promql import PromQLError
from observability.promql.matchers import compile_regex


class Command(BaseCommand):
    """Run test files; the exit status is 1 when anything in them is not as expected."""

    help = "Run unit tests of rules, in promtool's format; no server is needed."
    # There may be no database, and none is asked.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the files, and promtool's options."""
        parser.add_argument("files", nargs="+", metavar="FILE", help="a file of tests")
        parser.add_argument(
            "--run",
            action="append",
            default=[],
            metavar="REGEX",
            type=_regex,
            help="only run groups of tests whose names match; may be given several times",
        )
        parser.add_argument(
            "--diff", action="store_true", help="show differences of alerts in colours"
        )
        parser.add_argument(
            "--debug", action="store_true", help="tell times, and dump all samples of each test"
        )
        parser.add_argument("--junit", metavar="FILE", help="also write the results as JUnit XML")
        parser.add_argument(
            "--ignore-unknown-fields",
            action="store_true",
            help="let files have fields that Prometheus does not know",
        )

    def handle(self, *args: Any, files: list[str], **options: Any) -> None:
        """Run the files and print what promtool would."""
        how = Options(
            names=options["run"],
            with_diff=options["diff"],
            debug=options["debug"],
            ignore_unknown_fields=options["ignore_unknown_fields"],
            # Not from Django's settings, which ask for servers and secrets.
            compat=Environment().integer("PROMQL_COMPAT", 3, minimum=2, maximum=3),
        )
        suites = Runner(how, out=self.stdout, err=self.stderr).run(files)
        if options["junit"]:
            try:
                Path(options["junit"]).write_text(junit_xml(suites), encoding="utf-8")
            except OSError as error:
                raise CommandError(f"--junit {options['junit']}: {error.strerror}") from error
        if not all(suite.has_succeeded for suite in suites):
            sys.exit(1)


def _regex(text: str) -> str:
    try:
        compile_regex(text)
    except PromQLError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text
