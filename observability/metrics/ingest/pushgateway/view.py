"""`PUT`, `POST` and `DELETE` on `/metrics/job/<job>{/<label>/<value>}`, as of the Pushgateway.

Source: prometheus/pushgateway, README, "API".
"""

from __future__ import annotations

import time

from django.http import HttpRequest, HttpResponse

from observability.metrics.errors import MalformedBodyError, UnsupportedMediaError
from observability.metrics.ingest.body import read_body
from observability.metrics.ingest.compression import decompress
from observability.metrics.ingest.door import ingest_door
from observability.metrics.ingest.exposition_text.exposition import TextFormat, format_of
from observability.metrics.ingest.pushgateway import groups
from observability.metrics.ingest.pushgateway.families import read_families
from observability.metrics.ingest.pushgateway.grouping import grouping_labels
from observability.metrics.ingest.pushgateway.lifetimes import read_lifetime_ms
from observability.metrics.ingest.pushgateway.upkeep import PROTOCOL
from observability.metrics.ingest.sender import Sender
from observability.metrics.instruments import SAMPLES_INGESTED


@ingest_door(PROTOCOL, methods=("PUT", "POST", "DELETE"))
def pushgateway(
    request: HttpRequest, sender: Sender, *, path: str, is_base64: bool = False
) -> HttpResponse:
    """Replace a group, replace some of its metrics, or delete it.

    200 once what was pushed is durable, 400 when nothing of it was taken, 202 for a deletion.
    """
    grouping = groups.Grouping(grouping_labels(path, is_base64=is_base64), sender.added_labels)
    now_ms = int(time.time() * 1000)
    if request.method == "DELETE":
        groups.delete(grouping, now_ms=now_ms)
        return HttpResponse(status=202)
    body = decompress(read_body(request), request.META.get("HTTP_CONTENT_ENCODING", ""))
    own_lifetime_ms = _own_lifetime_ms(request)
    text_format = _format(request)
    try:
        families = read_families(
            body, text_format, labels=grouping.labels, added_labels=sender.added_labels
        )
        groups.push(
            grouping,
            families,
            replaces_all=request.method == "PUT",
            own_lifetime_ms=own_lifetime_ms,
            sender=sender,
            now_ms=now_ms,
        )
    except MalformedBodyError:
        groups.note_failure(grouping, sender=sender, now_ms=now_ms)
        raise
    SAMPLES_INGESTED.labels(protocol=PROTOCOL).inc(sum(len(f.samples) for f in families.values()))
    return HttpResponse(status=200)


def _format(request: HttpRequest) -> TextFormat:
    """Return the format of a body: text, whatever else it is said to be, as curl calls everything a form."""
    content_type = request.META.get("CONTENT_TYPE", "")
    if "protobuf" in content_type:
        raise UnsupportedMediaError(
            "pushes are taken as text, not as protobuf; in Go: push.New(...).Format(expfmt.FmtText)"
        )
    return format_of(content_type) or TextFormat.PROMETHEUS


def _own_lifetime_ms(request: HttpRequest) -> int | None:
    """Return after which time without a push the group is to go, None when the push does not say it."""
    text = request.headers.get("X-Push-Ttl") or request.GET.get("ttl")
    if not text:
        return None
    try:
        return read_lifetime_ms(text)
    except ValueError as error:
        raise MalformedBodyError(f"X-Push-Ttl or ?ttl=: {error}") from error
