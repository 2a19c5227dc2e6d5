"""The network address of the client, behind as many proxies as the operator trusts."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "0.0.0.0"  # noqa: S104 (nothing is bound to it)
"""What stands for a client that has no address, such as a peer on a UNIX socket; in no network that is ever trusted."""


def client_address(request: HttpRequest) -> str:
    """Return the client's IP address.

    `X-Forwarded-For` is believed only as far as `TRUSTED_PROXIES` vouch for it: from the
    right, each entry was written by the proxy after it, so the first that is not itself a
    trusted proxy is the client. What stands left of it anybody may have made up.
    """
    peer = _parse(request.META.get("REMOTE_ADDR", ""))
    if peer is None:
        # gunicorn on a UNIX socket: the peer is a proxy on this machine, trusted if any is.
        if not settings.TRUSTED_PROXIES:
            return UNKNOWN
    elif not _is_trusted(peer):
        return str(peer)
    client = peer
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    for entry in reversed(forwarded.split(",")):
        address = _parse(entry.strip())
        if address is None:
            break
        client = address
        if not _is_trusted(address):
            break
    return UNKNOWN if client is None else str(client)


def _is_trusted(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address in `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A dual-stack socket reports IPv4 clients in this form; networks are given as IPv4.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
