"""What is particular to the transport that asks IMS without a proxy; the tests of the client have the rest."""

import asyncio
from pathlib import Path

import aiohttp
import httpx
import pytest

from adobe_ims_operator.adobe.direct_transport import DirectTransport
from adobe_ims_operator.adobe.tls_trust import load_trust
from testbed.stand_in import StandIn


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


@pytest.mark.parametrize(("interim", "passes"), [(3, True), (1000, False)])
async def test_only_a_few_interim_responses_are_passed_over(interim: int, passes: bool) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * interim + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    transport = DirectTransport(load_trust(None), connect=1, keepalive=1)
    request = httpx.Request("GET", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    if passes:
        response = await transport.handle_async_request(request)
        assert (response.status_code, await response.aread()) == (200, b"ok")
        await response.aclose()
    else:
        with pytest.raises(aiohttp.ClientPayloadError, match="interim"):
            await transport.handle_async_request(request)
    await transport.aclose()
    server.close()
    await server.wait_closed()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_request_that_is_given_up_leaves_no_connection_that_waits_for_the_server(stand_in: StandIn) -> None:
    url = f"{stand_in.url}/ims/token/v3"
    first = DirectTransport(load_trust(stand_in.ca), connect=5, keepalive=1)  # which has the loop open what it keeps
    await (await first.handle_async_request(httpx.Request("POST", url))).aread()
    await first.aclose()
    stand_in.reset()
    stand_in.rules([{"behaviour": "hang"}])
    transport = DirectTransport(load_trust(stand_in.ca), connect=5, keepalive=1)
    assert stand_in.requests().total == 0
    before = open_files()
    asked = asyncio.create_task(transport.handle_async_request(httpx.Request("POST", url)))
    for _ in range(500):
        if stand_in.requests().total:
            break
        await asyncio.sleep(0.02)
    assert open_files() > before
    with stand_in.frozen():
        asked.cancel()
        await asyncio.wait([asked])
        await asyncio.sleep(0.1)
        assert open_files() == before
    await transport.aclose()
