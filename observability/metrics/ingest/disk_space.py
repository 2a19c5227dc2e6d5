"""Room on the disk: writes are refused before PostgreSQL has none left for its own log."""

from __future__ import annotations

import shutil
import time

from django.conf import settings

from observability.metrics.errors import DiskNearlyFullError
from observability.telemetry.health import CheckResult, Status

_MB = 1024 * 1024
# How long a look at the disk serves; it takes more than that to fill the last megabytes.
_FRESH_SECONDS = 2.0

# When the disk was looked at, and how much was free.
_last: tuple[float, int] = (float("-inf"), 0)


def require_room() -> None:
    """Let a write pass while there is room.

    Raises:
        DiskNearlyFullError: Less is free where the portal keeps its data than MIN_FREE_DISK_MB.
    """
    global _last  # noqa: PLW0603 (the memory of the process)
    minimum = settings.MIN_FREE_DISK_MB * _MB
    if not minimum:
        return
    now = time.monotonic()
    looked_at, free = _last
    if now - looked_at >= _FRESH_SECONDS:
        free = free_bytes()
        _last = (now, free)
    if free < minimum:
        raise DiskNearlyFullError(free_mb=free // _MB, minimum_mb=settings.MIN_FREE_DISK_MB)


def free_bytes() -> int:
    """Return how much is free where the portal keeps its data."""
    return shutil.disk_usage(settings.DATA_DIR).free


def check_room() -> CheckResult:
    """Tell whether writes are refused for want of room."""
    free_mb, minimum_mb = free_bytes() // _MB, settings.MIN_FREE_DISK_MB
    details = {"free_mb": free_mb, "minimum_mb": minimum_mb}
    if free_mb < minimum_mb:
        return CheckResult(
            status=Status.FAILING,
            message=f"Samples are refused: {DiskNearlyFullError(free_mb=free_mb, minimum_mb=minimum_mb)}.",
            details=details,
        )
    return CheckResult(status=Status.OK, message="There is room for samples.", details=details)
