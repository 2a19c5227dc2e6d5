"""How long it is kept who signed in or tried to; without an end the tables would grow for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

from axes.models import AccessAttempt, AccessBase, AccessFailureLog, AccessLog

SIGN_INS_KEPT = timedelta(days=90)
BATCH_ROWS = 1000
"""Rows that are deleted at once, so that no statement takes long or holds many locks."""


def delete_old_sign_ins(*, now: datetime) -> int:
    """Delete the records of sign-ins, failed ones too, that are past keeping; return how many."""
    models: tuple[type[AccessBase], ...] = (AccessAttempt, AccessFailureLog, AccessLog)
    return sum(_delete_before(model, now - SIGN_INS_KEPT) for model in models)


def _delete_before(model: type[AccessBase], time: datetime) -> int:
    old = model._default_manager.filter(attempt_time__lt=time).order_by("pk")
    deleted = 0
    while batch := list(old.values_list("pk", flat=True)[:BATCH_ROWS]):
        model._default_manager.filter(pk__in=batch).delete()
        deleted += len(batch)
    return deleted
