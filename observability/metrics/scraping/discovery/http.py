"""Targets that a service lists at an HTTP address, as JSON."""

from __future__ import annotations

import json
from typing import Any

from observability.access.errors import OutgoingError
from observability.access.outgoing import fetch
from observability.metrics.scraping.discovery.target_lists import read_groups
from observability.metrics.scraping.errors import DiscoveryError
from observability.metrics.scraping.targets import TargetGroup

TIMEOUT_SECONDS = 10
MAX_BYTES = 8 * 1024 * 1024


def find(config: dict[str, Any]) -> list[TargetGroup]:
    """Return the groups that the service lists now.

    Raises:
        DiscoveryError: It does not answer with such a list.
    """
    url = config["url"]
    try:
        response = fetch(
            "GET",
            url,
            headers={
                "Accept": "application/json",
                "X-Prometheus-Refresh-Interval-Seconds": str(config.get("refresh_seconds", 60)),
            },
            timeout_seconds=TIMEOUT_SECONDS,
            max_response_bytes=MAX_BYTES,
        )
    except OutgoingError as error:
        raise DiscoveryError(str(error)) from error
    if response.status != 200:
        raise DiscoveryError(f"the service answered with status {response.status}")
    if not response.headers.get("Content-Type", "").startswith("application/json"):
        raise DiscoveryError("the service's answer is not application/json")
    try:
        listed = json.loads(response.body)
    except (ValueError, RecursionError) as error:
        raise DiscoveryError("the service's answer is not valid JSON") from error
    return read_groups(listed, where="the answer", added_labels={"__meta_url": url})
