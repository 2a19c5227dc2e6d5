"""The id that ties together everything one request causes, tasks included."""

from __future__ import annotations

import re
import uuid

HEADER = "X-Request-ID"
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def request_id_from(header: str | None) -> str:
    """Return the caller's id when it is safe to print, else a new one."""
    if header and _ACCEPTABLE.fullmatch(header):
        return header
    return uuid.uuid4().hex
