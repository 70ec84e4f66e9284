"""Lists come in pages that fit their objects, kopf's too, and a watch of kopf's has no event of what is known."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from aiohttp import web

from adobe_ims_operator.kube.client import JSON_TYPE, Kube
from adobe_ims_operator.kube.list_pages import pages
from adobe_ims_operator.kube.page_size import FIRST, MOST, PAGE_BYTES
from adobe_ims_operator.kube.transport import LARGE
from unit.connecting import connected, serving

PATH = "/apis/adobe-ims.dev/v1alpha1/adobeimscredentials"


class Server:
    """Answers a list in pages of as many objects as are asked for, and a watch with lines."""

    def __init__(self) -> None:
        self.sizes: Sequence[int] = ()
        self.chunks: Sequence[bytes] = ()
        self.limits: list[int] = []
        self.url = ""

    async def respond(self, request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await self._watch(request)
        first, limit = int(request.query.get("continue") or 0), int(request.query["limit"])
        self.limits.append(limit)
        sizes = self.sizes[first : first + limit]
        items = [{"metadata": {"name": str(first + n)}, "text": "x" * size} for n, size in enumerate(sizes)]
        following = str(first + limit) if first + limit < len(self.sizes) else ""
        return web.json_response({"metadata": {"resourceVersion": "7", "continue": following}, "items": items})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in self.chunks:
            await response.write(chunk)
            await asyncio.sleep(0.01)
        return response


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    async with serving(web.get("/{path:.*}", found.respond)) as url:
        found.url = url
        yield found


@pytest.fixture
async def kube(server: Server) -> AsyncIterator[Kube]:
    async with connected(server.url) as connection:
        yield connection


async def list_as_kopf_does(server: Server, kube: Kube) -> list[list[Any]]:
    found: list[list[Any]] = []
    following = ""
    async with kube.session() as session:
        while following or not found:
            query = {"limit": "500"} | ({"continue": following} if following else {})
            async with await session.get(server.url + PATH, params=query) as answer:
                page = await answer.json()
            found.append(page["items"])
            following = page["metadata"]["continue"]
    return found


async def list_secrets(_: Server, kube: Kube) -> list[list[Any]]:
    return [page["items"] async for page in pages(kube, PATH, accept=JSON_TYPE)]


SMALL, LARGE_OBJECT = 2000, 300_000
LISTS = {
    "small ones": [SMALL] * 1000,
    "large ones": [LARGE_OBJECT] * 12,
    "ones of more than a page": [PAGE_BYTES + 1] * 12,
    "large ones after small ones": [SMALL] * 300 + [LARGE_OBJECT] * 12,
    "small ones after large ones": [LARGE_OBJECT] * 12 + [SMALL] * 300,
    "none": [],
}


@pytest.mark.parametrize("sizes", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("lister", [list_as_kopf_does, list_secrets])
async def test_a_page_has_one_object_or_no_more_bytes_than_a_page_may(
    server: Server, kube: Kube, sizes: list[int], lister: Callable[[Server, Kube], Any]
) -> None:
    server.sizes = sizes
    found = await lister(server, kube)
    assert [len(item["text"]) for items in found for item in items] == sizes
    assert all(len(items) <= 1 or len(json.dumps(items)) <= PAGE_BYTES for items in found)
    assert server.limits[0] == FIRST
    assert max(server.limits) <= MOST


@pytest.mark.parametrize("lister", [list_as_kopf_does, list_secrets])
async def test_a_thousand_small_objects_take_a_handful_of_requests(
    server: Server, kube: Kube, lister: Callable[[Server, Kube], Any]
) -> None:
    server.sizes = LISTS["small ones"]
    await lister(server, kube)
    assert len(server.limits) <= 8


@pytest.mark.parametrize("lister", [list_as_kopf_does, list_secrets])
async def test_large_objects_are_asked_for_in_vain_a_few_times_only(
    server: Server, kube: Kube, lister: Callable[[Server, Kube], Any]
) -> None:
    server.sizes = [LARGE_OBJECT] * 100
    found = await lister(server, kube)
    assert len(server.limits) <= len(found) + 2


def event(kind: str, version: int, **more: object) -> bytes:
    return json.dumps({"type": kind, "object": {"metadata": {"resourceVersion": str(version), **more}}}).encode()


def bookmark(version: int) -> dict[str, object]:
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}}


def is_old(line: Any) -> bool:
    return isinstance(line, dict) and int(line["object"]["metadata"]["resourceVersion"]) < 5


async def watch(server: Server, kube: Kube, chunks: Sequence[bytes]) -> list[bytes]:
    server.chunks = chunks
    async with kube.session(is_old) as session, session.get(f"{server.url}{PATH}?watch=true") as answer:
        return b"".join([chunk async for chunk in answer.content.iter_chunked(2**20)]).split(b"\n")


async def test_a_bookmark_stands_for_an_event_of_what_is_known(server: Server, kube: Kube) -> None:
    text = b"\n".join([event("MODIFIED", 4, name="a"), event("MODIFIED", 5, name="b"), event("ADDED", 3), b""])
    for size in (1, 7, 100, len(text)):
        chunks = [text[start : start + size] for start in range(0, len(text), size)]
        *lines, rest = await watch(server, kube, chunks)
        assert [json.loads(lines[0]), lines[1], json.loads(lines[2])] == [
            bookmark(4),
            event("MODIFIED", 5, name="b"),
            bookmark(3),
        ]
        assert rest == b""


async def test_a_large_line_passes_as_it_is_and_the_next_is_read_again(server: Server, kube: Kube) -> None:
    large = event("MODIFIED", 4, annotations={"a": "x" * 3 * LARGE})
    text = large + b"\n" + event("MODIFIED", 4) + b"\n" + large + b"\n"
    for size in (LARGE // 2 + 1, LARGE * 2, len(text)):
        chunks = [text[start : start + size] for start in range(0, len(text), size)]
        lines = await watch(server, kube, chunks)
        assert (lines[0], json.loads(lines[1]), lines[2:]) == (large, bookmark(4), [large, b""])


async def test_a_line_that_is_no_event_passes_as_it_is(server: Server, kube: Kube) -> None:
    odd = [b"[]", b"7", b"{", b"", b"\xff", b"[" * 10_000, b"no more"]
    assert await watch(server, kube, [b"\n".join(odd)]) == odd
