from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from observability.telemetry.heartbeats import leave_heartbeat

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]

ROLES = ("beat", "timely", "bulk", "watch", "scrape")


def test_live_answers_without_asking_anything(client: Client, settings: object) -> None:
    response = client.get("/health/live")

    assert (response.status_code, response.json()["status"]) == (200, "ok")


def test_ready_speaks_of_database_migrations_and_redis(client: Client) -> None:
    response = client.get("/health/ready/")

    checks = {name: check["status"] for name, check in response.json()["checks"].items()}
    assert response.status_code == 200
    assert checks.items() >= {"database": "ok", "migrations": "ok", "redis": "ok"}.items()


def test_health_is_degraded_while_nothing_works_in_the_background(client: Client) -> None:
    response = client.get("/health")

    body = response.json()
    assert (response.status_code, body["status"]) == (200, "degraded")
    assert {name for name, check in body["checks"].items() if check["status"] == "failing"} >= {
        "beat",
        "watch",
        "scrape",
        "worker-timely",
        "worker-bulk",
    }


def test_heartbeats_make_the_background_healthy(client: Client) -> None:
    for role in ROLES:
        leave_heartbeat(role)

    checks = client.get("/health").json()["checks"]

    assert {checks[n]["status"] for n in ("beat", "watch", "worker-timely", "worker-bulk")} == {
        "ok"
    }


@pytest.mark.parametrize(("silence_seconds", "status"), [(30, "degraded"), (120, "failing")])
def test_silent_beat_is_noticed(client: Client, silence_seconds: float, status: str) -> None:
    leave_heartbeat("beat", at=time.time() - silence_seconds)

    checks = client.get("/health").json()["checks"]

    assert checks["beat"]["status"] == status


@pytest.mark.parametrize(
    ("age_seconds", "status"), [(60, "degraded"), (2 * 86_400, "ok")], ids=["fresh", "old"]
)
def test_damaged_archive_of_own_metrics_is_told_for_a_day(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, age_seconds: float, status: str
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    damaged = tmp_path / "archive.json.damaged"
    damaged.touch()
    os.utime(damaged, (time.time() - age_seconds,) * 2)

    answer = client.get("/health")

    assert answer.json()["checks"]["own-metrics"]["status"] == status


def test_strangers_see_names_and_states_only(client: Client) -> None:
    checks = client.get("/health").json()["checks"]

    assert {frozenset(check) for check in checks.values()} == {frozenset({"status"})}


def test_users_see_what_to_do(client: Client) -> None:
    client.force_login(User.objects.create_user("operator"))

    checks = client.get("/health").json()["checks"]

    assert checks["beat"]["message"] == "Beat has not been seen; is it running?"
    assert checks["database"]["details"]["duration_ms"] >= 0


def test_wrong_key_does_not_close_health(client: Client) -> None:
    response = client.get("/health/live", headers={"Authorization": "Bearer op_wrong"})

    assert response.status_code == 200


def test_health_cannot_be_posted_to(client: Client) -> None:
    assert client.post("/health").status_code == 405
