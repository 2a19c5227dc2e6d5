"""`manage.py check_rules FILE...`: what `promtool check rules` says of rule files, and lint."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connection

from alerts.rules.files.definitions import RuleFile
from alerts.rules.files.duplicates import duplicates, duplicates_message
from alerts.rules.files.errors import RuleFileError
from alerts.rules.files.reading import checked_rules, load_rule_file
from alerts.rules.lint.registry import NAMES, checks_left_out, lint
from alerts.rules.lint.seen import Seen
from observability.embedded.errors import EmbeddedError
from observability.environment import InvalidSettingError

_DUPLICATES = "duplicate-rules"
_LINT_EXIT_CODE = 3
_SETTINGS = "DJANGO_SETTINGS_MODULE"


class Command(BaseCommand):
    """Check rule files; the exit status is 1 when one is wrong, 3 with --lint-fatal and findings."""

    help = "Check rule files as `promtool check rules` does, and lint them; no server is needed."
    # There may be no database, and it is asked for metrics alone.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the files, and promtool's options."""
        parser.add_argument(
            "files", nargs="*", metavar="FILE", type=Path, help="a rule file (standard input)"
        )
        parser.add_argument(
            "--lint",
            default="all",
            metavar="CHECKS",
            help=f"which checks to run, divided by commas: all, none, {_DUPLICATES} (as promtool"
            f" does), {', '.join(NAMES)}",
        )
        parser.add_argument(
            "--lint-fatal", action="store_true", help="exit with 3 when lint finds something"
        )
        parser.add_argument(
            "--ignore-unknown-fields",
            action="store_true",
            help="let files have fields that Prometheus does not know",
        )

    def handle(self, *args: Any, files: list[Path], **options: Any) -> None:
        """Check one file after the other and print what is found."""
        for path in files:
            if not path.exists():
                raise CommandError(f"path '{path}' does not exist")
        names = _checks(options["lint"])
        seen, reason = _store() if checks_left_out(names) else (None, "")
        recorded = _recorded() if seen else frozenset()
        is_wrong = has_findings = False
        sources: list[Path | None] = [*files] or [None]
        for source in sources:
            self.stdout.write(f"Checking {'standard input' if source is None else source}")
            try:
                rule_file = _read(source, ignore_unknown_fields=options["ignore_unknown_fields"])
            except RuleFileError as error:
                is_wrong = True
                self._fail(*error.problems)
            else:
                has_findings |= self._lint(source, rule_file, names, seen, recorded)
            self.stdout.write("")
        if reason:
            self.stderr.write(f"Left out, as {reason}: {', '.join(checks_left_out(names))}")
        if is_wrong:
            sys.exit(1)
        if has_findings and options["lint_fatal"]:
            sys.exit(_LINT_EXIT_CODE)

    def _lint(
        self,
        path: Path | None,
        rule_file: RuleFile,
        names: set[str],
        seen: Seen | None,
        recorded: frozenset[str],
    ) -> bool:
        """Print how many rules there are and what lint finds; say whether it finds anything."""
        twice = duplicates(rule_file.groups) if _DUPLICATES in names else []
        if twice:
            self._fail(duplicates_message(twice))
        else:
            count = sum(len(group.rules) for group in rule_file.groups)
            self.stdout.write(f"  SUCCESS: {count} rules found")
        findings = list(lint(rule_file.groups, seen=seen, recorded=recorded, names=names))
        if findings:
            self.stdout.write(f"  LINT: {len(findings)} finding{'s' if len(findings) > 1 else ''}")
        for finding in findings:
            self.stdout.write(f"{path}: {finding}" if path else str(finding))
        return bool(twice or findings)

    def _fail(self, *lines: str) -> None:
        self.stdout.flush()
        self.stderr.write("\n".join(["  FAILED:", *lines]))


def _checks(text: str) -> set[str]:
    chosen: set[str] = set()
    for name in filter(None, text.split(",")):
        match name:
            case "all":
                chosen |= {_DUPLICATES, *NAMES}
            case "none":
                pass
            case _ if name in (_DUPLICATES, *NAMES):
                chosen.add(name)
            case _:
                raise CommandError(
                    f"--lint: there is no check {name!r}; expected all, none, {_DUPLICATES},"
                    f" {', '.join(NAMES)}"
                )
    return chosen


def _read(path: Path | None, *, ignore_unknown_fields: bool) -> RuleFile:
    if path is None:
        text = sys.stdin.read()
        return checked_rules(text, "", ignore_unknown_fields=ignore_unknown_fields)
    return load_rule_file(path, ignore_unknown_fields=ignore_unknown_fields)


def _store() -> tuple[Seen | None, str]:
    """Return the portal's metrics, or None and why they cannot be asked."""
    try:
        if not apps.ready:
            os.environ.setdefault(_SETTINGS, "observability.settings")
            django.setup()
        connection.ensure_connection()
    except (EmbeddedError, InvalidSettingError, ImproperlyConfigured):
        # Django looks for connections to close at the end, and must not try once more.
        os.environ.pop(_SETTINGS, None)
        return None, "no portal was ever started here"
    except Error:
        return None, "the portal's database does not answer"
    # Models can be imported only now.
    from alerts.rules.lint.stored import StoredMetrics  # noqa: PLC0415
    from observability.metrics.backend import get_backend  # noqa: PLC0415

    return StoredMetrics(get_backend(), now_ms=int(time.time() * 1000)), ""


def _recorded() -> frozenset[str]:
    """Return the names that the portal's own rules record."""
    from alerts.rules.lint.portal import recorded_names  # noqa: PLC0415

    return recorded_names()
