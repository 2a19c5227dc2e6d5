"""Test files run one after the other, with promtool's output."""

from __future__ import annotations

import glob
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from alerts.rules.files.errors import RuleFileError
from alerts.rules.unit_tests.definitions import TestFile, TestGroup
from alerts.rules.unit_tests.dump import dump_lines
from alerts.rules.unit_tests.errors import UnitTestError
from alerts.rules.unit_tests.execution import Execution
from alerts.rules.unit_tests.groups import load_groups
from alerts.rules.unit_tests.junit import Case, Suite
from alerts.rules.unit_tests.options import Options
from alerts.rules.unit_tests.reading import read_tests
from alerts.rules.unit_tests.rule_set import RuleSet, make_rule_set
from alerts.strict_yaml import YamlError


class Output(Protocol):
    """What lines are written to."""

    def write(self, text: str, /) -> object:
        """Take a text."""
        ...

    def flush(self) -> object:
        """Pass on what was taken."""
        ...


class Runner:
    """Runs files, and prints how each went.

    What went well is told on `out`; what is wrong, warnings and the rest on `err`.
    """

    def __init__(self, options: Options, *, out: Output, err: Output) -> None:
        self._options = options
        self._out = out
        self._err = err

    def run(self, paths: Iterable[str]) -> list[Suite]:
        """Run all files and return their results."""
        return [self._run_and_tell(path) for path in paths]

    def _run_and_tell(self, path: str) -> Suite:
        self._tell(self._out, f"Unit Testing:  {path}")
        suite = Suite(name=path, started_at=datetime.now(UTC))
        self._run(path, suite)
        faults = [*suite.errors, *(failure for case in suite.cases for failure in case.failures)]
        if faults:
            self._tell(self._err, "  FAILED:")
        else:
            self._tell(self._out, "  SUCCESS")
        for fault in faults:
            self._tell(self._err, fault)
            self._tell(self._out, "")
        self._tell(self._out, "")
        return suite

    def _run(self, path: str, suite: Suite) -> None:
        try:
            test_file = self._read(path)
            chosen = [
                (test.name or f"unnamed#{number}", test)
                for number, test in enumerate(test_file.groups)
                if self._options.chooses(test.name)
            ]
            rules = self._rules(path, test_file) if chosen else make_rule_set([])
        except (UnitTestError, YamlError) as error:
            suite.errors = [str(error)]
            return
        except RuleFileError as error:
            suite.errors = list(error.problems)
            return
        for name, test in chosen:
            suite.cases.append(Case(name, self._run_group(name, test, rules, test_file)))

    def _run_group(
        self, name: str, test: TestGroup, rules: RuleSet, test_file: TestFile
    ) -> list[str]:
        self._debug(f"Starting test {name}")
        started = time.monotonic()
        execution = Execution(
            test, rules, interval_ms=test_file.evaluation_interval_ms, options=self._options
        )
        faults = execution.run(is_fuzzy=test_file.fuzzy_compare)
        if self._options.debug:
            self._debug("Dump of all data (input_series and rules):")
            for line in dump_lines(execution.storage):
                self._tell(self._err, line)
        self._debug(f"Test {name} finished, took {time.monotonic() - started:.3f}s")
        return faults

    def _read(self, path: str) -> TestFile:
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            reason = (error.strerror or "cannot be read").lower()
            raise UnitTestError(f"open {path}: {reason}") from error
        except UnicodeDecodeError as error:
            raise UnitTestError(f"{path}: not in UTF-8") from error
        return read_tests(text, ignore_unknown_fields=self._options.ignore_unknown_fields)

    def _rules(self, path: str, test_file: TestFile) -> RuleSet:
        repeated = [name for name, count in Counter(test_file.group_order).items() if count > 1]
        if repeated:
            raise UnitTestError(f"group name repeated in evaluation order: {repeated[0]}")
        groups = load_groups(
            self._rule_files(Path(path).parent, test_file.rule_files),
            order=test_file.group_order,
            ignore_unknown_fields=self._options.ignore_unknown_fields,
        )
        return make_rule_set(groups)

    def _rule_files(self, folder: Path, patterns: Iterable[str]) -> Iterator[Path]:
        """Yield the files of patterns, which are relative to the test file."""
        for pattern in patterns:
            full = os.path.normpath(folder / pattern)
            paths = sorted(glob.glob(full, include_hidden=True))  # noqa: PTH207 (may be absolute)
            if not paths:
                self._tell(self._err, f"  WARNING: no file match pattern {full}")
            yield from map(Path, paths)

    def _debug(self, text: str) -> None:
        if self._options.debug:
            self._tell(self._err, f"DEBUG: {text}")

    def _tell(self, stream: Output, text: str) -> None:
        stream.write(f"{text}\n")
        # Both streams often end in one file, where the order counts.
        stream.flush()
