"""Signs of life that processes leave in Redis, where every other process can judge them."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass

import msgspec
from django_redis import get_redis_connection

_KEY = "telemetry:heartbeats"
# Processes that ended are forgotten after this; until then their silence is visible.
_FORGET_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """When a process was last seen.

    Attributes:
        role: What it does: beat, watch, timely, bulk, ...
        node: The host name.
        pid: Its process id on that host.
        at: Unix time in seconds.
    """

    role: str
    node: str
    pid: int
    at: float


def leave_heartbeat(role: str, *, at: float | None = None) -> None:
    """Say that this process is alive in a role; raises `redis.RedisError` when Redis is away."""
    beat = Heartbeat(
        role=role, node=socket.gethostname(), pid=os.getpid(), at=time.time() if at is None else at
    )
    name = f"{role}:{beat.node}:{beat.pid}"
    get_redis_connection("default").hset(_KEY, name, msgspec.json.encode(beat))


def withdraw_heartbeat(role: str) -> None:
    """Say that this process ends on purpose, so nobody waits for it."""
    name = f"{role}:{socket.gethostname()}:{os.getpid()}"
    get_redis_connection("default").hdel(_KEY, name)


def heartbeats() -> list[Heartbeat]:
    """Return the newest sign of life of each process, and forget those that are long gone."""
    connection = get_redis_connection("default")
    decoder = msgspec.json.Decoder(Heartbeat)
    oldest = time.time() - _FORGET_SECONDS
    found: list[Heartbeat] = []
    for name, encoded in connection.hgetall(_KEY).items():
        beat = decoder.decode(encoded)
        if beat.at < oldest:
            connection.hdel(_KEY, name)
        else:
            found.append(beat)
    return found


def heartbeat_age(role: str) -> float | None:
    """Return the seconds since any process was alive in a role; None when there was none of late."""
    times = [beat.at for beat in heartbeats() if beat.role == role]
    return max(0.0, time.time() - max(times)) if times else None
