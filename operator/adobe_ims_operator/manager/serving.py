"""HTTP, or HTTPS, for those who look after the process: kubelet and Prometheus.

Anybody who reaches the port may ask, so what one who asks can cost is bounded.
"""

import asyncio
import logging
import os
from collections.abc import Iterable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from adobe_ims_operator.manager.certificate import Certificate
from adobe_ims_operator.manager.tls import TlsListener

MAX_CONNECTIONS = 128
"""On one port; the oldest is closed for a new one, so that who keeps many open keeps no probe of kubelet out."""
MAX_LINE = 1024
"""Of a request, in bytes: its first line, and each header."""
MAX_HEADERS = 32
IDLE_SECONDS = 120.0
"""Longer than the usual pause between two scrapes."""


SLICE = 64 * 1024
READING_SECONDS = 10.0
"""Who has not read an answer by then reads it no more."""


class PortTakenError(Exception):
    """A port can't be listened on."""


class Server:
    """Serves routes on all addresses of the machine, on one port.

    Args:
        certificate: with which to serve them by TLS.
        longest_header: of a request, in bytes.
    """

    def __init__(
        self,
        port: int,
        routes: Iterable[web.RouteDef],
        certificate: Certificate | None = None,
        longest_header: int = MAX_LINE,
    ) -> None:
        logging.getLogger("aiohttp.server").addFilter(_is_no_bad_request)
        application = web.Application()
        application.add_routes(routes)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            shutdown_timeout=1.0,
            keepalive_timeout=IDLE_SECONDS,
            max_line_size=MAX_LINE,
            max_field_size=longest_header,
            max_headers=MAX_HEADERS,
            auto_decompress=False,
        )
        self.port = port
        self._certificate = certificate
        self._server: asyncio.Server | None = None
        self._tls: TlsListener | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            PortTakenError: something else does.
        """
        await self._runner.setup()
        try:
            if self._certificate is not None:
                self._tls = TlsListener(self.port, self._accept, self._certificate)
                return
            self._server = await asyncio.get_running_loop().create_server(self._accept, port=self.port)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise PortTakenError(
                f"port {self.port} can't be listened on: {why}; choose another by --metrics-port or --health-port"
            ) from None

    def _accept(self) -> asyncio.Protocol:
        server = self._runner.server
        if server is None:
            raise AssertionError("connections come only after the set-up")
        connections = [each for each in server.connections if each.transport is not None]
        for connection in connections[: max(0, len(connections) - MAX_CONNECTIONS + 1)]:
            if connection.transport is not None:
                connection.transport.abort()
        return server()

    async def stop(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
        if self._tls is not None:
            await self._tls.stop()
        await self._runner.cleanup()


def _is_no_bad_request(record: logging.LogRecord) -> bool:
    # aiohttp logs a request that it can't read as an error, with what it could not read: a token, and anybody's text.
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


async def send(
    request: web.Request, text: bytes, content_type: str, patience: float = READING_SECONDS
) -> web.StreamResponse:
    """Answer with a large text, of which no connection keeps a copy; who has not read it in time is cut off."""
    response = web.StreamResponse(headers={"Content-Type": content_type, "Content-Length": str(len(text))})
    try:
        async with asyncio.timeout(patience):
            await response.prepare(request)
            for start in range(0, len(text), SLICE):
                await response.write(text[start : start + SLICE])
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    return response
