"""The answers to kubelet, over HTTP."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from kubernetes.aio.client import Configuration

from adobe_ims_operator.cache.secret_watch import SecretWatch
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.manager import health
from adobe_ims_operator.manager.serving import PortTakenError, Server
from testbed.address import free_ports


@pytest.fixture
def problems() -> dict[str, str | None]:
    return {"watch": None, "schedule": None, "state": None}


@pytest.fixture
async def url(problems: dict[str, str | None]) -> AsyncIterator[str]:
    port = free_ports(1)[0]
    live: dict[str, health.Check] = {"watch": lambda: problems["watch"], "schedule": lambda: problems["schedule"]}
    server = Server(port, health.routes(live, {"state": lambda: problems["state"]}))
    await server.start()
    yield f"http://127.0.0.1:{port}"
    await server.stop()


async def ask(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_all_is_well_where_no_check_finds_anything(url: str) -> None:
    assert await ask(f"{url}/livez") == (200, "[+]watch ok\n[+]schedule ok\n")
    assert await ask(f"{url}/readyz") == (200, "[+]state ok\n")


async def test_one_problem_is_enough_and_is_told(url: str, problems: dict[str, str | None]) -> None:
    problems["schedule"] = "work is 90 s late"
    assert await ask(f"{url}/livez") == (503, "[+]watch ok\n[-]schedule failed: work is 90 s late\n")
    assert (await ask(f"{url}/readyz"))[0] == 200


async def test_to_be_ready_and_to_be_alive_are_two_things(url: str, problems: dict[str, str | None]) -> None:
    problems["state"] = "not read yet"
    assert await ask(f"{url}/readyz") == (503, "[-]state failed: not read yet\n")
    assert (await ask(f"{url}/livez"))[0] == 200


async def test_nothing_else_is_answered(url: str) -> None:
    assert (await ask(f"{url}/"))[0] == 404


async def test_a_port_that_is_taken_is_told(url: str) -> None:
    port = int(url.rpartition(":")[2])
    with pytest.raises(PortTakenError, match=f"port {port} can't be listened on: "):
        await Server(port, []).start()


async def test_a_watch_on_secrets_that_stands_still_is_broken() -> None:
    async def load() -> Configuration:
        return Configuration()

    kube = Kube(Configuration(), 1, load)
    store = Store(lambda _key, _after: None)
    watch = SecretWatch(kube, store, "photos", lambda: 0.0, dead_after=0.3)
    assert watch.broken() is None
    assert watch.unready() == "the Secrets in namespace photos were not read yet"
    await asyncio.sleep(0.35)
    assert (watch.broken() or "").startswith("the watch on Secrets in namespace photos has stood still for")
    running = asyncio.create_task(watch.run())
    await asyncio.sleep(0.01)
    assert watch.broken() is None, "an attempt is progress, whether or not the API server answers"
    running.cancel()
    await kube.close()
