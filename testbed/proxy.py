"""A CONNECT proxy for tests, as HTTPS_PROXY names one: it tells what it was asked, and what it could read.

It runs in a thread of its own. `routes` stands in for DNS: it sends a target elsewhere, as a host name that only
the proxy knows.
"""

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from typing import Self

Address = tuple[str, int]

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
LONGEST_HEAD = 16 << 10
CHUNK = 64 << 10


class Proxy:
    """`with Proxy() as proxy:`; it listens on 127.0.0.1, again on the same port after `stop` and `start`.

    Args:
        routes: where to connect to for a target `host:port`; other targets are taken as they are.
    """

    def __init__(self, routes: Mapping[str, Address] | None = None) -> None:
        self._routes = dict(routes or {})
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None
        self._tunnels: set[asyncio.Task[None]] = set()
        self.refuse_with: int | None = None
        """The status that all requests are refused with, if any; tunnels that are open stay."""
        self.targets: list[str] = []
        """What each request asked for, as `host:port` or, if it was no CONNECT, as its whole request line."""
        self.heads: list[str] = []
        """The request line and headers of each request."""
        self.passed = bytearray()
        """All that clients sent through tunnels."""

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        assert self._thread is not None
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def environment(self, no_proxy: str = "") -> dict[str, str]:
        """What has a program use this proxy for https, and none but it, whatever this machine's own are."""
        variables = dict.fromkeys(VARIABLES, "") | {"HTTPS_PROXY": self.url, "NO_PROXY": no_proxy}
        return variables | {name.lower(): value for name, value in variables.items()}

    def start(self) -> None:
        """Listen."""
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    def stop(self) -> None:
        """Refuse connections, and end all tunnels."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self._port, limit=LONGEST_HEAD)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for tunnel in self._tunnels:
            tunnel.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tunnel = self._loop.create_task(self._serve(reader, writer))
        self._tunnels.add(tunnel)
        tunnel.add_done_callback(self._tunnels.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, _ = head.split(" ", 2)
            self.heads.append(head)
            self.targets.append(target if method == "CONNECT" else head.splitlines()[0])
            status = self.refuse_with or (200 if method == "CONNECT" else 405)
            if status != 200:
                writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
                return
            await self._tunnel(target, reader, writer)

    async def _tunnel(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = target.rpartition(":")
        there, onward = await asyncio.open_connection(*self._routes.get(target, (host, int(port))))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        async with asyncio.TaskGroup() as ways:
            ways.create_task(_copy(reader, onward, self.passed))
            ways.create_task(_copy(there, writer, bytearray()))


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, seen: bytearray) -> None:
    # Where one side ends both do: a closed sink ends the copy that reads from it.
    with contextlib.closing(sink), contextlib.suppress(OSError):
        while chunk := await source.read(CHUNK):
            seen += chunk
            sink.write(chunk)
            await sink.drain()
