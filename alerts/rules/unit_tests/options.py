"""How tests are to be run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observability.promql.matchers import compile_regex


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a caller may ask for.

    Attributes:
        names: Regular expressions, of which the name of a group of tests must hold one; all
            groups are run when there are none.
        with_diff: Whether to show differences of alerts in colours.
        debug: Whether to tell how long each group took, and to dump its samples.
        ignore_unknown_fields: Whether files may have fields that Prometheus does not know.
        compat: The major version of Prometheus whose windows to take.
    """

    names: Sequence[str] = ()
    with_diff: bool = False
    debug: bool = False
    ignore_unknown_fields: bool = False
    compat: int = 3

    def chooses(self, name: str) -> bool:
        """Say whether the group of tests of this name is to be run."""
        return not self.names or any(compile_regex(regex).search(name) for regex in self.names)
