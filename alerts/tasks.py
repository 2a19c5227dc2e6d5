"""What the workers do for the alerting; each task may run twice at once without harm."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from alerts import acknowledging, delivery, retention
from alerts.routing import flush
from alerts.rules import changes, evaluation, watched_folder
from alerts.rules.backtesting import runs
from observability.metrics.backend import get_backend

# With the longest evaluation of one group this stays within the task's time limit.
_EVALUATION_BUDGET_SECONDS = 5.0
# In one turn, in which nothing else of the bulk queue is done.
_SECONDS_OF_BACKTESTS = 10.0


@shared_task(ignore_result=True, soft_time_limit=60, time_limit=70)
def evaluate_due(*, is_patient: bool = False) -> None:
    """Evaluate the rule groups that are due and that no other worker has.

    Beat asks so patiently; who has just made a group due does not.
    """
    evaluation.evaluate_due_groups(
        backend=get_backend(),
        clock=timezone.now,
        budget_seconds=_EVALUATION_BUDGET_SECONDS,
        is_patient=is_patient,
    )
    changes.resolve_abandoned(now=timezone.now())


@shared_task(ignore_result=True, soft_time_limit=60, time_limit=70)
def flush_due() -> None:
    """Flush the alert groups that are due, and forget those that have long been at rest."""
    flush.flush_due(now=timezone.now())
    flush.forget_groups(now=timezone.now())


@shared_task(ignore_result=True, soft_time_limit=20, time_limit=30)
def deliver_due() -> None:
    """Queue the notifications that are due and that nobody has queued."""
    delivery.queue_due(now=timezone.now())


@shared_task(ignore_result=True, soft_time_limit=600, time_limit=660)
def delete_old_history() -> None:
    """Delete alerts, notifications and backtests that are older than `alerts.retention` keeps them."""
    retention.delete_old_notifications(now=timezone.now())
    retention.delete_old_alerts(now=timezone.now())
    retention.delete_old_revisions(now=timezone.now())
    retention.delete_old_backtests(now=timezone.now())


@shared_task(ignore_result=True, soft_time_limit=delivery.DEADLINE.seconds, time_limit=60)
def deliver(notification_id: int) -> None:
    """Make one attempt at a notification."""
    delivery.deliver(notification_id)


@shared_task(ignore_result=True, soft_time_limit=20, time_limit=30)
def expire_acknowledgements() -> None:
    """End the acknowledgements whose time has come."""
    acknowledging.expire_acknowledgements(now=timezone.now())


# The queries of one part of a backtest end the turn later than it should.
@shared_task(ignore_result=True, soft_time_limit=150, time_limit=180)
def run_backtests() -> None:
    """Go on with backtests, then make room for other work; several runs at once share them."""
    if runs.run_due(backend=get_backend(), clock=timezone.now, seconds=_SECONDS_OF_BACKTESTS):
        run_backtests.delay()


@shared_task(ignore_result=True, soft_time_limit=60, time_limit=70)
def take_up_rule_files() -> None:
    """Make rules what the files of the watched folder say."""
    watched_folder.take_up_changes(folder=settings.RULES_DIR, now=timezone.now())
