from __future__ import annotations

from ipaddress import ip_address

import pytest

from observability.access.addresses import refusal

ALWAYS = [
    "169.254.169.254",
    "169.254.170.2",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "169.254.1.1",
    "fe80::1",
    "fe80::1%eth0",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "::",
    "::ffff:0.0.0.0",
    "240.0.0.1",
    "255.255.255.255",
    "::7f00:1",
    "2001:0:1::1",
]
WHEN_BLOCKED = [
    "127.0.0.1",
    "127.8.8.8",
    "::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "::ffff:192.168.1.1",
    "2002:a00:1::1",
    "64:ff9b::c0a8:101",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "fd12::1",
    "fec0::1",
]
ALLOWED = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize("address", ALWAYS)
def test_address_that_nobody_should_call_is_refused_whatever_the_settings(address: str) -> None:
    assert refusal(ip_address(address), block_private=False)
    assert refusal(ip_address(address), block_private=True)


@pytest.mark.parametrize("address", WHEN_BLOCKED)
def test_private_address_is_refused_only_when_these_are_blocked(address: str) -> None:
    assert refusal(ip_address(address), block_private=False) is None
    assert refusal(ip_address(address), block_private=True)


@pytest.mark.parametrize("address", ALLOWED)
def test_public_address_is_called(address: str) -> None:
    assert refusal(ip_address(address), block_private=True) is None
