"""The cluster's DNS: `SERVICE.NAMESPACE.svc.cluster.local` is the Service's cluster IP, and there is nothing else."""

import contextlib
import ipaddress
import socket
import struct
import threading
from typing import Self

from testbed.api import Api, ApiError

DOMAIN = "cluster.local"
DOMAIN_OF_SERVICES = ["svc", *DOMAIN.split(".")]
IPV4, INTERNET = 1, 1
ANSWER, AUTHORITATIVE, NO_SUCH_NAME = 0x8000, 0x0400, 3
NAME_OF_QUESTION = 0xC00C  # a pointer to right behind the header (RFC 1035, 4.1.4)


class Names:
    """A context manager: a server on UDP port 53 of `address`, which looks each name up by `api`."""

    def __init__(self, address: str, api: Api) -> None:
        self._api = api
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Wakes the thread, which close alone does not, even as it fails for want of a connection.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(512)
            if not client:
                return
            self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        labels, end = [], 12
        while length := query[end]:
            labels.append(query[end + 1 : end + 1 + length].decode().lower())
            end += 1 + length
        question = query[12 : end + 5]
        (kind,) = struct.unpack_from(">H", query, end + 1)
        address = self._cluster_ip(labels)
        found = b""
        if address and kind == IPV4:
            found = struct.pack(
                ">HHHIH4s", NAME_OF_QUESTION, IPV4, INTERNET, 1, 4, ipaddress.ip_address(address).packed
            )
        flags = ANSWER | AUTHORITATIVE | (0 if address else NO_SUCH_NAME)
        return query[:2] + struct.pack(">HHHHH", flags, 1, bool(found), 0, 0) + question + found

    def _cluster_ip(self, labels: list[str]) -> str | None:
        if labels[2:] != DOMAIN_OF_SERVICES:
            return None
        try:
            found = self._api.get(f"/api/v1/namespaces/{labels[1]}/services/{labels[0]}")
        except ApiError:
            return None
        return str(found["spec"]["clusterIP"])
