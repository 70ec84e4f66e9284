"""Two proxies in one: between the operator and the API server, and between it and IMS with the console API.

A round holds requests of points: before they are passed on, or when they were done and the answer is there. When the
operator was killed, what is held is dropped.
"""

import asyncio
import contextlib
import json
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web
from multidict import CIMultiDict

from crash_client_secrets.points import DELETE, Reader, Sighting, Subject

_OF_A_CONNECTION = frozenset({"host", "connection", "transfer-encoding", "content-length", "content-encoding"})


class Side(Enum):
    """At which end of a request the operator is killed."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(slots=True)
class Round:
    """The points that are held, each at one side, and who waits there."""

    first_at: float = 0.0
    """When the first one came, by the monotonic clock; 0 while nobody waits."""
    sides: dict[str, Side | None] = field(default_factory=dict)
    """None for a point that is not held in this round."""
    waiting: dict[Subject, tuple[str, web.Request]] = field(default_factory=dict)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    is_dropped: bool = False
    """Whether it ended with a kill; else all go on."""

    def add(self, sighting: Sighting, request: web.Request) -> None:
        """Let one wait."""
        self.first_at = self.first_at or time.monotonic()
        self.waiting[sighting.subject] = (sighting.point, request)

    @property
    def held(self) -> dict[Subject, tuple[str, Side]]:
        """Who waits now, and where: those whose request the operator did not give up."""
        found = {
            each: (point, self.sides.get(point)) for each, (point, request) in self.waiting.items() if _is_open(request)
        }
        return {each: (point, side) for each, (point, side) in found.items() if side is not None}


class Gate:
    """`with Gate(...) as gate:`; it runs in a thread of its own.

    Args:
        api: the URL of the API server.
        ims: the URL of IMS and the console API.
    """

    def __init__(self, api: str, ims: str, reader: Reader) -> None:
        self._upstreams = (api, ims)
        self.reader = reader
        self._choose: Callable[[str], Side | None] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gate", daemon=True)
        self._stop_serving: list[Callable[[], Any]] = []
        self._under_way = 0
        self.round = Round()
        self.seen_at = 0.0
        """When the operator last asked for something that is a point, by the monotonic clock."""
        self.passed: Counter[str] = Counter()
        """How many requests of each point were passed on and answered."""
        self.tokens: set[str] = set()
        self.in_use: deque[tuple[Subject, str, float]] = deque()
        """What was in a managed Secret right after each write and each DELETE, and when that was."""
        self.urls: tuple[str, ...] = ()
        """Where the API server, and where IMS and the console API are for the operator."""

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is on its way to an upstream."""
        return self._under_way == 0

    def kubeconfig(self, original: Path, path: Path) -> Path:
        """Write a kubeconfig to `path` that is `original` by way of this proxy."""
        config: dict[str, Any] = yaml.safe_load(original.read_text())
        for cluster in config["clusters"]:
            cluster["cluster"] = {"server": self.urls[0]}
        path.write_text(yaml.safe_dump(config))
        return path

    def arm(self, choose: Callable[[str], Side | None]) -> None:
        """Hold the points from now on for which `choose` names a side."""
        self.round, self._choose = Round(), choose

    def release(self) -> None:
        """Drop what is held, and hold nothing until `arm`; to be called when the operator is dead."""
        self._choose = None
        self._loop.call_soon_threadsafe(self._end_round, True)

    def let_go(self) -> None:
        """Let those go on who are held, and hold the next ones."""
        self._loop.call_soon_threadsafe(self._end_round, False)

    def _end_round(self, is_dropped: bool) -> None:
        ended, self.round = self.round, Round()
        ended.is_dropped = is_dropped
        ended.ended.set()

    async def _start(self) -> None:
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls, limit=0),
            timeout=aiohttp.ClientTimeout(),
            trust_env=False,
            auto_decompress=False,
        )
        self._stop_serving.append(session.close)
        self.urls = tuple([await self._serve(session, upstream) for upstream in self._upstreams])

    async def _serve(self, session: aiohttp.ClientSession, upstream: str) -> str:
        async def answer(request: web.Request) -> web.StreamResponse:
            return await self._answer(session, upstream, request)

        application = web.Application(client_max_size=1 << 24)
        application.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        self._stop_serving.append(runner.cleanup)
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def _end(self) -> None:
        for stop in reversed(self._stop_serving):
            await stop()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _answer(self, session: aiohttp.ClientSession, upstream: str, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if "watch" in request.query:
            return await _stream(session, upstream, request)
        sighting = self.reader.read(request.method, request.path, body)
        side = None
        if sighting is not None:
            self.seen_at = time.monotonic()
            side = self._side(sighting.point)
        if sighting is not None and side is Side.BEFORE and await self._hold(request, sighting):
            return _cut(request)
        self._under_way += 1
        try:
            answer = await _exchange(session, upstream, request, body)
        finally:
            self._under_way -= 1
        is_done = answer.status < 300
        self._note(sighting, answer, is_done=is_done)
        is_held = sighting is not None and side is Side.AFTER and is_done
        return _cut(request) if sighting is not None and is_held and await self._hold(request, sighting) else answer

    def _note(self, sighting: Sighting | None, answer: web.Response, *, is_done: bool) -> None:
        if sighting is None:
            return
        self.passed[sighting.point] += 1
        if is_done:
            self.reader.done(sighting)
            value = self.reader.value(sighting.subject, "client_secret")
            if value is not None and (sighting.writes is not None or sighting.point.endswith(DELETE)):
                self.in_use.append((sighting.subject, value, time.time()))
        if "ask IMS" in sighting.point and is_done and isinstance(answer.body, bytes):
            self.tokens.add(json.loads(answer.body)["access_token"])

    def _side(self, point: str) -> Side | None:
        """The side at which this request is held, if it is: the same for all of its point in a round."""
        if self._choose is None:
            return None
        if point not in self.round.sides:
            self.round.sides[point] = self._choose(point)
        return self.round.sides[point]

    async def _hold(self, request: web.Request, sighting: Sighting) -> bool:
        """Wait for the end of the round; whether the operator is dead then."""
        if self._choose is None:
            return True
        held_in = self.round
        held_in.add(sighting, request)
        await held_in.ended.wait()
        return held_in.is_dropped


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)


async def _exchange(session: aiohttp.ClientSession, upstream: str, request: web.Request, body: bytes) -> web.Response:
    async with session.request(
        request.method, upstream + request.path_qs, headers=_end_to_end(request.headers), data=body or None
    ) as answer:
        return web.Response(
            status=answer.status, body=await answer.read(), headers=_end_to_end(answer.headers, "content-encoding")
        )


async def _stream(session: aiohttp.ClientSession, upstream: str, request: web.Request) -> web.StreamResponse:
    async with session.request("GET", upstream + request.path_qs, headers=_end_to_end(request.headers)) as answer:
        response = web.StreamResponse(status=answer.status, headers=_end_to_end(answer.headers, "content-encoding"))
        with contextlib.suppress(aiohttp.ClientConnectionError):  # either side may go in the middle
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
        return response


def _end_to_end(headers: Any, *more: str) -> CIMultiDict[str]:
    dropped = _OF_A_CONNECTION - set(more)
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in dropped)


def _is_open(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()
