"""The network's side: IMS and the console API over HTTP(S), and a process that serves until a signal ends it."""

import asyncio
import itertools
import json
import logging
import math
import signal
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import parse_qsl
from uuid import uuid4
from weakref import WeakKeyDictionary

import click
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from adobe_ims_stand_in import api, console
from adobe_ims_stand_in.answers import Answer, Ending
from adobe_ims_stand_in.console import Console, ConsoleRequest
from adobe_ims_stand_in.control import Control
from adobe_ims_stand_in.ims import IMS, TokenRequest
from adobe_ims_stand_in.rules import Kind

_LARGEST_BODY = 64 << 10
_BACKLOG = 1024  # thousands of clients may come at once; a dropped SYN costs them a second
_GOODBYE = 0.1  # seconds for handlers at the end; 0 would be forever (aiohttp's ceil_timeout)
_FORM = "application/x-www-form-urlencoded"


_KINDS: dict[str, Kind] = {"GET": "list", "POST": "add", "DELETE": "delete"}


class Endpoint:
    """`POST /ims/token/v3`, over one IMS, the console API, and an API that takes the tokens."""

    def __init__(self, ims: IMS, the_console: Console) -> None:
        self._ims = ims
        self._console = the_console
        self._connections: WeakKeyDictionary[asyncio.BaseTransport, int] = WeakKeyDictionary()
        self._numbers: Iterator[int] = itertools.count(1)

    def application(self) -> web.Application:
        """Make an aiohttp application of the endpoint, the APIs and /healthz; the rest is 404 or 405."""
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.add_routes([
            web.post("/ims/token/v3", self._token),
            web.get(console.PATH, self._manage),
            web.post(console.PATH, self._manage),
            web.delete(console.PATH + "/{uuid}", self._manage),
            web.get(api.PATH, self._call),
            web.get("/healthz", _healthz),
        ])  # fmt: skip
        return application

    async def _token(self, request: web.Request) -> web.StreamResponse:
        return await self._deliver(request, self._ims.answer(await self._parsed(request)))

    async def _manage(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        named = request.match_info
        asked = ConsoleRequest(
            _KINDS.get(request.method, "list"),
            named["organization"],
            named["credential"],
            named.get("uuid", ""),
            request.headers.get("Authorization", ""),
            request.headers.get("x-api-key", ""),
            with_cookie="Cookie" in request.headers,
        )
        return await self._deliver(request, self._console.answer(asked))

    async def _call(self, request: web.Request) -> web.StreamResponse:
        now = self._ims.now()
        return await _sent(request, api.call(self._ims.record, request.headers.get("Authorization", ""), now), now)

    async def _deliver(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        if answer.later is not None:
            loop.call_later(*answer.later)
        wait = answer.wait + self._ims.settings.latency
        # asyncio.sleep(inf) is refused; a future nobody sets ends with the connection or the process.
        await (loop.create_future() if math.isinf(wait) else asyncio.sleep(wait))
        return await _sent(request, answer, self._ims.now())

    async def _parsed(self, request: web.Request) -> TokenRequest:
        body = await request.read() if request.content_type == _FORM else b""
        query = dict(request.query)
        return TokenRequest(
            parameters=query | dict(parse_qsl(body.decode(errors="replace"))),
            http_version=f"{request.version.major}.{request.version.minor}",
            connection=self._connection(request),
            in_query="client_secret" in query,
            with_cookie="Cookie" in request.headers,
            user_agent=request.headers.get("User-Agent", ""),
        )

    def _connection(self, request: web.Request) -> int:
        transport = request.transport
        if transport is None:  # closed by the client meanwhile
            return 0
        if transport not in self._connections:
            self._connections[transport] = next(self._numbers)
        return self._connections[transport]


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _sent(request: web.Request, answer: Answer, now: float) -> web.StreamResponse:
    if answer.ending is Ending.RESET:
        _reset(request)
    payload = answer.payload()
    headers = {
        "Content-Type": answer.content_type,
        "Cache-Control": "no-store",
        "X-Debug-Id": str(uuid4()),
        **answer.headers,
        **{name: formatdate(now + ahead, usegmt=True) for name, ahead in {"Date": 0, **answer.dates}.items()},
    }
    headers = {name: value for name, value in headers.items() if value}
    if answer.ending is not Ending.TRUNCATED:
        return web.Response(status=answer.status, body=payload, headers=headers)
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(payload)
    response.force_close()
    await response.prepare(request)
    await response.write(payload[: len(payload) // 2])
    return response


def _reset(request: web.Request) -> None:
    """Close with RST: a socket that lingers for 0 seconds does not say goodbye (socket(7), SO_LINGER)."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()


@dataclass(frozen=True, slots=True)
class Listener:
    """Where to listen; `port` 0 is any free one. `name` is what to call the host in a URL."""

    host: str
    port: int
    name: str
    tls: ssl.SSLContext | None = None

    async def start(self, application: web.Application, stack: AsyncExitStack) -> str:
        """Serve until the stack is closed; give the URL. Raises OSError if the address is not free."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listening = socket.create_server((self.host, self.port), family=family)
        port = listening.getsockname()[1]
        # No access log: its request lines hold queries, and so secrets. Cancelled handlers end with their
        # connections: without it those that hang would pile up.
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=_GOODBYE)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, listening, ssl_context=self.tls, backlog=_BACKLOG).start()
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"{'http' if self.tls is None else 'https'}://{name}:{port}"


def _is_no_quotation(record: logging.LogRecord) -> bool:
    # Of a malformed request aiohttp logs the malformed part, which may be a secret.
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError)


async def serve(ims: IMS, endpoint: Listener, control: Listener | None, ca: str | None) -> None:
    """Serve, say where in a line of JSON on stdout, and return on SIGTERM or SIGINT."""
    logging.getLogger("aiohttp.server").addFilter(_is_no_quotation)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with AsyncExitStack() as stack:
        the_console = Console(ims)
        url = await endpoint.start(Endpoint(ims, the_console).application(), stack)
        control_url = await control.start(Control(ims, the_console).application(), stack) if control else None
        click.echo(json.dumps({"url": url, "ca": ca, "control": control_url}))
        await ended.wait()
