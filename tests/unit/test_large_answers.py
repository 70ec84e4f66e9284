"""Large answers of the API server: many at once take no memory, and one namespace's hold up no other's."""

import asyncio
import json
import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from adobe_ims_operator.api.names import FIELD_MANAGER
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.kube import token_secret
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError, PutOffError, TooLargeError, UnreachableError
from adobe_ims_operator.kube.fair_turns import CALL_SECONDS, PLACE, Place
from adobe_ims_operator.kube.large_answers import LARGEST_BYTES, LargeAnswers
from adobe_ims_operator.kube.paths import secret_path
from adobe_ims_operator.kube.secret_metadata import MAX_OWNERS, observe_secret
from adobe_ims_operator.kube.transport import LARGE
from unit.connecting import connected, serving

MEBIBYTE = 2**20


def body_of(key: Key, size: int, nodes: int = 0) -> bytes:
    """A Secret of so many bytes, and of so many small values, which take longer to decode than one long one."""
    metadata: dict[str, Any] = {"namespace": key.namespace, "name": key.name, "uid": "u", "resourceVersion": "7"}
    metadata["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "K", "name": str(number), "uid": str(number)} for number in range(nodes)
    ]
    body = {"metadata": metadata, "data": {"filler": ""}}
    body["data"]["filler"] = "A" * max(0, size - len(json.dumps(body)))
    return json.dumps(body).encode()


class Api:
    """A server whose Secrets have the sizes that their names say."""

    def __init__(self) -> None:
        self.bodies: dict[tuple[str, int], bytes] = {}
        self.encodings: set[str | None] = set()
        self.requests: Counter[str] = Counter()
        self.stalls = False

    async def get(self, request: web.Request) -> web.StreamResponse:
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        size = int(name)
        self.requests[namespace] += 1
        self.encodings.add(request.headers.get("Accept-Encoding"))
        if (namespace, size) not in self.bodies:
            nodes = 12_000 if namespace.startswith("flood") else 0
            self.bodies[namespace, size] = body_of(Key(namespace, name), size, nodes)
        if self.stalls:
            response = web.StreamResponse()
            response.content_length = size
            await response.prepare(request)
            await response.write(self.bodies[namespace, size][: min(2 * LARGE, size // 2)])
            await asyncio.sleep(10)
            return response
        return web.Response(body=self.bodies[namespace, size], content_type="application/json")


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
async def kube(api: Api) -> AsyncIterator[Kube]:
    route = web.get("/api/v1/namespaces/{namespace}/secrets/{name}", api.get)
    async with serving(route) as url, connected(url, 100) as connection:
        yield connection


def read(kube: Kube, namespace: str, size: int) -> Any:
    return kube.get(secret_path(Key(namespace, str(size))))


async def test_many_large_answers_at_once_take_the_memory_of_few(kube: Kube) -> None:
    size = LARGEST_BYTES - 1000

    async def look() -> int:
        return len((await read(kube, "quiet", size))["data"]["filler"])

    await look()
    tracemalloc.start()
    try:
        assert min(await asyncio.gather(*(look() for _ in range(60)))) > size - 1000
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 64 * MEBIBYTE  # 60 of them are 120, and the server's buffers are in the same process


async def test_an_answer_of_another_namespace_waits_for_one_and_not_for_all(kube: Kube) -> None:
    done: list[str] = []

    async def note(namespace: str, size: int) -> None:
        await read(kube, namespace, size)
        done.append(namespace)

    flood = [asyncio.ensure_future(note("flood", 1_500_000)) for _ in range(12)]
    await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
    before = len(done)
    await note("photos", 100_000)
    assert done.count("flood") - before <= 3
    await asyncio.gather(*flood)


async def test_the_turn_of_one_that_is_cancelled_passes_on() -> None:
    ticks = iter([0.0, 0.0, 0.01, *[0.0] * 20])
    large, body = LargeAnswers(lambda: next(ticks)), b"[" + b"1," * LARGE + b"1]"
    await large.decode(body)  # and the next one after 0.03 s
    second, third = asyncio.ensure_future(large.decode(body)), asyncio.ensure_future(large.decode(body))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.03, second.cancel)
    time.sleep(0.06)  # noqa: ASYNC251 - so that the second gets its turn and is cancelled before it runs
    async with asyncio.timeout(10):
        assert len(await third) == LARGE + 1
    assert second.cancelled()


class Worker:
    """Work for one credential, which holds a place that others wait for."""

    def __init__(self, kube: Kube, namespace: str, size: int = 100_000, reads: int = 1, of: str | None = None) -> None:
        self.kube, self.namespace, self.size, self.reads, self.of = kube, namespace, size, reads, of
        self.tries: list[asyncio.Task[bool]] = []
        self.done = asyncio.Event()

    async def work(self) -> bool:
        """Try; whether that was put off."""
        place = Place(self.namespace, (self.namespace, self), self.begin)
        PLACE.set(place)
        try:
            for _ in range(self.reads):
                await read(self.kube, self.of or self.namespace, self.size)
        except PutOffError:
            return True
        finally:
            self.kube.ended(place)
        self.done.set()
        return False

    def begin(self) -> None:
        self.tries.append(asyncio.ensure_future(self.work()))


async def test_work_waits_for_a_turn_in_no_place_but_for_one(kube: Kube) -> None:
    workers = [Worker(kube, f"flood-{number}", 1_500_000) for number in range(6)]
    for worker in workers:
        worker.begin()
    assert sum(await asyncio.gather(*(worker.tries[0] for worker in workers))) >= 4
    async with asyncio.timeout(20):
        await asyncio.gather(*(worker.done.wait() for worker in workers))


async def test_what_was_large_is_not_asked_for_again_before_its_turn(kube: Kube, api: Api) -> None:
    workers = [Worker(kube, "flood", 1_500_000) for _ in range(8)]
    workers[0].begin()
    await workers[0].done.wait()
    for worker in workers[1:]:
        worker.begin()
    async with asyncio.timeout(60):
        await asyncio.gather(*(worker.done.wait() for worker in workers))
    assert sum(api.requests.values()) <= 2 * len(workers)
    assert max(len(worker.tries) for worker in workers) <= 4


async def test_namespaces_that_were_put_off_are_called_in_turn(kube: Kube) -> None:
    flood = [Worker(kube, "flood", 1_500_000) for _ in range(8)]
    for worker in flood:
        worker.begin()
    await asyncio.wait([worker.tries[0] for worker in flood])
    other = Worker(kube, "photos")
    other.begin()
    assert await other.tries[0]
    async with asyncio.timeout(20):
        await other.done.wait()
        assert sum(worker.done.is_set() for worker in flood) <= 4
        await asyncio.gather(*(worker.done.wait() for worker in flood))


async def test_who_takes_little_waits_for_few_of_those_who_take_long_each_time(kube: Kube) -> None:
    """As for a first token, which a worker reads the client Secret for and then an asker."""
    flood = [Worker(kube, f"flood-{number % 8}", 1_500_000) for number in range(24)]
    for worker in flood:
        worker.begin()
    await asyncio.wait([worker.tries[0] for worker in flood])
    while sum(worker.done.is_set() for worker in flood) < 9:  # noqa: ASYNC110 - each is to have had its first turn
        await asyncio.sleep(0.01)
    before = sum(worker.done.is_set() for worker in flood)
    for _ in range(2):
        other = Worker(kube, "photos")
        other.begin()
        async with asyncio.timeout(30):
            await other.done.wait()
    assert sum(worker.done.is_set() for worker in flood) - before <= 5
    async with asyncio.timeout(60):
        await asyncio.gather(*(worker.done.wait() for worker in flood))


async def test_one_that_is_called_and_does_not_come_holds_up_the_next_for_a_moment(kube: Kube) -> None:
    workers = [Worker(kube, f"flood-{number}", 1_500_000) for number in range(5)]
    for worker in workers:
        worker.begin()
    for worker in workers:
        if await worker.tries[0]:
            break
    worker.size = 1_000  # it finds another object small by now
    async with asyncio.timeout(20):
        await asyncio.gather(*(worker.done.wait() for worker in workers))


async def test_those_that_are_called_and_need_nothing_any_more_hold_up_nobody(kube: Kube) -> None:
    workers = [Worker(kube, f"flood-{number}", 1_500_000) for number in range(16)]
    for worker in workers:
        worker.begin()
    put_off = [worker for worker in workers if await worker.tries[0]]
    for worker in put_off[:-1]:
        worker.size = 1_000
    async with asyncio.timeout(len(put_off) * CALL_SECONDS / 2):  # where each of them took all of its time
        await asyncio.gather(*(worker.done.wait() for worker in workers))


async def test_turns_go_by_who_reads_and_not_by_whose_object_it_is(kube: Kube) -> None:
    flood = [Worker(kube, "flood", 1_500_000, of="flood-platform") for _ in range(12)]
    for worker in flood:
        worker.begin()
    await asyncio.wait([worker.tries[0] for worker in flood])
    other = Worker(kube, "photos", 1_500_000, of="flood-platform")
    other.begin()
    async with asyncio.timeout(20):
        await other.done.wait()
        assert sum(worker.done.is_set() for worker in flood) <= 5
        await asyncio.gather(*(worker.done.wait() for worker in flood))


async def test_work_that_needs_several_large_answers_comes_to_an_end(kube: Kube) -> None:
    workers = [Worker(kube, f"flood-{number}", 1_000_000, reads=3) for number in range(4)]
    for worker in workers:
        worker.begin()
    async with asyncio.timeout(30):
        await asyncio.gather(*(worker.done.wait() for worker in workers))


async def test_one_that_can_not_be_read_holds_up_nobody(kube: Kube, api: Api) -> None:
    api.stalls = True
    with pytest.raises(UnreachableError):
        await read(kube, "photos", 1_000_000)
    api.stalls = False
    async with asyncio.timeout(1):  # and not three times as long as that one took
        await read(kube, "photos", 100_000)


@pytest.mark.parametrize("size", [1_000, LARGE + 1_000])
async def test_answers_that_stop_halfway_give_their_connections_back(api: Api, size: int) -> None:
    route = web.get("/api/v1/namespaces/{namespace}/secrets/{name}", api.get)
    async with serving(route) as url, connected(url, patience=0.2) as kube:
        api.stalls = True
        errors = await asyncio.gather(*(read(kube, "photos", size) for _ in range(40)), return_exceptions=True)
        assert {type(error) for error in errors} == {UnreachableError}  # which hold what raised them until the end
        api.stalls = False
        await read(kube, "photos", 1_000)


async def test_an_object_that_is_larger_than_any_valid_one_is_not_read(kube: Kube) -> None:
    with pytest.raises(TooLargeError, match="more than 2097152 bytes"):
        await read(kube, "photos", LARGEST_BYTES + 100_000)
    await read(kube, "photos", 100_000)


async def test_no_answer_may_be_compressed(kube: Kube, api: Api) -> None:
    await read(kube, "photos", 100_000)
    assert api.encodings == {"identity"}


async def test_a_refusal_of_any_size_is_one(kube: Kube) -> None:
    with pytest.raises(ApiError, match="404"):
        await kube.get("/api/v1/namespaces/photos/nothing/there")


def test_the_fields_of_a_thousand_managers_are_read_once_each() -> None:
    """Managers times labels would be sixty million looks, and seconds of the loop."""
    labels = {f"l{number}": "" for number in range(40_000)}
    fields: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:l{number}": {} for number in range(5)}}}
    managers = [
        {"manager": FIELD_MANAGER, "operation": "Apply", "subresource": str(number), "fieldsV1": fields}
        for number in range(1_500)
    ]
    looks = 0

    class Counting(dict[str, str]):
        def __contains__(self, key: object) -> bool:
            nonlocal looks
            looks += 1
            return super().__contains__(key)

        def __iter__(self) -> Any:
            nonlocal looks
            looks += len(self)
            return super().__iter__()

    body = {
        "metadata": {
            "namespace": "photos",
            "name": "lightroom",
            "uid": "u",
            "resourceVersion": "7",
            "labels": Counting(labels),
            "managedFields": managers,
        },
        "data": {},
    }
    content = token_secret.content_of(body)
    assert content.own_labels == {f"l{number}" for number in range(5)}
    assert looks < 100_000


def test_only_so_many_owner_references_are_looked_at() -> None:
    owner = {"apiVersion": "v1", "kind": "K", "name": "n", "uid": "u"}
    many: list[dict[str, Any]] = [owner] * MAX_OWNERS + [{"no": "owner"}]
    metadata = {"namespace": "photos", "name": "s", "uid": "u", "resourceVersion": "7", "ownerReferences": many}
    assert observe_secret(metadata).owner == "K n"
