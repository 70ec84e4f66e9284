"""A proxy before the API server that answers as a stale cache would, or passes on what it should.

It can hide all credentials from a watch; lists of metadata are always passed on, so that can be found out by comparing.
And it can hold back what watches on Secrets tell, or take no Events, as where an admission webhook for them hangs.
"""

import asyncio
import contextlib
import ssl
import threading
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web

from adobe_ims_operator.api.resource import API_VERSION, PLURAL
from testbed import read_yaml
from testbed.control_plane import ControlPlane

PASSED_HEADERS = ("Accept", "Authorization", "Content-Type")


class StaleApi:
    """`with StaleApi(control_plane) as api:`; it speaks http on a port of its own."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._upstream = control_plane.url
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stale API", daemon=True)
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.hiding = False
        self.silent = False
        self.takes_events = True
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def kubeconfig(self, original: Path, path: Path) -> Path:
        """Write a kubeconfig to `path` that is `original` by way of this proxy."""
        config: dict[str, Any] = read_yaml.load(original.read_text())
        for cluster in config["clusters"]:
            cluster["cluster"] = {"server": self.url}
        path.write_text(yaml.safe_dump(config))
        return path

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0), timeout=aiohttp.ClientTimeout(), trust_env=False
        )
        application = web.Application(client_max_size=1 << 24)
        application.router.add_route("*", "/{path:.*}", self.answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def _stop(self) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._session.close()
        await self._runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}  # answers that take long
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0.1)  # in which transports that are closed let go of their sockets

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if self._hides(request):
            if "watch" in request.query:
                await asyncio.sleep(60)
            empty = {"apiVersion": API_VERSION, "kind": "List", "metadata": {"resourceVersion": "1"}, "items": []}
            return web.json_response(empty)
        if request.path.endswith("/events") and request.method == "POST" and not self.takes_events:
            await asyncio.sleep(60)
        assert self._session is not None
        headers = {name: request.headers[name] for name in PASSED_HEADERS if name in request.headers}
        async with self._session.request(
            request.method, self._upstream + request.path_qs, headers=headers, data=await request.read() or None
        ) as upstream:
            response = web.StreamResponse(status=upstream.status)
            response.content_type = upstream.content_type
            with contextlib.suppress(aiohttp.ClientConnectionError):  # either side may go in the middle
                await response.prepare(request)
                async for chunk in upstream.content.iter_any():
                    if not (self.silent and "watch" in request.query and "/secrets" in request.path):
                        await response.write(chunk)
            return response

    def _hides(self, request: web.Request) -> bool:
        metadata_only = "PartialObjectMetadata" in request.headers.get("Accept", "")
        return self.hiding and request.method == "GET" and PLURAL in request.path and not metadata_only
