"""What is particular to the transport that asks IMS without a proxy; the tests of the client have the rest."""

import asyncio

import httpx
import pytest

from adobe_ims_operator.adobe.direct_transport import DirectTransport
from adobe_ims_operator.adobe.tls_trust import load_trust


async def _never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def test_a_handshake_that_takes_too_long_is_a_timeout_of_connecting() -> None:
    silent = await asyncio.start_server(_never_answer, "127.0.0.1", 0)
    transport = DirectTransport(load_trust(None), connect=0.2, keepalive=1)
    url = f"https://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    with pytest.raises(httpx.ConnectTimeout):
        await transport.handle_async_request(httpx.Request("GET", url))
    await transport.aclose()
    silent.close()
    await silent.wait_closed()
