"""Accepts TLS connections, of which those that are not made up yet are bounded in number and time.

The loop's own TLS server shows a connection after its handshake only, so nobody could end one that never finishes.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from adobe_ims_operator.manager.certificate import Certificate

MAX_HANDSHAKES = 64
"""At once; the oldest is ended for a new one."""
HANDSHAKE_SECONDS = 5.0
PAUSE_SECONDS = 0.2
"""After a connection that could not be taken, as with too many open files."""


class TlsListener:
    """Listens on all addresses of the machine, on one port, until `stop`.

    Args:
        accept: makes the protocol of a connection.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, port: int, accept: Callable[[], asyncio.Protocol], certificate: Certificate) -> None:
        self._accept = accept
        self._certificate = certificate
        self._socket = _listen(port)
        self._handshakes: dict[asyncio.Task[None], None] = {}  # in order
        self._task = asyncio.create_task(self._run(), name="TLS")

    async def stop(self) -> None:
        """Accept no more, and end handshakes."""
        tasks = [self._task, *self._handshakes]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._socket)
            except OSError:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            if len(self._handshakes) >= MAX_HANDSHAKES:
                oldest = next(iter(self._handshakes))
                del self._handshakes[oldest]
                oldest.cancel()
            task = asyncio.create_task(self._shake_hands(connection), name="TLS handshake")
            self._handshakes[task] = None
            task.add_done_callback(lambda done: self._handshakes.pop(done, None))
            # A connection that waits is taken without a turn of the loop, and a task that never began closes nothing.
            await asyncio.sleep(0)

    async def _shake_hands(self, connection: socket.socket) -> None:
        # What a stranger sends wrong, or not at all, is no news.
        with contextlib.suppress(OSError, TimeoutError):
            try:
                async with asyncio.timeout(HANDSHAKE_SECONDS):
                    await asyncio.get_running_loop().connect_accepted_socket(
                        self._accept, connection, ssl=self._certificate.context()
                    )
            except BaseException:
                connection.close()
                raise


def _listen(port: int) -> socket.socket:
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    listening = socket.create_server(("", port), family=family, dualstack_ipv6=both, backlog=100)
    listening.setblocking(False)
    return listening
