"""The whole flow on one event loop: the Controller of the process between two small servers.

One server stands for the API server, without watches: what they would bring is put into the store here. The other
stands for IMS, and answers when it is let. What both did is in one history, in order.
"""

import asyncio
import base64
import itertools
import ssl
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import Configuration

from adobe_ims_operator.adobe.client import TOKEN_PATH, IMSClient
from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.api.resource import ROTATE_ANNOTATION, Key, parse_credential
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.controller.controller import Controller
from adobe_ims_operator.controller.reconcile import Decide
from adobe_ims_operator.core.forbidden_metadata import Forbidden
from adobe_ims_operator.core.observe import observe
from adobe_ims_operator.core.policy import decide
from adobe_ims_operator.kube.client import REQUEST_SECONDS, Kube
from adobe_ims_operator.kube.errors import NotLeadingError
from adobe_ims_operator.kube.event_recorder import Recorder
from adobe_ims_operator.kube.paths import (
    client_secrets_path,
    credentials_path,
    events_path,
    secrets_path,
    workload_path,
)
from adobe_ims_operator.kube.secret_metadata import observe_secret
from unit.troubles import Troubles, refuse

NAMESPACE = "photos"
Object = dict[str, Any]


class Ahead:
    """A clock that is ahead of the machine's by so many seconds, which a test adds to."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.clock = Clock(
            now=lambda: datetime.now(UTC) + timedelta(seconds=self.seconds),
            monotonic=lambda: time.monotonic() + self.seconds,
        )


class Gate:
    """Where requests wait while it is shut."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self.waiting = 0
        self.open()

    def open(self) -> None:
        self._open.set()

    def shut(self) -> None:
        self._open.clear()

    async def pass_through(self) -> None:
        self.waiting += 1
        try:
            await self._open.wait()
        finally:
            self.waiting -= 1


class API:
    """The API server: Secrets, statuses and Events of one namespace; objects are those that a GET would give."""

    def __init__(self, history: list[str]) -> None:
        self._history = history
        self._versions = iter(range(1000, 100_000))
        self.url = ""
        self.secrets: dict[str, Object] = {}
        self.credentials: dict[str, Object] = {}
        self.client_secrets: dict[str, Object] = {}
        """AdobeIMSClientSecrets."""
        self.events: list[Object] = []
        self.events_asked = 0
        """How many it was asked to take."""
        self.event_answers: list[web.Response] = []
        """What is answered to the next Events in place of a 201."""
        self.reads = Gate()
        """Of Secrets."""
        self.writes = Gate()
        self.statuses = Gate()
        self.write_seconds = 0.0
        self.workloads: dict[str, Object] = {}
        """Deployments."""
        self.troubles = Troubles()

    def version(self) -> str:
        return str(next(self._versions))

    def routes(self) -> list[web.RouteDef]:
        secret = secrets_path(NAMESPACE) + "/{name}"
        return [
            web.get(secret, self._read),
            web.post(secrets_path(NAMESPACE), self._create),
            web.patch(secret, self._patch),
            web.delete(secret, self._delete),
            web.patch(workload_path(NAMESPACE, "Deployment", "NAME").replace("NAME", "{name}"), self._restart),
            web.get(credentials_path(NAMESPACE) + "/{name}", self._credential),
            web.patch(credentials_path(NAMESPACE) + "/{name}/status", partial(self._status, self.credentials)),
            web.patch(client_secrets_path(NAMESPACE) + "/{name}/status", partial(self._status, self.client_secrets)),
            web.post(events_path(NAMESPACE), self._record),
        ]

    async def _read(self, request: web.Request) -> web.Response:
        await self.reads.pass_through()
        found = self.secrets.get(request.match_info["name"])
        return web.json_response(found) if found is not None else refuse(404)

    async def _create(self, request: web.Request) -> web.Response:
        body: Object = await request.json()
        await self._take_time()
        if "dryRun" in request.query:
            return web.json_response(body)
        name = body["metadata"]["name"]
        if name in self.secrets:
            return refuse(409)
        body["metadata"] |= {"uid": f"uid-of-secret-{name}", "resourceVersion": self.version()}
        self.secrets[name] = body
        self._history.append(f"wrote {name}")
        return web.json_response(body)

    async def _patch(self, request: web.Request) -> web.Response:
        body: Object = await request.json()
        name = request.match_info["name"]
        await self._take_time()
        known = self.secrets.get(name)
        if known is None:
            return refuse(404)
        if body["metadata"].pop("resourceVersion") != known["metadata"]["resourceVersion"]:
            return refuse(409)
        _merge(known, body)
        known["metadata"]["resourceVersion"] = self.version()
        self._history.append(f"wrote {name}")
        return web.json_response(known)

    async def _delete(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if self.secrets.pop(name, None) is None:
            return refuse(404)
        self._history.append(f"deleted {name}")
        return web.json_response({"kind": "Status", "status": "Success"})

    async def _restart(self, request: web.Request) -> web.Response:
        body: Object = await request.json()
        name = request.match_info["name"]
        if name not in self.workloads:
            return refuse(404)
        _merge(self.workloads[name], body)
        self._history.append(f"restarted {name}")
        return web.json_response(self.workloads[name])

    async def _credential(self, request: web.Request) -> web.Response:
        found = self.credentials.get(request.match_info["name"])
        return web.json_response(found) if found is not None else refuse(404)

    async def _status(self, objects: dict[str, Object], request: web.Request) -> web.Response:
        body: Object = await request.json()
        await self._take_time()
        await self.statuses.pass_through()
        known = objects.get(request.match_info["name"])
        if known is None:
            return refuse(404)
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

    def __init__(self, history: list[str], clock: Clock) -> None:
        self._history = history
        self._clock = clock
        self.url = ""
        self.expires_in = 86399
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
        granted = {"access_token": tokens[-1], "token_type": "bearer", "expires_in": self.expires_in}
        return web.json_response(granted, headers={"Date": format_datetime(self._clock.now(), usegmt=True)})


@dataclass(frozen=True)
class Parts:
    """What an operator is put together from, where a test has a part of its own."""

    decide: Decide = decide
    qps: float = 1000
    """Tokens that are asked for in a second."""
    random_hex: Callable[[], str] | None = None


class Flow:
    """An operator at work, with `count` workers, and as many askers for each endpoint."""

    def __init__(
        self,
        api: API,
        ims: list[IMS],
        history: list[str],
        kube: Kube,
        asker: IMSClient,
        *,
        count: int,
        ahead: Ahead,
        parts: Parts,
    ) -> None:
        self.api, self.ims, self.history = api, ims, history
        self._ahead = ahead
        self.clock = ahead.clock
        self.leads = True
        """Whether this replica may write and ask."""
        self.calls: Counter[str] = Counter()
        """How often the core was called, by what it did."""
        self.recorder = Recorder(kube, ahead.clock.now, "test")
        self.controller = Controller(
            kube,
            asker,
            self.recorder,
            Endpoints([each.url for each in ims], allow_http=True),
            clock=ahead.clock,
            jitter=lambda: 0.0,
            random_hex=parts.random_hex or partial(random_hex, itertools.count()),
            forbidden=Forbidden(()),
            count=lambda *_: None,
            concurrency=count,
            qps=parts.qps,
            observe=self._counting("observe", observe),
            decide=self._counting("decide", parts.decide),
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
        ref = {"secretRef": {"name": f"{client}-oauth"}, "secretKeys": list(keys)}
        self._apply(name, {"client": ref, "endpoint": self.ims[ims].url, **spec})

    def take(self, name: str, source: str) -> None:
        """Make a credential that takes the token of another one."""
        self._apply(name, {"tokenFrom": {"namespace": NAMESPACE, "name": source}})

    def _apply(self, name: str, spec: Object) -> None:
        known = self.api.credentials.get(name, {"metadata": {"generation": 0}})
        self.api.credentials[name] = {
            "metadata": {
                "name": name,
                "namespace": NAMESPACE,
                "uid": f"uid-of-{name}",
                "generation": known["metadata"]["generation"] + 1,
                "creationTimestamp": "2026-11-24T10:00:00Z",
            },
            "spec": spec,
            "status": known.get("status", {}),
        }
        self._tell(name)

    def rotate(self, name: str, request: str) -> None:
        """Ask for a rotation by annotation."""
        self.api.credentials[name]["metadata"]["annotations"] = {ROTATE_ANNOTATION: request}
        self._tell(name)

    def label(self, name: str, value: str) -> None:
        """Change a credential's metadata, which is none of the operator's business."""
        self.api.credentials[name]["metadata"]["labels"] = {"team": value}
        self._tell(name)

    def delete_secret(self, name: str) -> None:
        """Delete a Secret, as a person does, and as the watch tells."""
        del self.api.secrets[name]
        self.store.delete_secret(Key(NAMESPACE, name), int(self.api.version()))

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._ahead.seconds += seconds
        self.controller.queue.add(Key(NAMESPACE, "nobody"))  # whoever takes it sees what fell due

    def touch(self, secret: str) -> None:
        """Change the resourceVersion of a Secret and nothing in it, as a new label does."""
        metadata = self.api.secrets[secret]["metadata"]
        metadata["resourceVersion"] = self.api.version()
        self.store.upsert_secret(Key(NAMESPACE, secret), observe_secret(metadata))

    def tokens(self) -> dict[str, str]:
        """The tokens that are in Secrets, by the names of these."""
        data = {name: secret["data"].get("access_token") for name, secret in self.api.secrets.items()}
        return {name: base64.b64decode(token).decode() for name, token in data.items() if token is not None}

    def condition(self, name: str, kind: str) -> tuple[str, str] | None:
        """The status and the reason of a condition of a credential."""
        conditions = self.api.credentials[name].get("status", {}).get("conditions", [])
        return next(((each["status"], each["reason"]) for each in conditions if each["type"] == kind), None)

    def failures(self, name: str) -> int:
        """How many attempts failed in a row, as the status says."""
        return int(self.api.credentials[name].get("status", {}).get("failures", 0))

    def ready(self, name: str) -> str | None:
        """The reason that the status gives for whether a credential is ready."""
        found = self.condition(name, "Ready")
        return found[1] if found is not None else None

    def failing(self, name: str) -> str | None:
        """The reason that the status gives for whether the rotation of a credential fails."""
        found = self.condition(name, "RotationFailing")
        return found[1] if found is not None else None

    async def happens(self, *events: str) -> None:
        """Wait until the history has all of these."""
        await self.until(lambda: set(events) <= set(self.history))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; fails with the history after ten seconds, which only a busy machine needs."""
        try:
            async with asyncio.timeout(10):
                while not holds():  # noqa: ASYNC110 - what it looks at tells nobody
                    await asyncio.sleep(0.005)
        except TimeoutError:
            reasons = {
                name: [(each["type"], each["status"], each["reason"]) for each in body["status"].get("conditions", [])]
                for name, body in self.api.credentials.items()
            }
            raise AssertionError(f"it did not come to that: {self.history}, {reasons}") from None

    def _tell(self, name: str) -> None:
        body = self.api.credentials[name]
        body["metadata"]["resourceVersion"] = self.api.version()
        self.store.upsert_credential(parse_credential(body))


@asynccontextmanager
async def serving(*servers: API | IMS) -> AsyncIterator[None]:
    """Have servers answer at their `url`."""
    async with AsyncExitStack() as stack:
        for server in servers:
            app = web.Application(middlewares=[web.middleware(server.troubles)] if isinstance(server, API) else [])
            app.add_routes(server.routes())
            running = await stack.enter_async_context(TestServer(app))
            server.url = str(running.make_url("")).rstrip("/")
        yield


@asynccontextmanager
async def flowing(
    count: int, endpoints: int = 1, patience: float = REQUEST_SECONDS, parts: Parts = Parts()
) -> AsyncIterator[Flow]:
    """An operator with `count` workers, and as many askers for each endpoint, and so many endpoints.

    Args:
        patience: seconds that a request to the API server may take.
    """
    history: list[str] = []
    ahead = Ahead()
    api, ims = API(history), [IMS(history, ahead.clock) for _ in range(endpoints)]
    asker = IMSClient(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), now=ahead.clock.now)
    async with serving(api, *ims):
        flows: list[Flow] = []

        def time_left() -> float:
            if not flows[0].leads:
                raise NotLeadingError
            return REQUEST_SECONDS

        kube = api_client(api, time_left, patience)
        flow = Flow(api, ims, history, kube, asker, count=count, ahead=ahead, parts=parts)
        flows.append(flow)
        try:
            yield flow
        finally:
            for gate in (api.reads, api.writes, api.statuses, *(each.answers for each in ims)):
                gate.open()
            api.troubles.end()
            await cancel(flow.run, *flow.controller.tasks)
            await kube.close()
            await asker.close()


def api_client(
    api: API, time_left: Callable[[], float] = lambda: REQUEST_SECONDS, patience: float = REQUEST_SECONDS
) -> Kube:
    """A client of the API server."""

    async def load() -> Configuration:
        return Configuration()

    return Kube(Configuration(host=api.url), 64, load, time_left, patience=patience)


async def cancel(*tasks: asyncio.Task[None]) -> None:
    """End tasks."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _merge(target: Object, patch: Object) -> None:
    """RFC 7396."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            _merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


def random_hex(numbers: Iterator[int]) -> str:
    """16 hexadecimal digits that no other call gives."""
    return f"{next(numbers):016x}"
