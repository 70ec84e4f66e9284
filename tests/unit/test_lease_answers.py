"""A Lease that no API server would keep: it ends no loop, and nobody leads by it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import Configuration

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import InvalidAnswerError
from adobe_ims_operator.kube.lease import LEASE_DURATION, RENEW_DEADLINE, LeaderElector

METADATA = {"name": "it", "namespace": "home", "uid": "uid", "resourceVersion": "7"}
FREE = {"holderIdentity": "", "leaseDurationSeconds": 1}
ODD: list[Any] = [
    [],
    "text",
    7,
    False,
    {"holderIdentity": 7},
    {"holderIdentity": ["one"]},
    {"holderIdentity": {}},
    {"holderIdentity": False},
    {"holderIdentity": "other", "leaseDurationSeconds": "15"},
    {"holderIdentity": "other", "leaseDurationSeconds": -1},
    {"holderIdentity": "other", "leaseDurationSeconds": 1.5},
    {"holderIdentity": "other", "leaseDurationSeconds": True},
    {"holderIdentity": "other", "leaseDurationSeconds": 10**30},
    FREE | {"leaseTransitions": "many"},
    FREE | {"acquireTime": 7},
]


class API:
    """It has one Lease, whose spec is `spec` to who reads; it answers writes with `written`, or as it should."""

    def __init__(self, spec: object) -> None:
        self.spec = spec
        self.written: object = None
        self.reads = self.writes = 0

    async def read(self, _: web.Request) -> web.Response:
        self.reads += 1
        return web.json_response({"metadata": METADATA, "spec": self.spec})

    async def write(self, request: web.Request) -> web.Response:
        self.writes += 1
        body = await request.json()
        return web.json_response(body if self.written is None else {"metadata": METADATA, "spec": self.written})


class Clock:
    """Seconds that go on when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def replica(api: API, clock: Clock) -> AsyncIterator[LeaderElector]:
    app = web.Application()
    path = "/apis/coordination.k8s.io/v1/namespaces/home/leases/it"
    app.add_routes([web.get(path, api.read), web.put(path, api.write)])
    async with TestServer(app) as server:

        async def load() -> Configuration:
            return Configuration()

        kube = Kube(Configuration(host=str(server.make_url("")).rstrip("/")), 4, load)
        try:
            yield LeaderElector(
                kube,
                Key("home", "it"),
                "one",
                monotonic=clock,
                now=lambda: datetime.now(UTC),
                on_started_leading=lambda *, another_led: None,  # noqa: ARG005
                on_stopped_leading=lambda: None,
            )
        finally:
            await kube.close()


async def test_a_lease_that_is_free_is_taken() -> None:
    api = API(FREE)
    async with replica(api, Clock()) as lease:
        await lease.attempt()
        assert (lease.leading, api.writes) == (True, 1)


@pytest.mark.parametrize("spec", ODD, ids=str)
async def test_nobody_leads_by_an_odd_lease_however_long_it_stands(spec: object) -> None:
    api, clock = API(spec), Clock()
    async with replica(api, clock) as lease:
        for _ in range(3):
            with pytest.raises(InvalidAnswerError):
                await lease.attempt()
            clock.now += LEASE_DURATION + 1
        assert (lease.leading, api.reads, api.writes) == (False, 3, 0)


@pytest.mark.parametrize("spec", ODD, ids=str)
async def test_odd_answers_to_renewals_renew_nothing(spec: object) -> None:
    api, clock = API(FREE), Clock()
    async with replica(api, clock) as lease:
        await lease.attempt()
        api.written = spec
        clock.now += RENEW_DEADLINE - 1
        with pytest.raises(InvalidAnswerError):
            await lease.attempt()
        assert lease.leading
        clock.now += 1
        assert not lease.leading


@pytest.mark.parametrize("spec", [7, {"holderIdentity": 7}], ids=str)
async def test_the_loop_goes_on_after_an_odd_lease(spec: object) -> None:
    api = API(spec)
    async with replica(api, Clock()) as lease:
        loop = asyncio.create_task(lease.run())
        async with asyncio.timeout(5):
            while not api.reads:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)
            api.spec = FREE
            while not lease.leading:
                assert not loop.done()
                await asyncio.sleep(0.01)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


async def test_a_lease_without_a_spec_is_free() -> None:
    api = API(None)
    async with replica(api, Clock()) as lease:
        await lease.attempt()
        assert (lease.leading, api.writes) == (True, 1)


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z", "yesterday"])
async def test_the_times_in_a_lease_decide_nothing(moment: str) -> None:
    times = {"renewTime": moment, "acquireTime": moment}
    api, clock = API({"holderIdentity": "other", "leaseDurationSeconds": 15, **times}), Clock()
    async with replica(api, clock) as lease:
        for wait in (LEASE_DURATION / 2, LEASE_DURATION / 4):
            await lease.attempt()
            assert (lease.leading, api.writes) == (False, 0)
            clock.now += wait
        await lease.attempt()
        assert not lease.leading
        clock.now += LEASE_DURATION / 4
        await lease.attempt()
        assert (lease.leading, api.writes) == (True, 1)
