"""Requests to a server that come to nothing, each in a way of its own, and how often each was sent."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HANG, STALL, HANG_UP = "no answer", "half an answer", "a connection that ends"
LOST = "a connection that ends, and it was done"

REFUSED = (400, 403, 405, 413, 422)
"""What a person must mend."""
UNAVAILABLE = (401, 408, 429, 500, 502, 503, 504, HANG, STALL, HANG_UP)
"""What time mends."""
ANSWERS: tuple[int | str, ...] = (*REFUSED, *UNAVAILABLE, 404, 409)


class Troubles:
    """What a server answers in place of what it should, by the request, such as `PATCH secrets/a`."""

    def __init__(self) -> None:
        self.answers: dict[str, int | str] = {}
        self.asked: Counter[str] = Counter()
        """How often each request came."""
        self._over = asyncio.Event()

    def end(self) -> None:
        """Let go of whatever hangs, and answer as one should from now on."""
        self.answers.clear()
        self._over.set()

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer one request, as a middleware of aiohttp."""
        what = await _name(request)
        self.asked[what] += 1
        answer = self.answers.get(what)
        if answer is None:
            return await handler(request)
        if isinstance(answer, int):
            return refuse(answer)
        if answer == HANG_UP:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if answer == LOST:
            await handler(request)
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if answer == STALL:
            response = web.StreamResponse(headers={"Content-Length": "100"})
            await response.prepare(request)
            await response.write(b'{"metadata": ')
            await self._over.wait()
            return response
        await self._over.wait()
        return web.Response(status=503)


def refuse(status: int) -> web.Response:
    """A Status of Kubernetes; its words are such as may quote what was sent."""
    return web.json_response({"kind": "Status", "reason": "Refused", "message": "no"}, status=status)


async def _name(request: web.Request) -> str:
    _, _, path = request.path.partition("/namespaces/")
    _, _, within = path.partition("/")
    if request.method == "POST" and within == "secrets":
        metadata = (await request.json())["metadata"]
        within += f"/{metadata.get('name') or metadata['generateName']}"
    return f"{request.method} {within}"
