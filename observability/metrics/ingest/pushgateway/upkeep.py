"""Pushed metrics live on between pushes: their samples are written again as if they were scraped."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

import numpy as np
from django.db import transaction
from django.db.models import Q

from observability.metrics.ingest.exposition_text.exposition import TextFormat
from observability.metrics.ingest.exposition_text.parsing import parse_lines
from observability.metrics.ingest.exposition_text.series_key import decode_key
from observability.metrics.ingest.intake import Incoming, take_in
from observability.metrics.ingest.pushgateway.groups import end, text_of, times_of
from observability.metrics.ingest.pushgateway.models import PushedMetric, PushGroup
from observability.metrics.ingest.sender import PORTAL

PROTOCOL = "pushgateway"

# How often a sample of each series is written; as often as scraping usually does it.
INTERVAL_MS = 15_000
# A little sooner is soon enough, as the ticks of the clock are not exact.
_DUE_MS = INTERVAL_MS * 2 // 3
# Bounds on one transaction.
_GROUPS_AT_ONCE = 500
_SERIES_AT_ONCE = 50_000

_logger = logging.getLogger(__name__)


def keep_alive(*, now_ms: int, seconds: float) -> None:
    """Delete groups that have expired, and write the samples of the others that are due.

    Several runs at once share the work; what one does not manage in `seconds` is left to the next.
    """
    deadline = time.monotonic() + seconds
    while _keep_some_alive(now_ms) and time.monotonic() < deadline:
        pass


def _keep_some_alive(now_ms: int) -> int:
    """Do some of the work, in one transaction; return of how many groups."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    with transaction.atomic():
        due = (
            PushGroup.objects.filter(Q(expires_at__lte=now) | Q(written_ms__lte=now_ms - _DUE_MS))
            .order_by("written_ms")
            .select_for_update(skip_locked=True)[:_GROUPS_AT_ONCE]
        )
        groups = _some_of(list(due))
        expired = [group for group in groups if group.expires_at and group.expires_at <= now]
        end(expired, now_ms=now_ms)
        _write([group for group in groups if group not in expired], now_ms)
    return len(groups)


def _some_of(groups: list[PushGroup]) -> list[PushGroup]:
    """Return the first groups, as many as hold few enough series, but at least one."""
    totals = np.cumsum([group.series_count for group in groups])
    return groups[: max(int(np.searchsorted(totals, _SERIES_AT_ONCE, side="right")), 1)]


def _write(groups: list[PushGroup], now_ms: int) -> None:
    if not groups:
        return
    metrics = PushedMetric.objects.filter(group__in=groups)
    texts = [*metrics.values_list("text", flat=True), *(text_of(times_of(g)) for g in groups)]
    exposition = parse_lines("".join(texts).encode(), TextFormat.PROMETHEUS)
    receipt = take_in(
        Incoming(
            keys=exposition.keys,
            series=np.arange(len(exposition)),
            timestamps_ms=exposition.times(now_ms),
            values=exposition.values,
            decode=decode_key,
        ),
        protocol=PROTOCOL,
        sender=PORTAL,
        now_ms=now_ms,
    )
    if fault := receipt.fault():
        _logger.warning("pushed metrics were not all written again: %s", fault)
    PushGroup.objects.filter(pk__in=[group.pk for group in groups]).update(written_ms=now_ms)
