"""A proxy before the API server that answers chosen requests as no API server should, and passes on all others.

What is between the operator and the API server may answer anything: load balancers, gateways, aggregated API servers.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from testbed.control_plane import ControlPlane
from testbed.stale_api import StaleApi

CANARY = "eyJ-canary"
"""In each odd answer; it may reach no log line, no status and no Event."""


@dataclass(frozen=True, slots=True)
class Odd:
    """One odd answer; it is given after so many `seconds`, and ends half-way if it is `cut`."""

    name: str
    body: bytes
    status: int = 200
    content_type: str = "application/json"
    seconds: float = 0.0
    cut: bool = False


def with_version(version: object) -> bytes:
    """An object, and a list, whose resourceVersion is this."""
    metadata = {"name": CANARY, "namespace": CANARY, "uid": CANARY, "resourceVersion": version}
    return json.dumps({"metadata": metadata, "items": [], "data": {"token": CANARY}}).encode()


HTML = f"<html><body>{CANARY}</body></html>".encode()
# The message of a Status may be shown where nothing secret was sent.
STATUS = json.dumps({"kind": "Status", "reason": CANARY, "message": "it took too long", "code": 504}).encode()
ODD_ANSWERS = (
    Odd("an array", json.dumps([CANARY]).encode()),
    Odd("an empty object", b"{}"),
    Odd("an object without metadata", json.dumps({CANARY: CANARY, "metadata": [CANARY]}).encode()),
    Odd("null", b"null"),
    Odd("nothing", b""),
    Odd("a huge body", json.dumps({"metadata": CANARY * 2**20}).encode()),
    Odd("a long version", with_version("9" * 5000)),
    Odd("a version of letters", with_version(CANARY)),
    Odd("no version", with_version(None)),
    Odd("HTML", HTML, content_type="text/html"),
    Odd("504 of a gateway", HTML, 504, "text/html"),
    Odd("504 of an API server", STATUS, 504),
    Odd("an end half-way", with_version("7"), cut=True),
    Odd("nothing for 20 s", STATUS, 504, seconds=20),
)


class OddApi(StaleApi):
    """`with OddApi(control_plane) as api:`; `choose` says what is answered oddly, given a request and its body."""

    def __init__(self, control_plane: ControlPlane) -> None:
        super().__init__(control_plane)
        self.choose: Callable[[web.Request, bytes], Odd | None] = lambda _request, _body: None
        self.given: list[tuple[str, str, str]] = []
        """What was answered oddly: the method, the path and the name of the answer."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        odd = self.choose(request, await request.read())
        if odd is None:
            return await super().answer(request)
        await asyncio.sleep(odd.seconds)
        self.given.append((request.method, request.path, odd.name))
        if not odd.cut:
            return web.Response(status=odd.status, body=odd.body, content_type=odd.content_type)
        response = web.StreamResponse(status=odd.status, headers={"Content-Length": str(len(odd.body))})
        response.content_type = odd.content_type
        await response.prepare(request)
        await response.write(odd.body[: len(odd.body) // 2])
        if request.transport is not None:
            request.transport.abort()
        return response
