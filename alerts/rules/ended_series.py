"""The end of what was written of alerts that no evaluation will ever see again.

An evaluation marks the series of its own alerts as stale. Alerts that end in another way, because
their rule is gone or somebody has resolved them, are marked here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from alerts.models import Alert
from alerts.rules.moments import milliseconds
from alerts.rules.rule_evaluation import ALERTS, ALERTS_FOR_STATE, STATE_LABEL
from observability.metrics.backend import MetricsBackend
from observability.metrics.samples import batch_at
from observability.promql.labels import METRIC_NAME, label_set
from observability.promql.staleness import STALE_NAN


def end_series(
    alerts: Iterable[tuple[Alert, str]], *, backend: MetricsBackend, now: datetime
) -> None:
    """Mark the series of alerts as stale.

    Args:
        alerts: Each with the state that it was in.
        backend: Where the series are.
        now: The time of their end.
    """
    ended = [
        (label_set({**alert.labels, **named}), STALE_NAN)
        for alert, state in alerts
        for named in (
            {METRIC_NAME: ALERTS, STATE_LABEL: state},
            {METRIC_NAME: ALERTS_FOR_STATE},
        )
    ]
    if ended:
        backend.append(batch_at(milliseconds(now), ended))
