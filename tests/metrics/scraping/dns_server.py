"""A real DNS server on a loopback port that knows a few names."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset


@contextmanager
def serve_dns(records: Mapping[str, tuple[str, str]]) -> Iterator[dns.resolver.Resolver]:
    """Return a resolver that asks the server; `records` are type and text by full name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            while True:
                packet, sender = server.recvfrom(4096)
                if not packet:
                    return
                server.sendto(_reply(packet, records), sender)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = server.getsockname()[1]
        try:
            yield resolver
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", server.getsockname())
            thread.join()


def _reply(packet: bytes, records: Mapping[str, tuple[str, str]]) -> bytes:
    query = dns.message.from_wire(packet)
    response = dns.message.make_response(query)
    name = query.question[0].name.to_text()
    if name in records:
        kind, text = records[name]
        response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, text))
    else:
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response.to_wire()
