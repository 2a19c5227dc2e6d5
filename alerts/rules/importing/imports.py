"""An import of rule files: its plan, and the plan put into effect."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from alerts.models import Rule, RuleGroup
from alerts.rules import changes
from alerts.rules.errors import RuleError
from alerts.rules.files.definitions import RuleFile
from alerts.rules.files.errors import RuleFileError
from alerts.rules.files.planning import GroupPlan, Step, plan_groups
from alerts.rules.files.portal_limits import beyond_portal
from alerts.rules.group_writes import GroupWrite
from alerts.rules.importing.rows import (
    as_kept,
    file_group,
    put_group,
    put_rule,
    rows_by_name,
    rules_of,
    with_rules,
)
from alerts.rules.revisions import NOBODY, Author

MAX_FILE_NAME_LENGTH = 500

# Imports follow one another: two of the same file would both add its groups.
_LOCK = 0x72756C65


class ProvisionedFileError(RuleError):
    """The groups of a file come from the watched folder, which alone says what is in them."""

    def __init__(self, file: str) -> None:
        super().__init__(
            f"{file}: its groups come from the watched folder; change the file there, "
            "or import under another name"
        )
        self.file = file


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlan:
    """What becomes of the groups of one file.

    Attributes:
        file: The file's name; '' for the groups that are made in the portal.
        groups: All its groups.
    """

    file: str
    groups: Sequence[GroupPlan]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What an import changes."""

    files: Sequence[FilePlan]

    @property
    def is_empty(self) -> bool:
        """Whether everything is as the files say already."""
        steps = {group.step for file in self.files for group in file.groups}
        return steps <= {Step.UNCHANGED, Step.KEPT}

    def group_counts(self) -> Counter[Step]:
        """Return how many groups take each step."""
        return Counter(group.step for file in self.files for group in file.groups)

    def rule_counts(self) -> Counter[Step]:
        """Return how many rules take each step."""
        return Counter(
            rule.step for file in self.files for group in file.groups for rule in group.rules
        )

    def fingerprint(self) -> str:
        """Return a text that is the same for as long as the plan would change the same things."""
        digest = hashlib.sha256()
        for file in self.files:
            for group in file.groups:
                digest.update(repr((file.file, group.step, group.name, group.diff)).encode())
                for rule in group.changed_rules:
                    digest.update(repr((rule.step, rule.new_place, rule.diff)).encode())
        return digest.hexdigest()


def plan_import(
    files: Mapping[str, RuleFile], *, prune: bool = False, is_provisioned: bool = False
) -> ImportPlan:
    """Return what an import of files would change.

    Args:
        files: By their names, under which their groups are kept; '' for the portal's own groups.
        prune: Whether groups of these files go that are not in them any more.
        is_provisioned: Whether the files lie in the watched folder.

    Raises:
        RuleFileError: A file says something that the portal cannot keep.
        ProvisionedFileError: A file of that name lies in the watched folder.
    """
    _check(files)
    return _plan(files, _stored(files), prune=prune, is_provisioned=is_provisioned)


@transaction.atomic
def apply_import(
    files: Mapping[str, RuleFile],
    *,
    now: datetime,
    prune: bool = False,
    author: Author = NOBODY,
    is_provisioned: bool = False,
) -> ImportPlan:
    """Make the groups of files what the files say, all of them or none, and return what changed.

    Args:
        files: As in `plan_import`.
        now: The present time.
        prune: As in `plan_import`.
        author: Who is told in the history of rules.
        is_provisioned: Whether the files lie in the watched folder.

    Raises:
        RuleFileError: As in `plan_import`.
        ProvisionedFileError: As in `plan_import`.
    """
    _check(files)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    changes.lock_groups(RuleGroup.objects.filter(file__in=list(files)))
    stored = _stored(files)
    plan = _plan(files, stored, prune=prune, is_provisioned=is_provisioned)
    writes = []
    gone = []
    for file in plan.files:
        for group in file.groups:
            row = stored[file.file].get(group.name)
            if group.step is Step.REMOVED and row is not None:
                gone.append(row)
            elif group.after is not None and (
                group.step is not Step.UNCHANGED
                or (row is not None and row.is_provisioned != is_provisioned)
            ):
                writes.append(_write(group, file.file, row, is_provisioned=is_provisioned))
    changes.write_groups(writes, removed=gone, now=now, author=author)
    return plan


def _check(files: Mapping[str, RuleFile]) -> None:
    problems = []
    for name, rule_file in files.items():
        prefix = f"{name}: " if name else ""
        if len(name) > MAX_FILE_NAME_LENGTH:
            problems.append(f"{name[:60]}...: a file's name has at most 500 characters")
        problems += [f"{prefix}{problem}" for problem in beyond_portal(rule_file)]
    if problems:
        raise RuleFileError(problems)


def _stored(files: Mapping[str, RuleFile]) -> dict[str, Mapping[str, RuleGroup]]:
    rows = list(with_rules(RuleGroup.objects.filter(file__in=list(files))).order_by("pk"))
    return {name: rows_by_name(row for row in rows if row.file == name) for name in files}


def _plan(
    files: Mapping[str, RuleFile],
    stored: Mapping[str, Mapping[str, RuleGroup]],
    *,
    prune: bool,
    is_provisioned: bool,
) -> ImportPlan:
    plans = []
    for name, rule_file in files.items():
        rows = stored[name]
        if not is_provisioned and any(row.is_provisioned for row in rows.values()):
            raise ProvisionedFileError(name)
        before = {row.name: file_group(row) for row in rows.values()}
        after = [as_kept(group) for group in rule_file.groups]
        plans.append(FilePlan(file=name, groups=plan_groups(before, after, prune=prune)))
    return ImportPlan(files=plans)


def _write(
    plan: GroupPlan, file: str, row: RuleGroup | None, *, is_provisioned: bool
) -> GroupWrite:
    """Return what a plan writes; rules that stay as they are keep their rows untouched."""
    old_rules = [] if row is None else rules_of(row)
    saves_group = row is None or plan.changes_settings or row.is_provisioned != is_provisioned
    group = RuleGroup(file=file) if row is None else row
    if plan.after is not None:
        put_group(group, plan.after)
    group.is_provisioned = is_provisioned
    saved, shifted, removed = [], [], []
    for rule in plan.rules:
        old = None if rule.old_place is None else old_rules[rule.old_place]
        if rule.after is None or rule.new_place is None:
            removed += [] if old is None else [old]
        elif old is None or rule.step is not Step.UNCHANGED:
            new = put_rule(old or Rule(), rule.after)
            new.position = rule.new_place
            saved.append(new)
        elif old.position != rule.new_place:
            old.position = rule.new_place
            shifted.append(old)
    return GroupWrite(
        group=group, saves_group=saves_group, rules=saved, shifted=shifted, removed=removed
    )
