"""`manage.py import_metrics FILE...`: store the samples of files, however old and large."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from observability.metrics.errors import MetricsError
from observability.metrics.importing.formats import FileFormat, format_of
from observability.metrics.importing.importer import (
    Options,
    Outcome,
    import_file,
    time_in_words,
)
from observability.metrics.importing.progress import Progress
from observability.metrics.importing.sources import STDIN, Source
from observability.metrics.naming import label_name_fault, label_value_fault

_METRICS_NAMED = 5


class Command(BaseCommand):
    """Import files one after the other; an import that was interrupted goes on where it was."""

    help = "Import samples from OpenMetrics, CSV or JSON files, also compressed with gzip."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the files and what is to be done with them."""
        parser.add_argument("files", nargs="+", metavar="FILE", help="a file, - for standard input")
        parser.add_argument(
            "--format",
            choices=list(FileFormat),
            help="what the files are; by their names otherwise",
        )
        parser.add_argument(
            "--label",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="added to every series; wins over the file's; may be given several times",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="write nothing, say what is in the files"
        )
        parser.add_argument(
            "--skip-bad-lines", action="store_true", help="leave out lines that are wrong"
        )
        parser.add_argument(
            "--again", action="store_true", help="import files that were imported before"
        )

    def handle(self, *args: Any, files: list[str], **options: Any) -> None:
        """Import the files and print what became of each."""
        how = Options(
            labels=_labels(options["label"]),
            is_dry_run=options["dry_run"],
            skips_faults=options["skip_bad_lines"],
            again=options["again"],
        )
        try:
            formats = {path: _format(path, options["format"]) for path in files}
            for path in files:
                self._import(path, formats[path], how)
        except MetricsError as error:
            raise CommandError(str(error)) from error

    def _import(self, path: str, file_format: FileFormat, how: Options) -> None:
        progress = Progress(self.stderr, path)

        def tell(source: Source, outcome: Outcome) -> None:
            position = 0 if source.size is None else source.raw.tell()
            progress.tell(position=position, size=source.size, samples=outcome.samples)

        try:
            outcome = import_file(path, file_format, how, tell=tell)
        finally:
            progress.end()
        self._report(path, outcome, how)

    def _report(self, path: str, outcome: Outcome, how: Options) -> None:
        if outcome.finished_before:
            self.stdout.write(
                f"{path}: imported before, on {outcome.finished_before:%Y-%m-%d %H:%M} UTC"
                f" ({outcome.samples:,} samples); --again imports it once more"
            )
            return
        verb = "holds" if how.is_dry_run else "imported"
        text = f"{path}: {verb} {outcome.samples:,} samples"
        if outcome.oldest_ms is not None and outcome.newest_ms is not None:
            text += (
                f" of {len(outcome.series):,} series, from {time_in_words(outcome.oldest_ms)}"
                f" to {time_in_words(outcome.newest_ms)}"
            )
        if outcome.resumed_line > 1:
            text += f"; went on at line {outcome.resumed_line:,}"
        if how.is_dry_run:
            text += "; nothing was written"
        self.stdout.write(text)
        if outcome.skipped:
            self.stderr.write(f"{path}: skipped {outcome.skipped:,} lines, such as")
            for line, fault in outcome.faults:
                self.stderr.write(f"  line {line:,}: {fault}")
        self._warn_of_retention(path, outcome)

    def _warn_of_retention(self, path: str, outcome: Outcome) -> None:
        if not outcome.expiring:
            return
        named = [f"{name} ({days} days)" for name, days in sorted(outcome.expiring.items())]
        more = len(named) - _METRICS_NAMED
        self.stderr.write(
            f"{path}: warning: some samples are older than raw samples are kept, and will soon be"
            f" deleted: {', '.join(named[:_METRICS_NAMED])}{f' and {more} more' if more > 0 else ''}."
            " To keep them, raise 'raw samples, days' of their retention policy in the admin now."
        )


def _format(path: str, said: str | None) -> FileFormat:
    if said:
        return FileFormat(said)
    if path == STDIN:
        raise CommandError(f"-: give --format {', '.join(FileFormat)}")
    return format_of(path)


def _labels(pairs: list[str]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        fault = label_name_fault(name) or label_value_fault(value)
        if not equals or fault:
            raise CommandError(f"--label {pair}: {fault or 'expected NAME=VALUE'}")
        labels[name] = value
    return labels
