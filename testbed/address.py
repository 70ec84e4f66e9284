"""Addresses and ports for servers on this machine."""

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


_reserved: list[socket.socket] = []
"""One for each port that this process was given; the kernel closes them when the process ends."""


def free_ports(count: int) -> list[int]:
    """Pick TCP ports that no other process is given while this one lives, also while nothing listens on them.

    They are below those that systems give to outgoing connections. A client that retries while the API server is
    down could otherwise be given its very port, connect to itself, and keep the API server from coming back.
    """
    return [_free_port() for _ in range(count)]


def _free_port() -> int:
    while True:
        port = 20000 + secrets.randbelow(12000)
        # No server here speaks UDP, so who holds the UDP port of that number owns the TCP port.
        reservation = socket.socket(type=socket.SOCK_DGRAM)
        try:
            with socket.socket() as listener:
                reservation.bind(("127.0.0.1", port))
                listener.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        _reserved.append(reservation)
        return port
