"""From the labels that a target writes to those of the series: target labels, metric relabeling."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from observability.metrics.ingest.exposition_text.series_key import decode_key
from observability.metrics.ingest.series_labels import UnacceptableSeriesError
from observability.metrics.scraping.relabeling import Rule, read_rules, relabel
from observability.promql.labels import METRIC_NAME

# Before a label of a sample that has the name of one of the target's.
_EXPORTED = "exported_"
# About 100 MB of keys at the usual 150 bytes; then the memory starts anew.
_MOST_JUDGED = 500_000


@dataclass(frozen=True, slots=True)
class Scope:
    """All that the labels of a target's series depend on, apart from what the target writes.

    Attributes:
        text: The same as JSON, by which it is kept with the series of a scrape.
        id: 128 bits that stand for it.
        target_labels: What every series gets.
        honor_labels: Whether a sample's own label wins.
        rules: Metric relabeling.
    """

    text: str
    id: bytes
    target_labels: Mapping[str, str]
    honor_labels: bool
    rules: tuple[Rule, ...]

    def labels(self, key: bytes) -> dict[str, str] | None:
        """Return the labels of a series line's key; None when the rules drop it.

        Raises:
            UnacceptableSeriesError: The key has a label twice.
        """
        labels = {name: value for name, value in decode_key(key).items() if value}
        if self.honor_labels:
            merged = {**self.target_labels, **labels}
        else:
            clashing = [name for name in labels if name in self.target_labels]
            merged = {**labels, **self.target_labels}
            for name in clashing:
                renamed = _EXPORTED + name
                while renamed in merged:
                    renamed = _EXPORTED + renamed
                merged[renamed] = labels[name]
        changed = relabel(merged, self.rules)
        if changed is None:
            return None
        return {n: v for n, v in changed.items() if n == METRIC_NAME or not n.startswith("__")}


@lru_cache(maxsize=10_000)
def read_scope(text: str) -> Scope:
    """Return the scope of its text."""
    given = json.loads(text)
    return Scope(
        text=text,
        id=hashlib.blake2b(text.encode(), digest_size=16).digest(),
        target_labels=given["labels"],
        honor_labels=given["honor_labels"],
        rules=read_rules(given["rules"]),
    )


def make_scope(labels: Mapping[str, str], *, honor_labels: bool, rules: Sequence[Any]) -> Scope:
    """Return a scope; `rules` as the job keeps them."""
    given = {"labels": dict(labels), "honor_labels": honor_labels, "rules": list(rules)}
    return read_scope(json.dumps(given, sort_keys=True, separators=(",", ":")))


class Sizes(NamedTuple):
    """What limits on labels are about: how many, the longest name and the longest value in bytes."""

    label_count: int
    name_length: int
    value_length: int


class Judgements:
    """What metric relabeling makes of the series that this process has seen; one look-up a series.

    Only asked for jobs with rules or limits on labels.
    """

    def __init__(self) -> None:
        self._by_scope: dict[bytes, dict[bytes, Sizes | None]] = {}
        self._count = 0

    def judge(self, scope: Scope, keys: Sequence[bytes]) -> list[Sizes | None]:
        """Return for each key the sizes of its labels, None when it is dropped."""
        if self._count > _MOST_JUDGED:
            self._by_scope, self._count = {}, 0
        known = self._by_scope.setdefault(scope.id, {})
        found = []
        for key in keys:
            try:
                found.append(known[key])
            except KeyError:
                sizes = known[key] = _sizes(scope, key)
                self._count += 1
                found.append(sizes)
        return found


def _sizes(scope: Scope, key: bytes) -> Sizes | None:
    try:
        labels = scope.labels(key)
    except UnacceptableSeriesError:
        # Kept: the way into the store refuses it with its reason.
        return Sizes(label_count=0, name_length=0, value_length=0)
    if labels is None:
        return None
    return Sizes(
        label_count=len(labels),
        name_length=max((len(name.encode()) for name in labels), default=0),
        value_length=max((len(value.encode()) for value in labels.values()), default=0),
    )
