"""Targets that are the answers to DNS queries.

Source: Prometheus 3, discovery/dns/dns.go.
"""

from __future__ import annotations

from typing import Any

import dns.exception
import dns.resolver

from observability.metrics.scraping.discovery.target_lists import MAX_TARGETS
from observability.metrics.scraping.errors import DiscoveryError
from observability.metrics.scraping.targets import TargetGroup

TYPES = ("SRV", "A", "AAAA", "MX", "NS")
TIMEOUT_SECONDS = 10


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
    return [_find_one(name, config, resolver or _system_resolver()) for name in config["names"]]


def _system_resolver() -> dns.resolver.Resolver:
    try:
        return dns.resolver.get_default_resolver()
    except dns.exception.DNSException as error:
        raise DiscoveryError(f"this machine has no DNS server: {error}") from error


def _find_one(name: str, config: dict[str, Any], resolver: dns.resolver.Resolver) -> TargetGroup:
    kind = config.get("type", "SRV")
    try:
        answer = resolver.resolve(name, kind, lifetime=TIMEOUT_SECONDS, raise_on_no_answer=False)
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
