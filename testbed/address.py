"""Addresses and ports for servers on this machine."""

import contextlib
import ipaddress
import secrets
import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """Where the API server listens, None being any free port, and whence Services get their cluster IPs."""

    host: str = "127.0.0.1"
    port: int | None = None
    # Cluster IPs that cannot leave this machine, whatever asks for them.
    services: str = "127.0.0.0/24"

    @property
    def names(self) -> set[str]:
        """What clients may call the API server; pods do so by the first of the cluster IPs."""
        first = str(ipaddress.ip_network(self.services)[1])
        return {"127.0.0.1", "localhost", "kubernetes.default.svc", self.host, first}

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback


LOOPBACK = Address()


def free_ports(count: int) -> list[int]:
    """Pick ports below those that systems give to outgoing connections.

    A client that retries while the API server is down could otherwise be given its very port, connect to
    itself, and keep the API server from coming back.
    """
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            listener = held.enter_context(socket.socket())
            port = 20000 + secrets.randbelow(12000)
            with contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", port))
                ports.append(port)
        return ports
