"""One namespace with more work than the operator can do, while another has new credentials and a third rotates."""

import asyncio
import base64
import math
import socket
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from adobe_ims_operator.api.resource import PLURAL
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from bench.burst import EXPIRES_AT, first_written
from bench.objects import LABEL, client_name, client_secret, credential, path
from bench.raw import in_parallel
from bench.stage import LOADERS, Stage
from bench.table import Figure, Goal
from testbed.api import wait_for

HOG, NEW, ROUTINE = "hog", "new", "routine"
"""The namespaces, and their client ids but for that of `new` and `routine`, which have the sample client."""
Trouble = Literal["wrong", "slow", "hanging"]
TROUBLES: Mapping[Trouble, str] = {
    "wrong": "five wrong client secrets each",
    "slow": "an IMS that answers them in 5 s",
    "hanging": "a webhook that does not answer their writes",
}
SECRET_KEYS = 5
SLOW_SECONDS = 5
LIFETIME = 60
"""Seconds that all tokens live: those of `routine` fall due while the newcomers come."""
NEWCOMERS, EVERY_SECONDS = 20, 3.0
ROUTINES = 10
PATIENCE_SECONDS = 60.0
"""How long the last newcomer is waited for."""
FIRST_TOKEN_SECONDS = 2.0
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the neighbours had of it.

    Args:
        trouble: what the hog's credentials meet.
        took: seconds from the creation of each newcomer to its token in its Secret; infinite where there was none.
        expired: tokens of `routine` that were seen to have expired.
        left: the least seconds that one of them had left.
        rotated: how many of them were replaced meanwhile.
        working: whether the hog's credentials were still being asked for at the end.
    """

    trouble: Trouble
    number: int
    took: tuple[float, ...]
    expired: int
    left: float
    rotated: int
    asked: int
    working: bool


def run(stage: Stage, number: int, trouble: Trouble) -> Outcome:
    """Create so many credentials of the hog at once, and the newcomers one by one after them."""
    stage.ims.clients({SAMPLE_CLIENT_ID: SAMPLE_CLIENT_SECRET, HOG: SAMPLE_CLIENT_SECRET})
    if trouble == "slow":
        stage.ims.rules([{"behaviour": "slow", "seconds": SLOW_SECONDS, "client_id": HOG}])
    hogs, newcomers = [f"{HOG}-{each}" for each in range(number)], [f"{NEW}-{each}" for each in range(NEWCOMERS)]
    keys = SECRET_KEYS if trouble == "wrong" else 0
    asyncio.run(_create(stage, [_hogs_secret(name, keys) for name in hogs]))
    stage.create(NEW, newcomers, NEW, credentials=False)
    stage.create(ROUTINE, [f"{ROUTINE}-{each}" for each in range(ROUTINES)], ROUTINE)
    stage.operator.start()
    wait_for("first tokens", lambda: len(_expiries(stage)) == ROUTINES, PATIENCE_SECONDS)
    mark = stage.audit.mark()
    with _webhook(stage, hangs=trouble == "hanging"):
        asyncio.run(_create(stage, [_hogs_credential(name, keys) for name in hogs]))
        created, watched = {}, _Watched()
        for name in newcomers:
            created[name] = time.time()
            stage.admin.post(path(NEW, PLURAL), credential(name, NEW))
            while time.time() < created[name] + EVERY_SECONDS:
                watched.look(_expiries(stage))
                time.sleep(0.5)
        before = stage.ims.requests(log=0)
        end = time.time() + PATIENCE_SECONDS
        while not created.keys() <= (written := first_written(stage.audit.since(mark))).keys() and time.time() < end:
            watched.look(_expiries(stage))
            time.sleep(0.5)
    return Outcome(
        trouble=trouble,
        number=number,
        took=tuple(written.get(name, math.inf) - at for name, at in created.items()),
        expired=len(watched.expired),
        left=watched.left,
        rotated=watched.rotated,
        asked=before.by_client.get(HOG, 0),
        working=before.by_client.get(HOG, 0) < number * max(keys, 1),
    )


class _Watched:
    """What was seen of the tokens of `routine`."""

    def __init__(self) -> None:
        self.expired: set[tuple[str, float]] = set()
        self.left = math.inf
        self.rotated = 0
        self._known: dict[str, float] = {}

    def look(self, expiries: Mapping[str, float]) -> None:
        now = time.time()
        self.expired |= {(name, at) for name, at in expiries.items() if at <= now}
        self.left = min(self.left, *(at - now for at in expiries.values()))
        self.rotated += sum(at != self._known.get(name, at) for name, at in expiries.items())
        self._known = dict(expiries)


def _expiries(stage: Stage) -> dict[str, float]:
    """When the token of each credential of `routine` expires."""
    found = stage.admin.get(path(ROUTINE, "secrets"))["items"]
    notes = {each["metadata"]["name"]: each["metadata"].get("annotations", {}) for each in found}
    return {
        name: datetime.fromisoformat(given[EXPIRES_AT]).timestamp()
        for name, given in notes.items()
        if EXPIRES_AT in given
    }


def _hogs_secret(name: str, keys: int) -> tuple[str, dict[str, Any]]:
    data = {"client_id": HOG, "client_secret": SAMPLE_CLIENT_SECRET}
    data |= {f"secret-{number}": f"wrong-{number}" for number in range(keys)}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return path(HOG, "secrets"), client_secret(name) | {"data": encoded}


def _hogs_credential(name: str, keys: int) -> tuple[str, dict[str, Any]]:
    body = credential(name, HOG)
    if keys:
        body["spec"]["client"] = {
            "secretRef": {"name": client_name(name)},
            "secretKeys": [f"secret-{number}" for number in range(keys)],
        }
    return path(HOG, PLURAL), body


async def _create(stage: Stage, objects: Sequence[tuple[str, dict[str, Any]]]) -> None:
    async with await stage.open() as api:

        async def create(each: tuple[str, dict[str, Any]]) -> None:
            await api.request("POST", *each)

        await in_parallel(LOADERS, objects, create)


@contextmanager
def _webhook(stage: Stage, *, hangs: bool) -> Iterator[None]:
    """Have each new Secret of the hog wait half a minute for an admission webhook, which never answers."""
    if not hangs:
        yield
        return
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
        webhook = {
            "name": "hangs.bench.example",
            "clientConfig": {"url": f"https://127.0.0.1:{listening.getsockname()[1]}/"},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": HOG}},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 30,
        }
        stage.admin.post(WEBHOOKS, {"metadata": {"name": LABEL}, "webhooks": [webhook]})
        yield


def figures(outcome: Outcome) -> list[Figure]:
    """What is shown of it, with the goals of the project."""
    name = outcome.trouble
    return [
        Figure(f"{name}: a neighbour's first token, p50", statistics.median(outcome.took), "s"),
        Figure(f"{name}: a neighbour's first token, max", max(outcome.took), "s", goal=Goal(FIRST_TOKEN_SECONDS)),
        Figure(f"{name}: tokens of a third namespace that expired", outcome.expired, goal=Goal(0)),
        Figure(f"{name}: replaced meanwhile", outcome.rotated),
        Figure(f"{name}: least left on one of them", outcome.left, "s"),
        Figure(f"{name}: requests for the hog meanwhile", outcome.asked),
        Figure(f"{name}: the hog's work was done before the end", int(not outcome.working), goal=Goal(0)),
    ]
