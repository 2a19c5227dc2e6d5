"""Groups of the portal as the text of a rule file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from alerts.models import RuleGroup
from alerts.rules.errors import RuleError
from alerts.rules.files.definitions import FileGroup
from alerts.rules.files.targets import Version, for_target
from alerts.rules.files.writing import write_rules
from alerts.rules.importing.rows import file_group, with_rules


class NothingToExportError(RuleError):
    """There is no group of the name or file that was asked for."""


class SameNameError(RuleError):
    """Two groups have one name, which a file cannot have; they come from several files."""

    def __init__(self, name: str, files: Sequence[str]) -> None:
        shown = [file or "'' (made in the portal)" for file in files]
        super().__init__(
            f"several groups are called {name!r}, of the files {', '.join(shown)}: "
            "a file has each name once, so choose one of them with --file (file=)"
        )
        self.name = name
        self.files = tuple(files)


@dataclass(frozen=True, slots=True)
class Export:
    """A rule file, and what it lacks.

    Attributes:
        text: YAML.
        losses: A sentence for each thing that the target does not know.
    """

    text: str
    losses: Sequence[str]

    @property
    def text_with_losses(self) -> str:
        """The file with what it lacks in comments at its top."""
        # A name may hold a line break, and a comment must not end there.
        comments = (f"# {' '.join(loss.split())}\n" for loss in self.losses)
        return "".join(comments) + self.text


def choose_groups(*, file: str | None = None, name: str | None = None) -> QuerySet[RuleGroup]:
    """Return the groups of a file ('' for the portal's own) and of a name; None means any.

    Raises:
        NothingToExportError: There are none.
    """
    groups = RuleGroup.objects.all()
    if file is not None:
        groups = groups.filter(file=file)
    if name is not None:
        groups = groups.filter(name=name)
    if (file is not None or name is not None) and not groups.exists():
        where = [f"file {file!r}"] if file is not None else []
        where += [f"name {name!r}"] if name is not None else []
        raise NothingToExportError(f"there is no rule group of {' and '.join(where)}")
    return groups


def export_groups(groups: QuerySet[RuleGroup], *, target: Version | None = None) -> Export:
    """Return groups as one rule file, file by file in the order in which they were made.

    Args:
        groups: Which.
        target: The version of Prometheus that is to read it; None for the portal itself, which
            knows keys of its own.

    Raises:
        SameNameError: Two of them have one name.
    """
    rows = list(with_rules(groups).order_by("file", "pk"))
    counts = Counter(row.name for row in rows)
    for name, count in counts.items():
        if count > 1:
            raise SameNameError(name, [row.file for row in rows if row.name == name])
    definitions: Sequence[FileGroup] = [file_group(row) for row in rows]
    losses: Sequence[str] = ()
    if target is not None:
        definitions, losses = for_target(definitions, target)
    return Export(write_rules(definitions), losses)
