"""Results in the XML of JUnit, which build servers read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from xml.etree import ElementTree


@dataclass(slots=True)
class Case:
    """One group of tests, with what was wrong."""

    name: str
    failures: Sequence[str] = ()


@dataclass(slots=True, kw_only=True)
class Suite:
    """One file of tests.

    Attributes:
        name: Its path.
        started_at: When it was run.
        cases: Its groups that were run.
        errors: Why none could be run; empty when they could.
    """

    name: str
    started_at: datetime
    cases: list[Case] = field(default_factory=list)
    errors: Sequence[str] = ()

    @property
    def has_succeeded(self) -> bool:
        """Whether all that was run is as expected."""
        return not self.errors and not any(case.failures for case in self.cases)


def junit_xml(suites: Sequence[Suite]) -> str:
    """Return the results of files as an XML document."""
    root = ElementTree.Element("testsuites")
    for suite in suites:
        cases = [*suite.cases] or ([Case("unknown")] if suite.errors else [])
        element = ElementTree.SubElement(
            root,
            "testsuite",
            name=suite.name,
            tests=str(len(cases)),
            failures=str(sum(len(case.failures) for case in cases)),
            errors=str(len(suite.errors)),
            skipped="0",
            timestamp=f"{suite.started_at:%Y-%m-%dT%H:%M:%S}",
        )
        for case in cases:
            _add_case(element, case, suite.errors)
    return ElementTree.tostring(root, encoding="unicode")


def _add_case(suite: ElementTree.Element, case: Case, errors: Sequence[str]) -> None:
    element = ElementTree.SubElement(suite, "testcase", name=case.name)
    for failure in case.failures:
        ElementTree.SubElement(element, "failure").text = _printable(failure)
    for error in errors:
        ElementTree.SubElement(element, "error").text = _printable(error)


def _printable(text: str) -> str:
    """Return a text without what XML cannot hold, such as the beginnings of colours."""
    return "".join(char if char >= " " or char in "\n\t" else "\ufffd" for char in text)
