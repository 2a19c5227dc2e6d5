"""Targets that are the answers to DNS queries.

Source: Prometheus 3, discovery/dns/dns.go.
"""

from __future__ import annotations

import time
from typing import Any

import dns.exception
import dns.resolver

from observability.metrics.scraping.discovery.target_lists import MAX_TARGETS
from observability.metrics.scraping.errors import DiscoveryError
from observability.metrics.scraping.targets import TargetGroup

TYPES = ("SRV", "A", "AAAA", "MX", "NS")
TIMEOUT_SECONDS = 10
# For all names together; less than the lease of the source (refreshing.py).
MAX_SECONDS = 30


def find(
    config: dict[str, Any], *, resolver: dns.resolver.Resolver | None = None
) -> list[TargetGroup]:
    """Return one group for each name, an address for each answer; a name without answers has none.

    Args:
        config: `names`, `type`, and `port` for all types but SRV, which brings its own.
        resolver: Asks the DNS; the system's by default.

    Raises:
        DiscoveryError: The DNS does not answer.
    """
    resolver = resolver or _system_resolver()
    deadline = time.monotonic() + MAX_SECONDS
    return [_find_one(name, config, resolver, deadline) for name in config["names"]]


def _system_resolver() -> dns.resolver.Resolver:
    try:
        return dns.resolver.get_default_resolver()
    except dns.exception.DNSException as error:
        raise DiscoveryError(f"this machine has no DNS server: {error}") from error


def _find_one(
    name: str, config: dict[str, Any], resolver: dns.resolver.Resolver, deadline: float
) -> TargetGroup:
    kind = config.get("type", "SRV")
    seconds = min(TIMEOUT_SECONDS, deadline - time.monotonic())
    if seconds <= 0:
        raise DiscoveryError(f"{name}: the DNS did not answer within {MAX_SECONDS} s for all names")
    try:
        answer = resolver.resolve(name, kind, lifetime=seconds, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        records: list[Any] = []
    except dns.exception.DNSException as error:
        raise DiscoveryError(f"{name}: the DNS gives no answer ({type(error).__name__})") from error
    else:
        records = list(answer)[:MAX_TARGETS]
    addresses = sorted(_address(record, kind, config.get("port", 0)) for record in records)
    return TargetGroup(addresses=addresses, labels={"__meta_dns_name": name})


def _address(record: Any, kind: str, port: int) -> str:
    match kind:
        case "SRV":
            return f"{_host(record.target)}:{record.port}"
        case "AAAA":
            return f"[{record.address}]:{port}"
        case "MX":
            return f"{_host(record.exchange)}:{port}"
        case "NS":
            return f"{_host(record.target)}:{port}"
        case _:
            return f"{record.address}:{port}"


def _host(name: Any) -> str:
    return str(name.to_text(omit_final_dot=True))
