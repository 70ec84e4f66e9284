"""The whole flow on one event loop: the Controller of the process between two small servers.

One server stands for the API server, without watches: what they would bring is put into the store here. The other
stands for IMS, and answers when it is let. What both did is in one history, in order.
"""

import asyncio
import base64
import ssl
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import Configuration

from adobe_ims_operator.adobe.client import TOKEN_PATH, IMSClient
from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.api.resource import ROTATE_ANNOTATION, Key, parse_credential
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.controller.controller import Controller
from adobe_ims_operator.core.forbidden import Forbidden
from adobe_ims_operator.core.observe import observe
from adobe_ims_operator.core.policy import decide
from adobe_ims_operator.kube.client import REQUEST_SECONDS, Kube
from adobe_ims_operator.kube.errors import NotLeadingError
from adobe_ims_operator.kube.paths import credentials_path, events_path, secrets_path
from adobe_ims_operator.kube.recorder import Recorder
from adobe_ims_operator.kube.secret_metadata import observe_secret

NAMESPACE = "photos"
CLOCK = Clock(now=lambda: datetime.now(UTC), monotonic=time.monotonic)
Object = dict[str, Any]


class Gate:
    """Where requests wait while it is shut."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self.open()

    def open(self) -> None:
        self._open.set()

    def shut(self) -> None:
        self._open.clear()

    async def pass_through(self) -> None:
        await self._open.wait()


class API:
    """The API server: Secrets, statuses and Events of one namespace; objects are those that a GET would give."""

    def __init__(self, history: list[str]) -> None:
        self._history = history
        self._versions = iter(range(1000, 100_000))
        self.url = ""
        self.secrets: dict[str, Object] = {}
        self.credentials: dict[str, Object] = {}
        self.events: list[Object] = []
        self.events_asked = 0
        """How many it was asked to take."""
        self.event_answers: list[web.Response] = []
        """What is answered to the next Events in place of a 201."""
        self.writes = Gate()
        self.write_seconds = 0.0
        self.refused: set[str] = set()
        """Secrets that may not be written."""
        self.refusal = 403
        """What is answered where they are."""
        self.refusals = 0

    def version(self) -> str:
        return str(next(self._versions))

    def routes(self) -> list[web.RouteDef]:
        secret = secrets_path(NAMESPACE) + "/{name}"
        return [
            web.get(secret, self._read),
            web.post(secrets_path(NAMESPACE), self._create),
            web.patch(secret, self._patch),
            web.patch(credentials_path(NAMESPACE) + "/{name}/status", self._status),
            web.post(events_path(NAMESPACE), self._record),
        ]

    async def _read(self, request: web.Request) -> web.Response:
        found = self.secrets.get(request.match_info["name"])
        return web.json_response(found) if found is not None else _refuse(404)

    async def _create(self, request: web.Request) -> web.Response:
        body: Object = await request.json()
        name = body["metadata"]["name"]
        await self._take_time()
        if name in self.refused:
            return self._deny()
        if name in self.secrets:
            return _refuse(409)
        body["metadata"] |= {"uid": f"uid-of-secret-{name}", "resourceVersion": self.version()}
        self.secrets[name] = body
        self._history.append(f"wrote {name}")
        return web.json_response(body)

    async def _patch(self, request: web.Request) -> web.Response:
        body: Object = await request.json()
        name = request.match_info["name"]
        await self._take_time()
        known = self.secrets.get(name)
        if name in self.refused:
            return self._deny()
        if known is None:
            return _refuse(404)
        if body["metadata"].pop("resourceVersion") != known["metadata"]["resourceVersion"]:
            return _refuse(409)
        _merge(known, body)
        known["metadata"]["resourceVersion"] = self.version()
        self._history.append(f"wrote {name}")
        return web.json_response(known)

    def _deny(self) -> web.Response:
        self.refusals += 1
        return _refuse(self.refusal)

    async def _status(self, request: web.Request) -> web.Response:
        body: Object = await request.json()
        await self._take_time()
        known = self.credentials[request.match_info["name"]]
        _merge(known, body)
        known["metadata"]["resourceVersion"] = self.version()
        return web.json_response(known)

    async def _record(self, request: web.Request) -> web.Response:
        body: Object = await request.json()
        self.events_asked += 1
        await self._take_time()
        if self.event_answers:
            return self.event_answers.pop(0)
        self.events.append(body)
        return web.json_response(body, status=201)

    async def _take_time(self) -> None:
        await asyncio.sleep(self.write_seconds)
        await self.writes.pass_through()


class IMS:
    """An endpoint of IMS; each client id is the name of the credential that uses it."""

    def __init__(self, history: list[str]) -> None:
        self._history = history
        self.url = ""
        self.answers = Gate()
        self.seconds = 0.0
        self.accepted: set[str] | None = None
        """The client secrets that it accepts; None for all."""
        self.description = ""
        """What it says where it accepts none."""
        self.throttled: dict[str, str] = {}
        """The Retry-After of clients that are answered with 429."""
        self.issued: defaultdict[str, list[str]] = defaultdict(list)
        """The tokens of each client, oldest first."""

    def routes(self) -> list[web.RouteDef]:
        return [web.post(TOKEN_PATH, self._issue)]

    async def _issue(self, request: web.Request) -> web.Response:
        form = await request.post()
        client = str(form["client_id"])
        self._history.append(f"asked {client}")
        await asyncio.sleep(self.seconds)
        await self.answers.pass_through()
        if client in self.throttled:
            return web.Response(status=429, headers={"Retry-After": self.throttled[client]})
        if self.accepted is not None and form["client_secret"] not in self.accepted:
            body = {"error": "invalid_client", "error_description": self.description}
            return web.json_response(body, status=401, headers={"X-Debug-Id": "0000-of-an-answer"})
        tokens = self.issued[client]
        tokens.append(f"token-{len(tokens) + 1}-of-{client}")
        return web.json_response({"access_token": tokens[-1], "token_type": "bearer", "expires_in": 86399})


class Flow:
    """An operator at work, with `count` workers, and as many askers for each endpoint."""

    def __init__(self, api: API, ims: list[IMS], history: list[str], kube: Kube, asker: IMSClient, count: int) -> None:
        self.api, self.ims, self.history = api, ims, history
        self.leads = True
        """Whether this replica may write and ask."""
        self.calls: Counter[str] = Counter()
        """How often the core was called, by what it did."""
        self.recorder = Recorder(kube, CLOCK.now, "test")
        self.controller = Controller(
            kube,
            asker,
            self.recorder,
            Endpoints([each.url for each in ims], allow_http=True),
            clock=CLOCK,
            jitter=lambda: 0.0,
            random_hex=lambda: "0123456789abcdef",
            forbidden=Forbidden(()),
            count=lambda *_: None,
            concurrency=count,
            qps=1000,
            observe=self._counting("observe", observe),
            decide=self._counting("decide", decide),
        )
        self.store = self.controller.store
        self.run = asyncio.create_task(self.controller.run())
        self.controller.start()
        self.store.replace_secrets(None, {}, 1)
        self.store.listed_credentials(None)

    def _counting(self, name: str, called: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: Any, **named: Any) -> Any:
            self.calls[name] += 1
            return called(*arguments, **named)

        return count

    def put(
        self,
        name: str,
        *,
        client: str | None = None,
        ims: int = 0,
        keys: Mapping[str, str] = {"client_secret": "p8e-secret"},
        **spec: object,
    ) -> None:
        """Make a credential whose client and token Secret are named for it, or one that shares a client Secret."""
        client = client or name
        if f"{client}-oauth" not in self.api.secrets:
            metadata = {"name": f"{client}-oauth", "namespace": NAMESPACE, "uid": f"uid-of-{client}-oauth"}
            data = {"client_id": _base64(client), **{key: _base64(secret) for key, secret in keys.items()}}
            self.api.secrets[f"{client}-oauth"] = {"metadata": metadata, "data": data}
            self.touch(f"{client}-oauth")
        self.api.credentials[name] = {
            "metadata": {
                "name": name,
                "namespace": NAMESPACE,
                "uid": f"uid-of-{name}",
                "generation": 1,
                "creationTimestamp": "2026-11-24T10:00:00Z",
            },
            "spec": {
                "client": {"secretRef": {"name": f"{client}-oauth"}, "secretKeys": list(keys)},
                "endpoint": self.ims[ims].url,
                **spec,
            },
        }
        self._tell(name)

    def rotate(self, name: str, request: str) -> None:
        """Ask for a rotation by annotation."""
        self.api.credentials[name]["metadata"]["annotations"] = {ROTATE_ANNOTATION: request}
        self._tell(name)

    def touch(self, secret: str) -> None:
        """Change the resourceVersion of a Secret and nothing in it, as a new label does."""
        metadata = self.api.secrets[secret]["metadata"]
        metadata["resourceVersion"] = self.api.version()
        self.store.upsert_secret(Key(NAMESPACE, secret), observe_secret(metadata))

    def tokens(self) -> dict[str, str]:
        """The tokens that are in Secrets, by the names of these."""
        data = {name: secret["data"].get("access_token") for name, secret in self.api.secrets.items()}
        return {name: base64.b64decode(token).decode() for name, token in data.items() if token is not None}

    def ready(self, name: str) -> str | None:
        """The reason that the status gives for whether a credential is ready."""
        conditions = self.api.credentials[name].get("status", {}).get("conditions", [])
        return next((condition["reason"] for condition in conditions if condition["type"] == "Ready"), None)

    async def happens(self, *events: str) -> None:
        """Wait until the history has all of these."""
        await self.until(lambda: set(events) <= set(self.history))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; fails with the history after three seconds."""
        try:
            async with asyncio.timeout(3):
                while not holds():  # noqa: ASYNC110 - what it looks at tells nobody
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(f"it did not come to that: {self.history}") from None

    def _tell(self, name: str) -> None:
        body = self.api.credentials[name]
        body["metadata"]["resourceVersion"] = self.api.version()
        self.store.upsert_credential(parse_credential(body))


@asynccontextmanager
async def serving(*servers: API | IMS) -> AsyncIterator[None]:
    """Have servers answer at their `url`."""
    async with AsyncExitStack() as stack:
        for server in servers:
            app = web.Application()
            app.add_routes(server.routes())
            running = await stack.enter_async_context(TestServer(app))
            server.url = str(running.make_url("")).rstrip("/")
        yield


@asynccontextmanager
async def flowing(count: int, endpoints: int = 1) -> AsyncIterator[Flow]:
    """An operator with `count` workers, and as many askers for each endpoint, and so many endpoints."""
    history: list[str] = []
    api, ims = API(history), [IMS(history) for _ in range(endpoints)]
    asker = IMSClient(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    async with serving(api, *ims):
        flows: list[Flow] = []

        def time_left() -> float:
            if not flows[0].leads:
                raise NotLeadingError
            return REQUEST_SECONDS

        kube = api_client(api, time_left)
        flow = Flow(api, ims, history, kube, asker, count)
        flows.append(flow)
        try:
            yield flow
        finally:
            for gate in (api.writes, *(each.answers for each in ims)):
                gate.open()
            await cancel(flow.run, *flow.controller.tasks)
            await kube.close()
            await asker.close()


def api_client(api: API, time_left: Callable[[], float] = lambda: REQUEST_SECONDS) -> Kube:
    """A client of the API server."""

    async def load() -> Configuration:
        return Configuration()

    return Kube(Configuration(host=api.url), 64, load, time_left)


async def cancel(*tasks: asyncio.Task[None]) -> None:
    """End tasks."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _refuse(status: int) -> web.Response:
    return web.json_response({"kind": "Status", "reason": "Refused", "message": "no"}, status=status)


def _merge(target: Object, patch: Object) -> None:
    """RFC 7396."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            _merge(target.setdefault(key, {}), value)
        else:
            target[key] = value
