"""Which network addresses the portal may call, judged by what the address really leads to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, Google, DigitalOcean, Hetzner, OpenStack
        "169.254.170.2",  # AWS ECS: credentials of the task
        "169.254.170.23",  # AWS EKS: credentials of the pod
        "fd00:ec2::254",  # AWS over IPv6
        "fd00:ec2::23",  # AWS EKS over IPv6
        "fd20:ce::254",  # Google over IPv6
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle's older one
        "168.63.129.16",  # Azure's host agent; a public address that never leaves the host
    )
)
"""Services that hand out a machine's credentials to whoever asks from it; never called, whatever the settings."""

_THIS_NETWORK = ip_network("0.0.0.0/8")
_NAT64 = ip_network("64:ff9b::/96")
_TEREDO = ip_network("2001::/32")


def refusal(address: Address, *, block_private: bool) -> str | None:
    """Return why the portal does not call `address`, or None when it may.

    An IPv4 address inside an IPv6 one (mapped, 6to4, NAT64) is judged as the IPv4 address
    that it leads to.

    Args:
        address: One address that a host name resolved to.
        block_private: Refuse the machine itself and private networks too (`BLOCK_PRIVATE_URLS`).
    """
    address = _without_zone(address)
    inner = _embedded(address) or address
    if inner in METADATA or address in METADATA:
        return "it is a cloud metadata service"
    if inner.is_unspecified or inner in _THIS_NETWORK:
        return "it is not the address of any machine"
    if inner.is_link_local:
        return "it is a link-local address"
    if inner.is_multicast:
        return "it is a multicast address"
    if inner.is_loopback:
        return "it is this machine itself" if block_private else None
    # `::/8` and the like: nothing that a host name should ever resolve to.
    if inner.is_reserved or inner in _TEREDO:
        return "it is a reserved address"
    # Private, carrier-grade NAT (100.64.0.0/10), documentation and benchmark networks.
    if block_private and (not inner.is_global or _is_site_local(inner)):
        return "it is a private address"
    return None


def _without_zone(address: Address) -> Address:
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return IPv6Address(int(address))
    return address


def _embedded(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address leads to, if it is of such a form."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def _is_site_local(address: Address) -> bool:
    return isinstance(address, IPv6Address) and address.is_site_local
