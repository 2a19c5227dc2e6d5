"""One scrape: a target is asked, its answer read and held to the limits. Touches no database.

Source: Prometheus 3, scrape/scrape.go.
"""

from __future__ import annotations

import http
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from observability.access.errors import OutgoingError
from observability.access.outgoing import OutgoingResponse, fetch
from observability.metrics.errors import BodyTooLargeError, MalformedBodyError
from observability.metrics.ingest.exposition_text.exposition import (
    NO_TIMESTAMP,
    Exposition,
    TextFormat,
    format_of,
)
from observability.metrics.ingest.exposition_text.parsing import parse
from observability.metrics.samples import Metadata
from observability.metrics.scraping.errors import ScrapeError
from observability.metrics.scraping.sample_labels import Judgements, Scope, Sizes
from observability.metrics.scraping.terms import Limits, Terms

# As Prometheus asks, without the forms for names in UTF-8, which the store does not take.
_ACCEPT = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
# Only one thread can read at a time; bounds the memory of many large answers that come at once.
_reading = threading.BoundedSemaphore(2)
_judgements = Judgements()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraped:
    """What a scrape gave, after metric relabeling.

    Attributes:
        keys: For each sample its series line's key.
        values: float64, for each sample.
        timestamps_ms: int64, for each sample, NO_TIMESTAMP where that of the scrape counts;
            None when it counts for all.
        metadata: What the target says about metric families, by their name.
        exemplars: By the place of their sample, as the target has written them.
        scraped: How many samples there were before relabeling.
    """

    keys: Sequence[bytes]
    values: NDArray[np.float64]
    timestamps_ms: NDArray[np.int64] | None
    metadata: Mapping[str, Metadata]
    exemplars: Mapping[int, bytes]
    scraped: int


def scrape(url: str, scope: Scope, terms: Terms, *, timeout_ms: int) -> Scraped:
    """Return what a target answers.

    Raises:
        ScrapeError: It gives no right answer in time, or one beyond the limits.
    """
    return read(request(url, terms, timeout_ms=timeout_ms), scope, terms)


def request(url: str, terms: Terms, *, timeout_ms: int) -> OutgoingResponse:
    """Return a target's answer, whatever its status; raises `ScrapeError` when there is none."""
    headers = {
        "Accept": _ACCEPT,
        "Accept-Encoding": "gzip",
        "X-Prometheus-Scrape-Timeout-Seconds": f"{timeout_ms / 1000:g}",
    }
    if terms.authorization:
        headers["Authorization"] = terms.authorization
    try:
        return fetch(
            "GET",
            url,
            headers=headers,
            timeout_seconds=timeout_ms / 1000,
            max_response_bytes=terms.max_body_bytes,
            verify_tls=terms.verify_tls,
        )
    except OutgoingError as error:
        raise ScrapeError(str(error)) from error


def read(response: OutgoingResponse, scope: Scope, terms: Terms) -> Scraped:
    """Return the samples of an answer; raises `ScrapeError` when it is not one of metrics."""
    if response.status != 200:
        raise ScrapeError(f"the target answered with status {_status(response.status)}")
    media_type = response.headers.get("Content-Type", "")
    if media_type.lower().startswith("text/html"):
        raise ScrapeError("the target answered with a page (text/html), not with metrics")
    try:
        with _reading:
            # What says nothing sensible about itself is tried as the older format, as Prometheus 2 does.
            exposition = parse(response.body, format_of(media_type) or TextFormat.PROMETHEUS)
            return _kept(exposition, scope, terms)
    except (MalformedBodyError, BodyTooLargeError) as error:
        raise ScrapeError(str(error)) from error


def _kept(exposition: Exposition, scope: Scope, terms: Terms) -> Scraped:
    keys: Sequence[bytes] = exposition.keys
    values, times = exposition.values, exposition.timestamps_ms
    exemplars = exposition.exemplars
    limits = terms.limits
    if scope.rules or limits.are_on_labels:
        judged = _judgements.judge(scope, keys)
        is_kept = np.array([sizes is not None for sizes in judged], np.bool_)
        if not is_kept.all():
            keys = [key for key, sizes in zip(keys, judged, strict=True) if sizes is not None]
            values = values[is_kept]
            times = None if times is None else times[is_kept]
            places = np.cumsum(is_kept) - 1
            exemplars = {int(places[at]): one for at, one in exemplars.items() if is_kept[at]}
        fault = _label_fault(judged, limits)
    else:
        fault = ""
    if limits.samples and len(keys) > limits.samples:
        fault = f"sample limit exceeded: {len(keys):,} samples, {limits.samples:,} are allowed"
    if fault:
        raise ScrapeError(fault, scraped=len(exposition), kept=len(keys))
    if not terms.honor_timestamps or (times is not None and bool((times == NO_TIMESTAMP).all())):
        times = None
    return Scraped(
        keys=keys,
        values=values,
        timestamps_ms=times,
        metadata=exposition.metadata,
        exemplars=exemplars,
        scraped=len(exposition),
    )


def _label_fault(judged: Sequence[Sizes | None], limits: Limits) -> str:
    """Return which limit on labels a series exceeds, '' when none does."""
    if not limits.are_on_labels:
        return ""
    kept = [sizes for sizes in judged if sizes is not None]
    for what, limit, column in (
        ("label limit", limits.labels, 0),
        ("label name length limit", limits.label_name_length, 1),
        ("label value length limit", limits.label_value_length, 2),
    ):
        largest = max((sizes[column] for sizes in kept), default=0)
        if limit and largest > limit:
            return f"{what} exceeded: {largest:,}, {limit:,} are allowed"
    return ""


def _status(status: int) -> str:
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
