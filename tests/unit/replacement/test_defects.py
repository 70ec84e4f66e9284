"""A defect of the operator reaches the status of the AdobeIMSClientSecret that it kept from being worked on."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from adobe_ims_operator.adobe.client import IMSClient
from adobe_ims_operator.adobe.console import ConsoleClient
from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.api.client_secret import parse_client_secret
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.replacement.controller import ReplacementController
from adobe_ims_operator.controller.workers import AFTER_DEFECT
from adobe_ims_operator.core.replacement.decide import decide
from adobe_ims_operator.core.replacement.decision import Decision
from adobe_ims_operator.core.replacement.model import Now, Observed
from adobe_ims_operator.kube.client import Kube
from unit.flow import NAMESPACE, Flow, Object, api_client, cancel, flowing

KEY = Key(NAMESPACE, "lightroom")
QUOTED = "p8e-what the exception quotes"


class Replacing:
    """A controller of client secrets beside a flow of tokens, and one object; `broken` says whether its turns fail."""

    def __init__(self, flow: Flow, kube: Kube, ims: IMSClient, console: ConsoleClient) -> None:
        self.broken = True
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
            concurrency=1,
            decide=self._decide,
        )

    def _decide(self, observed: Observed, now: Now) -> Decision:
        if self.broken:
            raise LookupError(QUOTED)
        return decide(observed, now)

    def put(self) -> None:
        """Make the object, whose bootstrap Secret is missing."""
        body: Object = {
            "metadata": {
                "name": KEY.name,
                "namespace": KEY.namespace,
                "uid": "u",
                "generation": 1,
                "resourceVersion": self.flow.api.version(),
                "creationTimestamp": "2026-11-24T10:00:00Z",
            },
            "spec": {
                "organizationId": "23294",
                "credentialId": "436084",
                "bootstrap": {"secretRef": {"name": "oauth"}},
            },
        }
        self.flow.api.client_secrets[KEY.name] = body
        self.controller.replacements.replace(None, {KEY: parse_client_secret(body)})

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.flow.api.client_secrets[KEY.name].get("status", {})
        return found

    @property
    def failures(self) -> int | None:
        """As the controller knows them, whose turn is over then."""
        return self.controller.replacements.resources[KEY].status.failures

    def condition(self, kind: str) -> tuple[str, str]:
        found: Object = next((each for each in self.status.get("conditions", []) if each["type"] == kind), {})
        return found.get("status", ""), found.get("reason", "")

    def advance(self) -> None:
        """Let the time pass after which what ended by a defect is tried again."""
        self.flow.advance(AFTER_DEFECT.total_seconds() + 1)
        self.controller.queue.add(Key(NAMESPACE, "nobody"))


@asynccontextmanager
async def replacing() -> AsyncIterator[Replacing]:
    async with flowing(1) as flow:
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        kube, ims, console = api_client(flow.api), IMSClient(trust), ConsoleClient(flow.ims[0].url, trust)
        found = Replacing(flow, kube, ims, console)
        found.controller.start()
        run = asyncio.create_task(found.controller.run())
        try:
            yield found
        finally:
            await cancel(run, *found.controller.tasks)
            await kube.close()
            await ims.close()
            await console.close()


async def test_a_turn_that_ends_by_a_defect_is_told_in_the_status_until_one_does_not() -> None:
    async with replacing() as found:
        found.put()
        for count in (1, 2, 3):
            await found.flow.until(lambda count=count: found.failures == count)  # type: ignore[misc]
            assert found.condition("RotationFailing") == ("True", Reason.OPERATOR_DEFECT)
            assert found.condition("Ready") == ("Unknown", Reason.OPERATOR_DEFECT)
            assert found.status["reason"] == Reason.OPERATOR_DEFECT
            found.advance()
        assert found.flow.controller.supervisor.defects["client secrets"] >= 3
        assert QUOTED not in str(found.status)
        assert "LookupError" in str(found.status)
        found.broken = False
        found.advance()
        await found.flow.until(lambda: found.condition("RotationFailing") == ("True", Reason.CLIENT_SECRET_NOT_FOUND))
        assert found.condition("Ready") == ("False", Reason.CLIENT_SECRET_MISSING)
        assert found.status["failures"] == 0
