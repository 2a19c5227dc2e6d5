"""What an import changes, in words and lines."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.rules.files.planning import GroupPlan, Step
from alerts.rules.importing.imports import FilePlan, ImportPlan

_TOLD = (Step.ADDED, Step.CHANGED, Step.MOVED, Step.REMOVED, Step.UNCHANGED)


def counts_sentence(plan: ImportPlan) -> str:
    """Return such as `2 groups added; 5 rules added, 1 rule removed`."""
    groups, rules = plan.group_counts(), plan.rule_counts()
    parts = [
        ", ".join(
            f"{counts[step]} {word}{'' if counts[step] == 1 else 's'} {step}"
            for step in _TOLD
            if counts[step]
        )
        for word, counts in (("group", groups), ("rule", rules))
    ]
    return "; ".join(filter(None, parts)) or "nothing there and nothing given"


def plan_lines(file: FilePlan) -> Iterator[str]:
    """Yield a line for each group and changed rule, each followed by its differences."""
    yield file.file or "groups of the portal"
    for group in file.groups:
        yield f"  group {group.name}: {_group_words(group)}"
        yield from (f"      {line}" for line in group.diff)
        if group.step is not Step.CHANGED:
            continue
        for rule in group.changed_rules:
            yield f"    rule {rule.name}: {rule.step}"
            if rule.step is not Step.MOVED:
                yield from (f"      {line}" for line in rule.diff)


def _group_words(group: GroupPlan) -> str:
    count = len(group.rules)
    rules = f"{count} rule{'' if count == 1 else 's'}"
    match group.step:
        case Step.ADDED | Step.REMOVED:
            return f"{group.step}, {rules}"
        case Step.KEPT:
            return f"not in the file, {rules} kept (--prune removes them)"
        case _:
            return str(group.step)
