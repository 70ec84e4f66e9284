"""An httpx transport on aiohttp, whose parser is C: a request costs less than half of what httpx's own transport takes.

As with each transport of httpx it is one request that is sent: no redirect is followed, no cookie kept, and nothing
decompressed.
"""

import ssl
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

import aiohttp
import httpx
from aiohttp.connector import Connection
from yarl import URL

MOST_INTERIM = 8
"""Responses that are read before the one that counts: a server needs none for such a request."""


class DirectTransport(httpx.AsyncBaseTransport):
    """Connections to servers that are asked without a proxy.

    Args:
        trust: whose certificates are accepted.
        connect: seconds in which a name must be resolved and a connection be there.
        keepalive: seconds for which a connection is kept between requests.
    """

    def __init__(self, trust: ssl.SSLContext, *, connect: float, keepalive: float) -> None:
        self._trust = trust
        self._keepalive = keepalive
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect)
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request whose content is in memory.

        Raises:
            httpx.ConnectError, httpx.ConnectTimeout: there was no connection, so that nothing was sent.
            aiohttp.ClientError: there was no answer.
        """
        if self._session is None:  # which asks for a running loop
            self._session = self._open()
        try:
            response = await self._session.request(
                request.method,
                _parse(str(request.url)),
                headers=request.headers.multi_items(),
                data=request.content or None,
                allow_redirects=False,
                timeout=self._timeout,
            )
        except aiohttp.ClientConnectorError as error:
            raise httpx.ConnectError("no connection") from error
        except aiohttp.ConnectionTimeoutError:
            # It is a TimeoutError, which to a caller inside `asyncio.timeout` is the end of that.
            raise httpx.ConnectTimeout("no connection in time") from None
        return httpx.Response(response.status, headers=response.raw_headers, stream=_Body(response))

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            response_class=_Response,
            connector=aiohttp.TCPConnector(ssl=self._trust, limit=0, keepalive_timeout=self._keepalive),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )


class _Response(aiohttp.ClientResponse):
    """A response before which only a few interim ones (1xx) are passed over; aiohttp passes over any number.

    One that is not read to its end takes its connection along at once.
    """

    def close(self) -> None:
        """End the connection; TLS would wait for the server to take note of that."""
        connection = self.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        super().close()

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Wait for the response.

        Raises:
            aiohttp.ClientPayloadError: too many interim responses came before it.
        """
        protocol, left = connection.protocol, MOST_INTERIM
        if protocol is None:
            raise aiohttp.ClientConnectionError("the connection is closed")
        read = protocol.read

        async def read_few() -> Any:
            nonlocal left
            if not left:
                if connection.transport is not None:
                    connection.transport.abort()
                raise aiohttp.ClientPayloadError("too many interim responses")
            left -= 1
            return await read()

        protocol.read = read_few  # type: ignore[method-assign]
        try:
            return await super().start(connection)
        finally:
            del protocol.read


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.content.iter_any():
            yield chunk

    async def aclose(self) -> None:
        self._response.close()


@lru_cache(maxsize=64)
def _parse(url: str) -> URL:
    return URL(url, encoded=True)
