"""Odd answers and odd lines of watches: the process goes on, serves others, and quotes nothing of them."""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from adobe_ims_operator.api.digests import digest_data
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.cache.secret_watch import SecretWatch
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.kube import token_secret
from adobe_ims_operator.kube.client import METADATA_OBJECT, Kube
from adobe_ims_operator.kube.errors import ApiError, UnavailableError
from adobe_ims_operator.kube.page_size import PageSize
from adobe_ims_operator.kube.paths import secret_path, secrets_path
from unit import worlds
from unit.connecting import connected, serving

CANARY = "eyJ-canary"
KEY = Key("photos", "lightroom")
GOOD: dict[str, Any] = {"metadata": {"name": "lightroom", "namespace": "photos", "uid": "u", "resourceVersion": "7"}}


class Odd:
    """A server that answers every request for a Secret with the same bytes, and a watch with the same lines."""

    def __init__(self) -> None:
        self.answer = b""
        self.lines: list[bytes] = []
        self.lists = 0
        self.watched = asyncio.Event()
        self.url = ""

    async def respond(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            response = web.StreamResponse()
            await response.prepare(request)
            for line in self.lines:
                await response.write(line + b"\n")
            self.watched.set()
            return response
        if request.path == secrets_path("photos") and request.method == "GET":
            self.lists += 1
            return web.json_response({"metadata": {"resourceVersion": str(self.lists)}, "items": []})
        return web.Response(body=self.answer, content_type="application/json")


@pytest.fixture
async def odd() -> AsyncIterator[Odd]:
    found = Odd()
    async with serving(web.route("*", "/{path:.*}", found.respond)) as url:
        found.url = url
        yield found


@pytest.fixture
async def kube(odd: Odd) -> AsyncIterator[Kube]:
    async with connected(odd.url) as connection:
        yield connection


def with_metadata(**changes: object) -> bytes:
    return json.dumps({"metadata": {**GOOD["metadata"], **changes}, "data": {"access_token": CANARY}}).encode()


ODD_ANSWERS = [
    b"[]",
    b"{}",
    b"null",
    b"7",
    b'"' + CANARY.encode() + b'"',
    b"{" + CANARY.encode(),
    b"[" * 100_000,
    b'{"metadata": []}',
    *(with_metadata(resourceVersion=version) for version in (CANARY, " 1", "-1", 7, None, [CANARY], "9" * 5000)),
    with_metadata(uid=None),
    with_metadata(uid=7),
    with_metadata(uid=[]),
]


@pytest.mark.parametrize("answer", ODD_ANSWERS, ids=range(len(ODD_ANSWERS)))
@pytest.mark.parametrize("write", [True, False])
async def test_an_odd_answer_is_no_answer_and_is_not_quoted(odd: Odd, kube: Kube, answer: bytes, write: bool) -> None:
    odd.answer = answer
    request = kube.patch(secret_path(KEY), {}, accept=METADATA_OBJECT) if write else kube.get(secret_path(KEY))
    with pytest.raises(ApiError) as raised:
        await request
    assert isinstance(raised.value, UnavailableError)
    assert raised.value.__cause__ is None
    assert CANARY not in f"{raised.value!r} {raised.value}"


def event(kind: object, body: object) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode()


ODD_LINES = [
    b"null",
    b"7",
    b"[]",
    b"{",
    b"{}",
    event("ADDED", None),
    event("ADDED", {"metadata": None}),
    event("ADDED", {"metadata": {"name": CANARY}}),
    event("BOOKMARK", {}),
    event("BOOKMARK", {"metadata": {"resourceVersion": CANARY}}),
    event("ERROR", None),
    event("ERROR", [CANARY]),
    event("ERROR", {"code": "x", "reason": CANARY, "message": 7}),
    event("UNHEARD", GOOD),
    event(7, GOOD),
    event("ADDED", {"metadata": {**GOOD["metadata"], "annotations": {"a": "x" * 2**20}}}),
]


@pytest.mark.parametrize("line", ODD_LINES, ids=range(len(ODD_LINES)))
async def test_an_odd_line_of_a_watch_hides_nothing_that_comes_after(
    odd: Odd, kube: Kube, line: bytes, caplog: pytest.LogCaptureFixture
) -> None:

    good = {"metadata": {**GOOD["metadata"], "name": "good", "resourceVersion": "99"}}
    odd.lines = [line]
    store = Store(lambda _key, _after: None)
    watch = SecretWatch(kube, store, "photos", lambda: 0.0)
    running = asyncio.create_task(watch.run())
    try:
        async with asyncio.timeout(20):
            await odd.watched.wait()
            odd.lines = [event("ADDED", good)]
            while Key("photos", "good") not in store.secrets:
                assert not running.done()
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert CANARY not in caplog.text


@pytest.mark.parametrize(("keys", "intact"), [(1, True), (32, True), (33, False)])
async def test_a_token_secret_with_more_keys_than_a_spec_can_have_was_edited(
    odd: Odd, kube: Kube, keys: int, intact: bool
) -> None:
    data = {f"k{number}": "" for number in range(keys)}
    facts = replace(worlds.facts(), secret=str(KEY), data_digest=digest_data(worlds.facts().credential_uid, data))
    metadata = {**GOOD["metadata"], "annotations": facts.to_annotations()}
    odd.answer = json.dumps({"metadata": metadata, "data": data}).encode()
    content = await token_secret.read(kube, KEY)
    assert content is not None
    assert content.intact == intact


def fields(branches: int) -> dict[str, Any]:
    """What a manager owns, as anybody may write it; about 25 bytes in memory for each one here."""
    branch: dict[str, Any] = {}
    for _ in range(50):
        branch = {"f:a": branch}
    return {f"f:{number}": branch for number in range(branches)}


async def test_what_managers_own_takes_no_memory(odd: Odd, kube: Kube) -> None:
    managed = [{"manager": "m", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": fields(1000)}]
    found = {**GOOD, "metadata": {**GOOD["metadata"], "annotations": {"a": "b"}, "managedFields": managed}}
    odd.answer = json.dumps(found).encode()
    async with kube.session() as session:
        tracemalloc.start()
        answers = [
            await kube.get(secret_path(KEY)),
            await kube.read(secret_path(KEY)),
            await kube.read_page(PageSize(), secret_path(KEY), accept="application/json"),
            await (await session.get(odd.url + secret_path(KEY))).json(),
        ]
        now, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert now < len(odd.answer)
    expected = {**found, "metadata": {**found["metadata"], "managedFields": [{**managed[0], "fieldsV1": {}}]}}
    assert answers == [expected] * 4
    assert (await kube.get(secret_path(KEY), fields=True))["metadata"]["managedFields"] == managed


async def test_a_small_answer_waits_for_no_large_one(odd: Odd, kube: Kube) -> None:
    large = with_metadata(managedFields=[{"manager": "m", "fieldsV1": fields(4000)}])
    odd.answer = large
    requests = [asyncio.create_task(kube.get(secret_path(KEY))) for _ in range(3)]
    await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
    odd.answer = with_metadata()
    await kube.get(secret_path(KEY))
    assert not all(request.done() for request in requests)
    await asyncio.gather(*requests)
