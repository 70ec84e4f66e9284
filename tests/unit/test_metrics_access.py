"""Who may read metrics is asked of the API server as seldom as may be, and what is remembered of it is bounded."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import Configuration

from adobe_ims_operator.kube.client import REQUEST_SECONDS, Kube
from adobe_ims_operator.kube.reviews import ACCESS_REVIEWS, TOKEN_REVIEWS
from adobe_ims_operator.manager.access import (
    ALLOWED_SECONDS,
    AT_ONCE,
    DENIED_SECONDS,
    MOST_DECISIONS,
    MOST_WAITING,
    PAUSE_SECONDS,
    Access,
)
from unit.flow import Gate


@dataclass
class Reviews:
    """An API server that knows tokens that begin with `user`, of which those of `user-may` may."""

    asked: Counter[str] = field(default_factory=Counter)
    at_once: int = 0
    gate: Gate = field(default_factory=Gate)
    seconds: float = 0.0
    """What the clock shows."""
    port: int = 0

    async def review_token(self, request: web.Request) -> web.Response:
        token = (await request.json())["spec"]["token"]
        self.asked[token] += 1
        self.at_once += 1
        await self.gate.pass_through()
        self.at_once -= 1
        user = {"username": token, "groups": ["scrapers"], "uid": "1"}
        status = {"authenticated": True, "user": user} if token.startswith("user") else {}
        return web.json_response({"status": status}, status=201)

    async def review_access(self, request: web.Request) -> web.Response:
        spec = (await request.json())["spec"]
        assert spec["nonResourceAttributes"] == {"path": "/metrics", "verb": "get"}
        assert (spec["groups"], spec["uid"]) == (["scrapers"], "1")
        return web.json_response({"status": {"allowed": spec["user"].startswith("user-may")}}, status=201)

    async def ask(self, token: str) -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.get(
                f"http://127.0.0.1:{self.port}/metrics", headers={"Authorization": f"Bearer {token}"}
            ) as response,
        ):
            return response.status


@asynccontextmanager
async def guarded() -> AsyncIterator[Reviews]:
    async def load() -> Configuration:
        return Configuration()

    async def answer(_request: web.Request) -> web.Response:
        return web.Response()

    reviews = Reviews()
    api = web.Application()
    api.add_routes([web.post(TOKEN_REVIEWS, reviews.review_token), web.post(ACCESS_REVIEWS, reviews.review_access)])
    async with TestServer(api) as api_server:
        kube = Kube(Configuration(host=str(api_server.make_url("")).rstrip("/")), 0, load, lambda: REQUEST_SECONDS)
        metrics = web.Application()
        access = Access(kube, "/metrics", lambda: reviews.seconds)
        metrics.add_routes([web.get("/metrics", access.guarded(answer))])
        async with TestServer(metrics) as server:
            reviews.port = server.port or 0
            yield reviews
        await kube.close()


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - what happens is at the other end of a connection
            await asyncio.sleep(0.01)


async def test_a_decision_holds_for_a_while_and_is_asked_for_again_after_it() -> None:
    async with guarded() as reviews:
        for token, status, seconds in (
            ("user-may", HTTPStatus.OK, ALLOWED_SECONDS),
            ("user", HTTPStatus.FORBIDDEN, DENIED_SECONDS),
            ("nobody", HTTPStatus.UNAUTHORIZED, DENIED_SECONDS),
        ):
            reviews.seconds += 1
            assert {await reviews.ask(token) for _ in range(5)} == {status}
            reviews.seconds += seconds - 0.1
            assert await reviews.ask(token) == status
            assert reviews.asked[token] == 1
            reviews.seconds += 0.2
            assert await reviews.ask(token) == status
            assert reviews.asked[token] == 2


async def test_so_many_decisions_are_kept_and_unknown_tokens_push_no_known_one_out() -> None:
    async with guarded() as reviews:
        assert await reviews.ask("user-may") == HTTPStatus.OK
        for number in range(MOST_DECISIONS + 1):
            reviews.seconds += PAUSE_SECONDS
            assert await reviews.ask(f"nobody-{number}") == HTTPStatus.UNAUTHORIZED
        assert await reviews.ask(f"nobody-{MOST_DECISIONS}") == HTTPStatus.UNAUTHORIZED
        assert reviews.asked[f"nobody-{MOST_DECISIONS}"] == 1
        reviews.seconds += PAUSE_SECONDS
        await reviews.ask("nobody-0")
        assert reviews.asked["nobody-0"] == 2, "the oldest was dropped"
        await reviews.ask("user-may")
        assert reviews.asked["user-may"] == 1


async def test_an_api_server_that_hangs_is_asked_little_and_a_known_token_waits_for_no_unknown_one() -> None:
    async with guarded() as reviews:
        assert await reviews.ask("user-may") == HTTPStatus.OK
        reviews.gate.shut()
        reviews.seconds += 1
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(reviews.ask(f"nobody-{number}")) for number in range(MOST_WAITING + 20)]
            await until(lambda: sum(task.done() for task in waiting) == 20)
            assert await reviews.ask("user-may") == HTTPStatus.OK
            reviews.seconds += ALLOWED_SECONDS
            known = group.create_task(reviews.ask("user-may"))
            await until(lambda: reviews.asked["user-may"] == 2)
            assert reviews.at_once <= AT_ONCE + 1
            reviews.gate.open()
        answers = Counter(task.result() for task in waiting)
        assert answers == {HTTPStatus.TOO_MANY_REQUESTS: 20, HTTPStatus.UNAUTHORIZED: MOST_WAITING}
        assert known.result() == HTTPStatus.OK
