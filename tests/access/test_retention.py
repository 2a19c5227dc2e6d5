from __future__ import annotations

from datetime import timedelta

import pytest
from axes.models import AccessAttempt, AccessBase, AccessFailureLog, AccessLog
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from pytest_django import Settings

from observability.access import retention
from observability.access.retention import SIGN_INS_KEPT, delete_old_sign_ins
from observability.access.tasks import delete_old_access_records
from observability.celery import app

from .cast import NOW

pytestmark = pytest.mark.django_db

MODELS = [AccessAttempt, AccessFailureLog, AccessLog]


def note(model: type[AccessBase], age: timedelta, *, user: str = "ann") -> None:
    made = model(username=user, ip_address="192.0.2.1", http_accept="", path_info="/")
    if isinstance(made, AccessAttempt):
        made.failures_since_start = 1
    made.save()
    model._default_manager.filter(pk=made.pk).update(attempt_time=NOW - age)


@pytest.mark.parametrize("model", MODELS)
def test_records_of_sign_ins_are_kept_for_ninety_days(model: type[AccessBase]) -> None:
    note(model, timedelta(days=89), user="young")
    note(model, timedelta(days=91), user="old")

    deleted = delete_old_sign_ins(now=NOW)

    assert deleted == 1
    assert [record.username for record in model._default_manager.all()] == ["young"]


def test_many_records_are_deleted_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH_ROWS", 2)
    for days in range(5):
        note(AccessLog, SIGN_INS_KEPT + timedelta(days=days + 1))

    assert delete_old_sign_ins(now=NOW) == 5
    assert not AccessLog.objects.exists()


def test_sessions_that_have_ended_are_deleted() -> None:
    for seconds in (-60, 60):
        session = SessionStore()
        session.set_expiry(timezone.now() + timedelta(seconds=seconds))
        session.create()

    delete_old_access_records()

    (left,) = Session.objects.all()
    assert left.expire_date > timezone.now()


def test_beat_asks_for_it_once_a_day_in_the_queue_of_long_work(settings: Settings) -> None:
    task = delete_old_access_records.name

    [tick] = [e for e in settings.CELERY_BEAT_SCHEDULE.values() if e["task"] == task]

    assert tick["schedule"].run_every == timedelta(days=1)
    assert app.amqp.router.route({}, task)["queue"].name == "bulk"
