"""Statuses of objects with very many labels are written one at a time, and those of others at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp import web

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import PutOffError
from adobe_ims_operator.kube.fair_turns import PLACE, Place
from adobe_ims_operator.kube.heavy_writes import MANY
from adobe_ims_operator.kube.paths import credentials_path
from unit.connecting import connected, serving

SECONDS = 0.05
"""That a write of a heavy one takes."""


class Api:
    """A server that takes its time for what is heavy, and counts how many of those are under way."""

    def __init__(self) -> None:
        self.under_way = self.most = 0
        self.writes: Counter[str] = Counter()

    async def patch(self, request: web.Request) -> web.Response:
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        self.writes[namespace] += 1
        if name.startswith("heavy"):
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await asyncio.sleep(SECONDS)
            self.under_way -= 1
        return web.json_response(
            {"metadata": {"namespace": namespace, "name": name, "uid": "u", "resourceVersion": "7"}}
        )


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
async def kube(api: Api) -> AsyncIterator[Kube]:
    path = credentials_path("{namespace}", "{name}").replace("%7B", "{").replace("%7D", "}")
    routes = web.patch(path, api.patch), web.patch(f"{path}/status", api.patch)
    async with serving(*routes) as url, connected(url, 100) as connection:
        yield connection


def metadata(labels: int) -> Mapping[str, Any]:
    return {"labels": {f"l{number}": "" for number in range(labels)}}


class Worker:
    """Work that writes the status of one credential."""

    def __init__(self, kube: Kube, key: Key, labels: int = MANY) -> None:
        self.kube, self.key = kube, key
        self.path = credentials_path(key.namespace, key.name)
        self.done = asyncio.Event()
        self.tries: list[asyncio.Task[None]] = []
        kube.heavy.note(self.path, metadata(labels))

    async def work(self) -> None:
        place = Place(self.key.namespace, self.key, self.begin)
        PLACE.set(place)
        try:
            await self.kube.patch(f"{self.path}/status", {})
        except PutOffError:
            return
        finally:
            self.kube.ended(place)
        self.done.set()

    def begin(self) -> None:
        self.tries.append(asyncio.ensure_future(self.work()))


def many(kube: Kube, namespaces: int, each: int) -> list[Worker]:
    keys = [Key(f"hog-{number % namespaces}", f"heavy-{number}") for number in range(namespaces * each)]
    workers = [Worker(kube, key) for key in keys]
    for worker in workers:
        worker.begin()
    return workers


async def finish(workers: list[Worker]) -> None:
    async with asyncio.timeout(60):
        await asyncio.gather(*(worker.done.wait() for worker in workers))


async def test_one_at_a_time(kube: Kube, api: Api) -> None:
    await finish(many(kube, 5, 4))
    assert api.most == 1
    assert sum(api.writes.values()) == 20


async def test_all_but_one_leave_their_places_meanwhile(kube: Kube) -> None:
    workers = many(kube, 10, 1)
    await asyncio.wait([worker.tries[0] for worker in workers], timeout=SECONDS / 2)
    assert sum(worker.tries[0].done() for worker in workers) >= 8
    await finish(workers)


async def test_others_do_not_wait(kube: Kube, api: Api) -> None:
    hogs = many(kube, 5, 4)
    await asyncio.sleep(SECONDS / 2)
    light = [Worker(kube, Key("photos", f"light-{number}"), MANY - 1) for number in range(10)]
    for worker in light:
        worker.begin()
    await finish(light)
    assert sum(api.writes.values()) - api.writes["photos"] <= 5
    await finish(hogs)


async def test_a_newcomer_waits_for_one_and_not_for_all(kube: Kube, api: Api) -> None:
    hogs = many(kube, 1, 12)
    await asyncio.sleep(SECONDS / 2)
    newcomer = Worker(kube, Key("photos", "heavy"))
    newcomer.begin()
    await finish([newcomer])
    assert api.writes["hog-0"] <= 4
    await finish(hogs)


async def test_who_has_no_place_waits(kube: Kube, api: Api) -> None:
    path = Worker(kube, Key("photos", "heavy")).path
    async with asyncio.timeout(20):
        await asyncio.gather(*(kube.patch(f"{path}/status", {}) for _ in range(4)))
    assert (api.most, api.writes["photos"]) == (1, 4)


@pytest.mark.parametrize("gone", [True, False])
async def test_what_is_gone_or_lighter_by_now_is_forgotten(kube: Kube, api: Api, *, gone: bool) -> None:
    path = Worker(kube, Key("photos", "heavy")).path
    kube.heavy.note(path, metadata(MANY if gone else 3), gone=gone)
    await asyncio.gather(*(kube.patch(f"{path}/status", {}) for _ in range(4)))
    assert api.most > 1


@pytest.mark.parametrize("field", ["annotations", "ownerReferences", "finalizers"])
async def test_all_that_the_api_server_checks_counts(kube: Kube, api: Api, field: str) -> None:
    path = Worker(kube, Key("photos", "heavy"), 0).path
    entries: Any = {f"a{n}": "" for n in range(MANY)} if field == "annotations" else [{} for _ in range(MANY)]
    kube.heavy.note(path, {field: entries})
    await asyncio.gather(*(kube.patch(f"{path}/status", {}) for _ in range(4)))
    assert api.most == 1
