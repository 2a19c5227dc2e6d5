"""The benchmark's rules as rows of the portal, and its samples in the portal's store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction

from benchmarks.rule_data import Machines, rule_groups

if TYPE_CHECKING:
    from observability.promql.labels import LabelSet


@transaction.atomic
def make_groups(rule_set: str, *, rules: int, interval_seconds: float, due_at: datetime) -> None:
    """Put the groups of a set in the place of all others, with no alerts yet.

    All at once: a worker that saw the groups before their rules would take them for empty.
    """
    from alerts.models import Rule, RuleGroup  # noqa: PLC0415 (settings are ready only now)

    delete_all_groups()
    wanted = list(rule_groups(rule_set, rules))
    groups = RuleGroup.objects.bulk_create(
        RuleGroup(name=name, interval_ms=int(interval_seconds * 1000), next_evaluation_at=due_at)
        for name, _ in wanted
    )
    Rule.objects.bulk_create(
        (
            Rule(
                group=group,
                position=position,
                name=rule.name,
                expr=rule.expr,
                hold_ms=rule.for_seconds * 1000,
                severity=rule.labels["severity"],
                annotations=dict(rule.annotations),
                on_no_data="resolve",
                on_error="resolve",
            )
            for group, (_, its_rules) in zip(groups, wanted, strict=True)
            for position, rule in enumerate(its_rules)
        ),
        batch_size=1000,
    )


def delete_all_groups() -> None:
    """Delete all rules as an operator would, then the alerts that are left of them."""
    from alerts.models import Alert, RuleGroup  # noqa: PLC0415 (settings are ready only now)
    from alerts.rules.changes import delete_groups  # noqa: PLC0415

    delete_groups(RuleGroup.objects.all(), now=datetime.now(UTC))
    Alert.objects.all().delete()


class Feed:
    """Writes samples of the machines as remote write does, but without a web process."""

    def __init__(self, machines: Machines) -> None:
        from observability.promql.labels import label_set  # noqa: PLC0415 (settings are ready only now)

        self._machines = machines
        self._label_sets: list[LabelSet] = [label_set(labels) for labels in machines.labels]

    def write(self, at_ms: int) -> None:
        """Write a sample of every series."""
        from observability.metrics.backend import get_backend  # noqa: PLC0415
        from observability.metrics.samples import SampleBatch  # noqa: PLC0415

        count = len(self._label_sets)
        get_backend().append(
            SampleBatch(
                label_sets=self._label_sets,
                series=np.arange(count, dtype=np.int64),
                timestamps_ms=np.full(count, at_ms, np.int64),
                values=self._machines.values(at_ms),
            )
        )
