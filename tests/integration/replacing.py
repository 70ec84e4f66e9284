"""An AdobeIMSClientSecret in a scene, with clocks that a test moves by days."""

import contextlib
import json
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from adobe_ims_operator.api.client_secret import CLIENT_SECRET_KIND, CLIENT_SECRET_PLURAL
from adobe_ims_operator.api.client_secret_ledger import LEDGER_ANNOTATION, Origin
from adobe_ims_operator.api.resource import API_VERSION, ROTATE_ANNOTATION
from adobe_ims_stand_in.defaults import (
    SAMPLE_CLIENT_ID,
    SAMPLE_CLIENT_SECRET,
    SAMPLE_CREDENTIAL,
    SAMPLE_ORGANIZATION,
)
from testbed.api import Object, T, wait_for
from testbed.operator_process import Operator
from testbed.scene import Scene
from testbed.stand_in import KnownSecrets, StandIn

MINUTE, HOUR, DAY = 60, 3600, 86400
MANAGED = "lightroom-client"
PATIENCE = 60
"""Seconds for what takes one or two, as the machine may be busy."""
WATCHED_AGAIN = 100
"""Seconds within which a watch that was not possible is tried again: half a minute, on a busy machine."""
OTHER_ID, OTHER_SECRET, OTHER_CREDENTIAL = "f" * 32, "p8e-of_another_client_not_a_secret", "436085"
"""Another client of the same organization; `add_other_client` makes it known."""


class Clocks:
    """Adobe's clock, and that of all operators of a test: they move together."""

    def __init__(self, ims: StandIn, folder: Path) -> None:
        self.file = folder / "clock"
        self._ims = ims
        self._ahead = 0.0
        self._off = 0.0
        self._set()

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._ahead)

    def move(self, seconds: float) -> None:
        self._ahead += seconds
        self._ims.settings(clock_offset=self._ahead + self._off)
        self._set()

    def set_adobe_off(self, seconds: float) -> None:
        """Have Adobe's clock differ by so much from ours."""
        self._off = seconds
        self.move(0)

    def _set(self) -> None:
        written = self.file.with_suffix(".new")
        written.write_text(str(self._ahead))
        written.rename(self.file)


class Replacing:
    """A client secret that is replaced; `pass_time` moves Adobe's clock and the operator's alike."""

    def __init__(self, scene: Scene, folder: Path, name: str = "lightroom", clocks: Clocks | None = None) -> None:
        self.scene = scene
        self.name = name
        self.clocks = clocks or Clocks(scene.ims, folder)
        self._pokes = 0

    def flags(self, *arguments: str) -> tuple[str, ...]:
        return ("--client-secrets", "--console-endpoint", self.scene.ims.url, *arguments)

    def operator(self, *arguments: str) -> Operator:
        """Start the operator, or another one."""
        return self.scene.operator(*self.flags(*arguments), clock=self.clocks.file)

    def begin(self, *arguments: str, **spec: Any) -> Operator:
        """Have the sample client taken over, so that it may be replaced."""
        self.scene.client_secret()
        operator = self.operator(*arguments)
        self.apply(**spec)
        self.wait("Ready", "True", "InPlace")
        self.make_certain()
        return operator

    def make_certain(self) -> None:
        """Let the time pass until it is certain which one at Adobe was taken over, and until that list is old."""
        self.pass_time(26 * HOUR)
        wait_for("it to be certain", lambda: self.ledger()["current"]["origin"] != Origin.ALONE, PATIENCE)
        self.rest()
        self.pass_time(HOUR)

    def apply(self, **spec: Any) -> None:
        """Apply the object, as a person does."""
        body = {
            "apiVersion": API_VERSION,
            "kind": CLIENT_SECRET_KIND,
            "metadata": {"name": self.name},
            "spec": {
                "organizationId": SAMPLE_ORGANIZATION,
                "credentialId": SAMPLE_CREDENTIAL,
                "bootstrap": {"secretRef": {"name": "oauth"}},
                "secret": {"name": MANAGED},
                "interval": "2160h",
                "overlap": "24h",
                **spec,
            },
        }
        self.scene.api.apply(body, namespace=self.scene.namespace)

    def edit(self, **spec: Any) -> None:
        """Change fields of the spec, and wait until the operator has seen it."""
        generation = self.scene.api.patch(self.path, {"spec": spec})["metadata"]["generation"]
        self.poke()
        wait_for("it to be seen", lambda: self.status().get("observedGeneration") == generation, PATIENCE)

    @property
    def path(self) -> str:
        return f"/apis/{API_VERSION}/namespaces/{self.scene.namespace}/{CLIENT_SECRET_PLURAL}/{self.name}"

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.scene.api.get(self.path).get("status", {})
        return status

    def condition(self, kind: str) -> dict[str, Any]:
        conditions = self.status().get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == kind), {})

    def wait(self, kind: str, status: str, reason: str) -> dict[str, Any]:
        """Wait until a condition has that status and reason; the condition."""
        return wait_for(f"{kind} to be {status} because of {reason}", lambda: self.says(kind, status, reason), PATIENCE)

    def says(self, kind: str, status: str, reason: str) -> dict[str, Any]:
        """The condition, which has that status and reason now."""
        found = self.condition(kind)
        assert (found.get("status"), found.get("reason")) == (status, reason), self.status()
        return found

    def fails(self, reason: str) -> str:
        """Wait until nothing can be replaced because of that; what the condition says."""
        return wait_for(f"it to fail because of {reason}", lambda: self.failing(reason), PATIENCE)

    def failing(self, reason: str) -> str:
        """What the condition says that now nothing can be replaced because of that."""
        message: str = self.says("RotationFailing", "True", reason)["message"]
        return message

    def secret(self) -> Object | None:
        return self.scene.secret(MANAGED)

    def data(self) -> dict[str, str]:
        return self.scene.data(MANAGED)

    def ledger(self) -> dict[str, Any]:
        """The ledger of the managed Secret; {} where there is none."""
        annotations = (self.secret() or {"metadata": {}})["metadata"].get("annotations", {})
        found: dict[str, Any] = json.loads(annotations.get(LEDGER_ANNOTATION, "{}"))
        return found

    def phase(self) -> str:
        found: str = self.ledger().get("phase", {}).get("phase", "")
        return found

    def wait_phase(self, phase: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until the ledger is in a phase; the ledger."""

        def probe() -> dict[str, Any]:
            found = self.ledger()
            assert found.get("phase", {}).get("phase") == phase, (found.get("phase"), self.status())
            return found

        return wait_for(f"the ledger to be {phase}", probe, seconds)

    def known(self) -> KnownSecrets:
        """What Adobe knows of the client secrets of the sample client."""
        return self.scene.ims.client_secrets()

    def asked(self, kind: str = "list") -> int:
        """How many requests of a kind the console API had."""
        return self.scene.ims.console_requests().by_request.get(kind, 0)

    def done(self, kind: str) -> int:
        """How many of them were done, the answer lost or not."""
        return self.scene.ims.console_requests().done.get(kind, 0)

    def check(self, most: int = 2) -> None:
        """See that the managed Secret holds a client secret that is at Adobe, and that there never were more."""
        assert self.data()["client_secret"] in wait_for("Adobe to stand still", self._values, PATIENCE)
        assert self.known().most <= most

    def _values(self) -> list[str]:
        try:
            return [self.scene.ims.read_by_hand(each.uuid) for each in self.known().current]
        except ValueError as gone:
            raise AssertionError("one was deleted meanwhile") from gone

    def add(self, text: str = "now") -> None:
        """Ask for a replacement of a client that was taken over, and let the time pass until it may begin."""
        self.request(text)
        self.pass_time(2 * HOUR)

    def prove(self) -> str:
        """Have the next client secret put in place: its value, once it is."""
        wait_for("IMS to accept it first", lambda: self.ledger().get("phase", {}).get("acceptedAt"), PATIENCE)
        # An answer that was on its way while the clocks moved counts for nothing: then it takes another ten minutes.
        self.settle("it to be in place", lambda: self.phase() == "Draining", seconds=10)
        return self.data()["client_secret"]

    def replace(self) -> str:
        """Have a client secret replaced that was taken over: its value, once it is in place."""
        self.add()
        return self.prove()

    def drain(self) -> None:
        """Let the time pass in which nobody uses the old one, and see it go."""
        self.live(10, lambda: self.phase() == "Steady")
        self.wait_phase("Steady")

    def live(self, half_days: int, until: Callable[[], object] = bool, each: Callable[[], object] = bool) -> None:
        """Let half days pass, each with a look at Adobe's list after it, up to a moment; do something before each."""
        for _ in range(half_days):
            if until():
                return
            each()
            seen = self.asked()
            self.pass_time(DAY / 2)
            # An answer that was on its way while the clocks moved counts as one of after that: then none follows now.
            with contextlib.suppress(AssertionError):
                wait_for("Adobe to be asked", partial(self._is_asked_after, seen, until), 15)
            self.rest()

    def rest(self) -> None:
        """Wait until the operator asks and writes nothing for a moment, so that no clock moves under its work."""

        def seen() -> object:
            return self.scene.ims.console_requests(), self.secret(), self.status()

        def stands_still() -> bool:
            before = seen()
            time.sleep(0.2)
            return seen() == before

        wait_for("the operator to rest", stands_still, PATIENCE)

    def _is_asked_after(self, seen: int, until: Callable[[], object]) -> bool:
        return self.asked() > seen or bool(until())

    def settle(
        self,
        what: str,
        probe: Callable[[], T | None],
        minutes: int = 11,
        rounds: int = 6,
        seconds: float = 6,
        then: int = 0,
    ) -> T:
        """Let some minutes pass again and again, and wait so many seconds each time, until something is the case.

        `then` are the minutes of one longer step after these, and of as many short ones again.
        """
        steps = [minutes] * rounds + ([then] + [minutes] * rounds if then else [])
        for step in steps:
            self.pass_time(step * MINUTE)
            with contextlib.suppress(AssertionError):
                return wait_for(what, probe, seconds)
        return wait_for(what, probe, PATIENCE)

    def pass_time(self, seconds: float) -> None:
        """Move both clocks, and have the object looked at."""
        self.clocks.move(seconds)
        self.poke()

    def poke(self) -> None:
        """Change what means nothing, so that the object is looked at now."""
        self._pokes += 1
        self.scene.api.patch(self.path, {"metadata": {"labels": {"poked": str(self._pokes)}}})

    def quiet(self) -> None:
        """Have the operator look at the object a few times: it adds, deletes and writes nothing."""
        before = self.done("add"), self.done("delete"), self.secret()
        for _ in range(4):
            self.poke()
            time.sleep(0.5)
        assert (self.done("add"), self.done("delete"), self.secret()) == before

    def request(self, text: str = "now") -> None:
        """Ask for a replacement now."""
        self.scene.api.patch(self.path, {"metadata": {"annotations": {ROTATE_ANNOTATION: text}}})

    def delete(self) -> None:
        """Delete the object, as a person does."""
        self.scene.api.delete(self.path)
        wait_for("it to be gone", lambda: self.scene.api.get_or_none(self.path) is None, PATIENCE)


def add_other_client(ims: StandIn) -> None:
    """Have IMS know another client, with a credential of its own in the same organization."""
    ims.clients({SAMPLE_CLIENT_ID: SAMPLE_CLIENT_SECRET, OTHER_ID: OTHER_SECRET})
    ims.credentials(
        {
            (SAMPLE_ORGANIZATION, SAMPLE_CREDENTIAL): SAMPLE_CLIENT_ID,
            (SAMPLE_ORGANIZATION, OTHER_CREDENTIAL): OTHER_ID,
        }
    )


def use(ims: StandIn, value: str, client_id: str = SAMPLE_CLIENT_ID) -> bool:
    """Ask IMS for a token as somebody elsewhere who has a client secret; whether it was given."""
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": value, "scope": "openid"}
    trust = ssl.create_default_context(cafile=str(ims.ca))
    answer = httpx.post(f"{ims.url}/ims/token/v3", data=form, verify=trust, trust_env=False, timeout=30)
    return answer.is_success
