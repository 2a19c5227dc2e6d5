"""Says to the workers at once what people wait for."""

from __future__ import annotations

from functools import partial

from django.db import transaction

from observability.telemetry.wakeups import wake


def wake_deletions() -> None:
    """Have deletions carried on that were just asked for."""
    transaction.on_commit(partial(wake, "observability.metrics.tasks.run_deletions"))
