"""Rule groups as one version of Prometheus takes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from alerts.rules.files.definitions import FileGroup, FileRule
from alerts.rules.states import Otherwise

_NAMES_SHOWN = 3

_LIMIT = (2, 31)
_KEEP_FIRING_FOR = (2, 42)
_QUERY_OFFSET = (2, 53)
_GROUP_LABELS = (3, 0)


@dataclass(frozen=True, slots=True)
class Version:
    """A version of Prometheus; what comes after the minor number changes no rule file."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    def knows(self, since: tuple[int, int]) -> bool:
        """Say whether it has what came with a version."""
        return (self.major, self.minor) >= since


def read_version(text: str) -> Version:
    """Return a version such as `2.42`, `v2.42.0` or `3`.

    Raises:
        ValueError: It is none, or one of Prometheus 1, whose rules were no YAML.
    """
    found = re.fullmatch(r"v?([0-9]{1,4})(?:\.([0-9]{1,4}))?(?:\.[0-9]{1,6})?", text.strip())
    if found is None or int(found[1]) < 2:
        raise ValueError(
            f"expected a version of Prometheus from 2.0 on, such as 2.42; got {text!r}"
        )
    return Version(int(found[1]), int(found[2] or 0))


def for_target(
    groups: Sequence[FileGroup], target: Version
) -> tuple[Sequence[FileGroup], Sequence[str]]:
    """Return groups without what a version does not know, and a sentence for each thing lost.

    Labels of groups are given to each rule where groups have none; of what is switched off
    nothing is left, as Prometheus would evaluate it.
    """
    losses = _Losses()
    kept = [_group(group, target, losses) for group in groups if _is_on(group, losses)]
    return kept, losses.sentences()


class _Losses:
    """Collects what is left out, by reason."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, reason: str, name: str) -> None:
        self._names.setdefault(reason, []).append(name)

    def sentences(self) -> list[str]:
        return [f"{reason}: {_listed(names)}" for reason, names in self._names.items()]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    rest = len(names) - _NAMES_SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown


def _is_on(group: FileGroup, losses: _Losses) -> bool:
    if not group.enabled:
        losses.add("groups left out that are disabled", group.name)
    return group.enabled


def _group(group: FileGroup, target: Version, losses: _Losses) -> FileGroup:
    limit, query_offset_ms, labels = group.limit, group.query_offset_ms, group.labels
    if limit and not target.knows(_LIMIT):
        losses.add(f"limit of groups left out, which Prometheus {target} does not know", group.name)
        limit = 0
    if query_offset_ms is not None and not target.knows(_QUERY_OFFSET):
        losses.add(f"query_offset left out, which Prometheus {target} does not know", group.name)
        query_offset_ms = None
    spread = {} if target.knows(_GROUP_LABELS) else labels
    rules = [
        _rule(rule, spread, target, losses, f"{group.name}/{rule.name}")
        for rule in group.rules
        if _is_rule_on(rule, losses, f"{group.name}/{rule.name}")
    ]
    return replace(
        group,
        limit=limit,
        query_offset_ms=query_offset_ms,
        labels={} if spread else labels,
        owner="",
        rules=rules,
    )


def _is_rule_on(rule: FileRule, losses: _Losses, name: str) -> bool:
    if not rule.enabled:
        losses.add("rules left out that are disabled", name)
    return rule.enabled


def _rule(
    rule: FileRule, labels: Mapping[str, str], target: Version, losses: _Losses, name: str
) -> FileRule:
    keep_firing_ms = rule.keep_firing_ms
    if keep_firing_ms and not target.knows(_KEEP_FIRING_FOR):
        losses.add(f"keep_firing_for left out, which Prometheus {target} does not know", name)
        keep_firing_ms = 0
    if rule.resolve_expr:
        losses.add("resolve_expr left out, which is the portal's own", name)
    if rule.alert and rule.on_no_data is not Otherwise.RESOLVE:
        losses.add("on_no_data left out, as Prometheus resolves alerts without data", name)
    if rule.alert and rule.on_error is not Otherwise.KEEP:
        losses.add("on_error left out, as Prometheus keeps alerts through errors", name)
    return replace(
        rule,
        keep_firing_ms=keep_firing_ms,
        labels={**labels, **rule.labels},
        resolve_expr="",
        on_no_data=Otherwise.RESOLVE,
        on_error=Otherwise.KEEP,
        form=None,
    )
