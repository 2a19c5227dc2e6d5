"""`manage.py import_rules FILE...`: Prometheus's rule files into the portal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from alerts.rules.errors import RuleError
from alerts.rules.files.definitions import RuleFile
from alerts.rules.files.errors import RuleFileError
from alerts.rules.files.reading import load_rule_file
from alerts.rules.importing.imports import apply_import, plan_import
from alerts.rules.importing.summary import counts_sentence, plan_lines
from alerts.rules.revisions import Author


class Command(BaseCommand):
    """Make groups what files say, all of them or, when anything is wrong, none."""

    help = "Import rule files of Prometheus; groups of an earlier import are changed in place."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the files and what to do with groups that are in them no more."""
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="a rule file")
        parser.add_argument("--dry-run", action="store_true", help="only tell what would change")
        parser.add_argument(
            "--prune",
            action="store_true",
            help="remove groups that came from these files and are in them no more",
        )
        parser.add_argument(
            "--as",
            dest="name",
            metavar="NAME",
            help="keep the groups under this name instead of the file's own, as they are told"
            " apart by it; '' makes them groups of the portal itself",
        )

    def handle(self, *args: Any, files: list[Path], **options: Any) -> None:
        """Read all files, tell what changes, and change it."""
        try:
            named = _read(files, options["name"])
            if options["dry_run"]:
                plan = plan_import(named, prune=options["prune"])
            else:
                plan = apply_import(
                    named,
                    now=timezone.now(),
                    prune=options["prune"],
                    author=Author(
                        via=f"import of {', '.join(filter(None, named)) or 'a file'}"[:200]
                    ),
                )
        except RuleError as error:
            raise CommandError(str(error)) from error
        for file in plan.files:
            for line in plan_lines(file):
                self.stdout.write(line)
        done = "would change" if options["dry_run"] else "changed"
        if plan.is_empty:
            self.stdout.write("Nothing to change.")
        else:
            self.stdout.write(f"{done.capitalize()}: {counts_sentence(plan)}.")


def _read(paths: list[Path], name: str | None) -> dict[str, RuleFile]:
    """Return all files by the names under which their groups are kept."""
    problems: list[str] = []
    files: dict[str, RuleFile] = {}
    for path in dict.fromkeys(paths):
        kept_as = path.name if name is None else name
        if kept_as in files:
            problems.append(
                f"{path}: a second file of the name {kept_as!r}; import them one by one, with --as"
            )
            continue
        try:
            files[kept_as] = load_rule_file(path)
        except RuleFileError as error:
            problems += error.problems
    if problems:
        raise RuleFileError(problems)
    return files
