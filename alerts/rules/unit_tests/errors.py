"""What can go wrong with a test, other than that it fails."""

from __future__ import annotations


class UnitTestError(Exception):
    """A test cannot be run as it is written."""


class AppendError(UnitTestError):
    """A rule writes a sample that its series cannot take."""
