"""Says to the workers at once what has become due."""

from __future__ import annotations

from collections.abc import Sequence

from observability.telemetry.wakeups import wake


def wake_evaluation() -> None:
    """Have the rule groups evaluated that are due."""
    wake("alerts.tasks.evaluate_due")


def wake_flush() -> None:
    """Have the groups flushed that are due."""
    wake("alerts.tasks.flush_due")


def wake_deliveries(notification_ids: Sequence[int]) -> None:
    """Have these notifications delivered."""
    for notification_id in notification_ids:
        if not wake("alerts.tasks.deliver", notification_id):
            return


def wake_backtests() -> None:
    """Have the backtests done that are waiting."""
    wake("alerts.tasks.run_backtests")
