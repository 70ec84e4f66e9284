"""A controller of client secrets at work beside a flow of tokens; what watches would bring is put into its cache."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from adobe_ims_operator.adobe.client import IMSClient
from adobe_ims_operator.adobe.console import ConsoleClient
from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.api.client_secret import parse_client_secret
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.replacement.controller import ReplacementController
from adobe_ims_operator.controller.replacement.reconcile import Decide
from adobe_ims_operator.core.replacement.decide import decide
from adobe_ims_operator.kube.client import Kube
from unit.flow import NAMESPACE, Flow, Object, api_client, cancel, flowing

NAME, BOOTSTRAP = "lightroom", "oauth"


class Replacing:
    """The controller, and objects that name one bootstrap Secret."""

    def __init__(
        self, flow: Flow, kube: Kube, ims: IMSClient, console: ConsoleClient, *, decide: Decide, concurrency: int
    ) -> None:
        self.flow = flow
        self.controller = ReplacementController(
            kube,
            ims,
            console,
            flow.recorder,
            flow.controller,
            endpoints=Endpoints([flow.ims[0].url], allow_http=True),
            console_endpoint=flow.ims[0].url,
            clock=flow.clock,
            jitter=lambda: 0.0,
            count=lambda *_: None,
            count_console=lambda *_: None,
            concurrency=concurrency,
            decide=decide,
        )

    def put(self, names: Iterable[str] = (NAME,), *, uid: str | None = None, secret: str | None = None) -> None:
        """Make objects, all at once, each with a credential of its own, and the first the oldest.

        Args:
            secret: the managed Secret of all; else each has one of its own.
            uid: where they were made again.
        """
        for number, name in enumerate(names):
            self.flow.api.client_secrets[name] = self._body(name, number, uid or f"uid-of-{name}", secret or name)
        bodies = self.flow.api.client_secrets.items()
        listed = {Key(NAMESPACE, name): parse_client_secret(body) for name, body in bodies}
        self.controller.replacements.replace(None, listed)

    def _body(self, name: str, number: int, uid: str, secret: str) -> Object:
        return {
            "metadata": {
                "name": name,
                "namespace": NAMESPACE,
                "uid": uid,
                "generation": 1,
                "resourceVersion": self.flow.api.version(),
                "creationTimestamp": f"2026-11-24T10:{number // 60:02}:{number % 60:02}Z",
            },
            "spec": {
                "organizationId": "23294",
                "credentialId": str(436084 + number),
                "bootstrap": {"secretRef": {"name": BOOTSTRAP}},
                "secret": {"name": secret},
            },
        }

    def fill(self, **data: str) -> None:
        """Write the bootstrap Secret, as a person does, and as the watch tells."""
        self.write(BOOTSTRAP, data)

    def write(self, secret: str, data: dict[str, str]) -> None:
        """Write any Secret so."""
        metadata = {"name": secret, "namespace": NAMESPACE, "uid": f"uid-of-secret-{secret}"}
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        self.flow.api.secrets[secret] = {"metadata": metadata, "data": encoded}
        self.flow.touch(secret)

    def status(self, name: str = NAME) -> dict[str, Any]:
        found: dict[str, Any] = self.flow.api.client_secrets[name].get("status", {})
        return found

    def failures(self, name: str = NAME) -> int | None:
        """As the controller knows them, whose turn is over then."""
        return self.controller.replacements.resources[Key(NAMESPACE, name)].status.failures

    def condition(self, kind: str, name: str = NAME) -> tuple[str, str]:
        found = self._find(kind, name)
        return found.get("status", ""), found.get("reason", "")

    def message(self, kind: str, name: str = NAME) -> str:
        found: str = self._find(kind, name).get("message", "")
        return found

    def _find(self, kind: str, name: str) -> Object:
        conditions = self.status(name).get("conditions", [])
        return next((each for each in conditions if each["type"] == kind), {})

    def written(self, name: str = NAME) -> int:
        """How often a status was."""
        return self.flow.api.troubles.asked[f"PATCH adobeimsclientsecrets/{name}/status"]

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.flow.advance(seconds)
        self.controller.queue.add(Key(NAMESPACE, "nobody"))  # whoever takes it sees what fell due


@asynccontextmanager
async def replacing(decide: Decide = decide, concurrency: int = 1) -> AsyncIterator[Replacing]:
    """A controller, with so many objects under way at once at most."""
    async with flowing(1) as flow:
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        kube, ims, console = api_client(flow.api), IMSClient(trust), ConsoleClient(flow.ims[0].url, trust)
        found = Replacing(flow, kube, ims, console, decide=decide, concurrency=concurrency)
        found.controller.start()
        run = asyncio.create_task(found.controller.run())
        try:
            yield found
        finally:
            flow.api.reads.open()
            await cancel(run, *found.controller.tasks)
            await kube.close()
            await ims.close()
            await console.close()
