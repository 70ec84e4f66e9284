"""What anybody who reaches a port may ask for, over HTTP: it is bounded, anyone who asks and however often."""

import asyncio
import resource
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
import trustme
import uvloop
from aiohttp import web

from adobe_ims_operator.adobe.client import IMSClient
from adobe_ims_operator.adobe.endpoints import ADOBE, Endpoints
from adobe_ims_operator.adobe.tls_trust import load_trust
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.controller import Controller
from adobe_ims_operator.core.forbidden_metadata import Forbidden
from adobe_ims_operator.kube.event_recorder import Recorder
from adobe_ims_operator.manager import health
from adobe_ims_operator.manager.certificate import Certificate
from adobe_ims_operator.manager.metrics import REUSE_SECONDS, Metrics
from adobe_ims_operator.manager.process import CLOCK
from adobe_ims_operator.manager.serving import MAX_CONNECTIONS, MAX_HEADERS, MAX_LINE, Server, send
from testbed.address import free_ports
from unit.flow import API, api_client, serving
from unit.worlds import credential

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)


@asynccontextmanager
async def listening(*routes: web.RouteDef) -> AsyncIterator[int]:
    port = free_ports(1)[0]
    server = Server(port, routes or health.routes({}, {}))
    await server.start()
    try:
        yield port
    finally:
        await server.stop()


async def get(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}", headers=headers) as response,
    ):
        return response.status, await response.text()


async def is_open(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0.05):
            await reader.read(1)
    except TimeoutError:
        return True
    except ConnectionError:
        pass
    return False


async def test_connections_that_are_kept_open_keep_nobody_out_and_are_bounded() -> None:
    async with listening() as port:
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_CONNECTIONS + 20)]
        assert await get(port, "/livez") == (200, "\n")
        left = [await is_open(reader) for reader, _ in opened]
        for _, writer in opened:
            writer.close()
    assert left[:20] == [False] * 20, "the oldest go first"
    assert MAX_CONNECTIONS - 2 <= sum(left) <= MAX_CONNECTIONS


@pytest.mark.parametrize(
    "headers",
    [{"X-Long": "x" * (MAX_LINE + 1)}, {f"X-{n}": "x" for n in range(MAX_HEADERS + 1)}],
    ids=["a long header", "many headers"],
)
async def test_a_large_request_is_refused_and_not_logged(
    headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with listening() as port:
        assert (await get(port, "/livez", headers))[0] == 400
        assert (await get(port, "/livez"))[0] == 200
    assert not caplog.records


@asynccontextmanager
async def metrics(now: Callable[[], datetime], credentials: int = 1) -> AsyncIterator[int]:
    """The port on which these are served, of a controller that knows so many credentials."""
    api = API([])
    async with serving(api):
        kube, ims = api_client(api), IMSClient(load_trust(None))
        controller = Controller(
            kube,
            ims,
            Recorder(kube, CLOCK.now, "operator-1"),
            Endpoints(ADOBE),
            clock=CLOCK,
            jitter=lambda: 0.0,
            random_hex=lambda: "0" * 16,
            forbidden=Forbidden(()),
            count=lambda *_: None,
            concurrency=1,
            qps=1,
        )
        for number in range(credentials):
            key = Key("photos", f"lightroom-{number}")
            controller.store.upsert_credential(replace(credential(), key=key, uid=f"uid-{number}"))
        served = Metrics()
        served.register(controller, lambda: True, now, dict)
        async with listening(*served.routes()) as port:
            yield port
        await ims.close()
        await kube.close()


async def test_all_who_ask_for_metrics_within_a_moment_get_one_text() -> None:
    written = 0

    def now() -> datetime:
        nonlocal written
        written += 1
        return NOW

    async with metrics(now) as port:
        answers = await asyncio.gather(*(get(port, "/metrics") for _ in range(20)))
        assert (written, len(set(answers))) == (1, 1)
        assert 'adobe_ims_credential_ready{name="lightroom-0",namespace="photos"} 0.0' in answers[0][1]
        await asyncio.sleep(REUSE_SECONDS + 0.1)
        await get(port, "/metrics")
        assert written == 2


async def test_metrics_of_many_credentials_hold_up_no_work() -> None:
    turns = 0

    async def work() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    async with metrics(lambda: NOW, credentials=2000) as port:
        working = asyncio.create_task(work())
        before = turns
        _, text = await get(port, "/metrics")
        working.cancel()
    assert text.count("adobe_ims_credential_ready{") == 2000
    assert turns - before > 10


async def test_who_asks_for_a_large_text_and_does_not_read_it_costs_no_copy_and_is_cut_off() -> None:
    text = b"x" * (32 * 2**20)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await send(request, text, "text/plain", patience=0.5)

    async with listening(web.get("/large", answer)) as port:
        tracemalloc.start()
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        for _, writer in opened:
            writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.3)
        now, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert now < 16 * 2**20
        await asyncio.sleep(0.5)
        assert len((await get(port, "/large"))[1]) == len(text)
        for reader, writer in opened:
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(len(text))
            writer.close()


def resident() -> int:
    """The memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_who_reads_nothing_by_tls_costs_no_copy_keeps_nobody_out_and_is_cut_off(
    tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    text, authority = b"x" * (32 * 2**20), trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    chain, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    chain.write_bytes(issued.cert_chain_pems[0].bytes())
    key.write_bytes(issued.private_key_pem.bytes())
    trust = ssl.create_default_context()
    authority.configure_trust(trust)

    ended = asyncio.Queue[None]()

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await send(request, text, "text/plain", patience=3)
        finally:
            ended.put_nowait(None)

    async def read_nothing(port: int) -> None:
        before = resident()
        opened = [await asyncio.open_connection("127.0.0.1", port, ssl=trust) for _ in range(20)]
        try:
            for _, writer in opened:
                writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.sleep(1)
            assert resident() - before < 100 * 2**20, "twenty of 32 MiB each"
            url = f"https://127.0.0.1:{port}/livez"
            async with aiohttp.ClientSession() as session, session.get(url, ssl=trust) as other:
                assert other.status == 200
            for _ in opened:
                await asyncio.wait_for(ended.get(), 10)
            for reader, _ in opened:
                with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                    await asyncio.wait_for(reader.readexactly(len(text)), 10)
        finally:
            for _, writer in opened:
                writer.transport.abort()

    async def serve() -> None:
        (port,) = free_ports(1)
        server = Server(port, [web.get("/large", answer), *health.routes({}, {})], Certificate(chain, key))
        await server.start()
        try:
            await read_nothing(port)
        finally:
            await server.stop()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(serve())
