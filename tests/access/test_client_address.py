from __future__ import annotations

from ipaddress import ip_network

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from observability.access.client_address import UNKNOWN, client_address

PROXY = "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        pytest.param("203.0.113.9", "", "203.0.113.9", id="a direct client"),
        pytest.param("203.0.113.9", "127.0.0.1", "203.0.113.9", id="a direct client that lies"),
        pytest.param(PROXY, "203.0.113.9", "203.0.113.9", id="a client behind the proxy"),
        pytest.param(PROXY, "127.0.0.1, 203.0.113.9", "203.0.113.9", id="one that lies behind it"),
        pytest.param(PROXY, "203.0.113.9, 10.0.0.2", "203.0.113.9", id="two proxies"),
        pytest.param(PROXY, "10.0.0.3, 10.0.0.2", "10.0.0.3", id="nothing but proxies"),
        pytest.param(PROXY, "203.0.113.9:4711", "203.0.113.9", id="with a port"),
        pytest.param(PROXY, "[2001:db8::1]:4711", "2001:db8::1", id="IPv6 with a port"),
        pytest.param(PROXY, "2001:db8::1", "2001:db8::1", id="IPv6"),
        pytest.param(PROXY, "::ffff:203.0.113.9", "203.0.113.9", id="IPv4 in IPv6"),
        pytest.param(PROXY, "203.0.113.9, unknown", PROXY, id="an entry that is no address"),
        pytest.param(PROXY, "", PROXY, id="the proxy itself"),
        pytest.param("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9", id="a dual-stack socket"),
        pytest.param("", "203.0.113.9", "203.0.113.9", id="a proxy on a UNIX socket"),
        pytest.param("", "", UNKNOWN, id="a UNIX socket and no entry"),
    ],
)
def test_client_is_the_first_from_the_right_that_is_no_trusted_proxy(
    settings: Settings, peer: str, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/24")]
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)

    assert client_address(request) == expected


@pytest.mark.parametrize(("peer", "expected"), [(PROXY, PROXY), ("", UNKNOWN)])
def test_nobody_is_believed_without_trusted_proxies(
    settings: Settings, peer: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = []
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR="127.0.0.1")

    assert client_address(request) == expected
