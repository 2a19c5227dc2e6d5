"""Hosts and ports, taken apart as Go's `net.SplitHostPort` does."""

from __future__ import annotations

from ipaddress import ip_address


def split_port(text: str) -> tuple[str, str] | None:
    """Return host and port of `host:port` or `[host]:port`; None when it is neither."""
    host, colon, port = text.rpartition(":")
    if not colon or set(port) & set("[]"):
        return None
    if host.startswith("[") and host.endswith("]"):
        inner = host[1:-1]
        return None if set(inner) & set("[]") else (inner, port)
    return None if set(host) & set(":[]") else (host, port)


def strip_port(text: str) -> str:
    """Return the host of `host:port`; what has no port stays."""
    parts = split_port(text)
    return text if parts is None else parts[0]


def strip_domain(text: str) -> str:
    """Return a host without its domain, and its port where it has one; addresses stay."""
    host, port = split_port(text) or (text, "")
    if _is_address(host):
        return text
    name = host.split(".")[0]
    if not port:
        return name
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return "%" not in host
