"""What the workers do for the alerting; each task may run twice at once without harm."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from alerts.rules import changes, evaluation
from observability.metrics.backend import get_backend

# With the longest evaluation of one group this stays within the task's time limit.
_EVALUATION_BUDGET_SECONDS = 5.0


@shared_task(ignore_result=True, soft_time_limit=60, time_limit=70)
def evaluate_due() -> None:
    """Evaluate the rule groups that are due and that no other worker has."""
    evaluation.evaluate_due_groups(
        backend=get_backend(), clock=timezone.now, budget_seconds=_EVALUATION_BUDGET_SECONDS
    )
    changes.resolve_abandoned(now=timezone.now())
