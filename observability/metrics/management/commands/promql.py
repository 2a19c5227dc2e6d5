"""`manage.py promql EXPR`: a query in the terminal."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from observability.metrics.backend import get_backend
from observability.metrics.prometheus_api.answers import result_parts
from observability.metrics.prometheus_api.view import exception_handler
from observability.metrics.terminal.carets import with_caret
from observability.metrics.terminal.csv_lines import write_csv
from observability.metrics.terminal.tables import table_lines
from observability.metrics.terminal.times import parse_step_ms, parse_time_ms, usual_step_ms
from observability.promql import PromQLError, QueryResult


class Command(BaseCommand):
    """Evaluate an expression at one time, or over a range when `--start` is given."""

    help = "Evaluate a PromQL expression. Times are `now`, `-1h`, RFC 3339 or Unix seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the expression, its times and the form of the output."""
        # Otherwise `--start -1h` would be taken for an option of the name `-1h`.
        parser._negative_number_matcher = re.compile(r"-\d")
        parser.add_argument("expr", metavar="EXPR", help="the expression")
        parser.add_argument("--time", metavar="T", help="when to evaluate it (now)")
        parser.add_argument("--start", metavar="T", help="the beginning of a range")
        parser.add_argument("--end", metavar="T", help="the end of a range (now)")
        parser.add_argument(
            "--step", metavar="D", help="distance of the points, as 30s or 5m (about 250 points)"
        )
        parser.add_argument(
            "--format",
            choices=["table", "json", "csv"],
            default="table",
            help="table, the JSON of Prometheus's API, or CSV as import_metrics reads it",
        )

    def handle(self, *args: Any, expr: str, **options: Any) -> None:
        """Ask, and print the answer; what the engine remarks goes to standard error."""
        ask = _question(expr, options, now_ms=int(time.time() * 1000))
        try:
            result = ask()
        except PromQLError as error:
            if options["format"] == "json":
                self.stdout.write(exception_handler(error, {}).content.decode())
            raise CommandError(with_caret(error)) from error
        for note in (*result.warnings, *result.infos):
            self.stderr.write(note, self.style.WARNING)
        self._print(result, options["format"])

    def _print(self, result: QueryResult, form: str) -> None:
        match form:
            case "json":
                for part in result_parts(result):
                    self.stdout.write(part.decode(), ending="")
                self.stdout.write("")
            case "csv":
                write_csv(result.value, self.stdout)
            case _:
                for line in table_lines(result.value):
                    self.stdout.write(line)


def _question(expr: str, options: dict[str, Any], *, now_ms: int) -> Callable[[], QueryResult]:
    """Return the query that the options describe."""

    def moment(name: str) -> int:
        text = options[name]
        try:
            return now_ms if text is None else parse_time_ms(text, now_ms=now_ms)
        except ValueError as error:
            raise CommandError(f"--{name}: {error}") from error

    if options["start"] is None:
        for name in ("end", "step"):
            if options[name] is not None:
                raise CommandError(f"--{name} is for a range, which also needs --start")
        return partial(get_backend().query, expr, at_ms=moment("time"))
    if options["time"] is not None:
        raise CommandError("--time is for one time, --start for a range: give one of them")
    start_ms, end_ms = moment("start"), moment("end")
    if end_ms < start_ms:
        raise CommandError("--end is before --start")
    try:
        step_ms = (
            usual_step_ms(start_ms, end_ms)
            if options["step"] is None
            else parse_step_ms(options["step"])
        )
    except ValueError as error:
        raise CommandError(f"--step: {error}") from error
    return partial(
        get_backend().query_range, expr, start_ms=start_ms, end_ms=end_ms, step_ms=step_ms
    )
