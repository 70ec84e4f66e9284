"""Odd answers of the API server to each request for one credential: what is asked, what fails, and what still holds."""

import json
import re
from collections.abc import Callable, Sequence

from aiohttp import web

from testbed.api import wait_for
from testbed.odd_api import CANARY, ODD_ANSWERS, Odd, OddApi
from testbed.operator_process import Operator
from testbed.scene import CLIENT, Scene, workload

Is = Callable[[web.Request, bytes], str | None]
"""The number of the odd answer that a request gets, as text, if any."""


def says_no_more_than_it_should(scene: Scene, operator: Operator) -> None:
    assert operator.process.poll() is None
    for text in ("Traceback", "a defect of the operator", CANARY):
        assert text not in operator.text()
    for path in (scene.path("").rstrip("/"), f"/apis/events.k8s.io/v1/namespaces/{scene.namespace}/events"):
        assert CANARY not in json.dumps(scene.api.get(path))


def in_path(method: str, form: str) -> Is:
    """Requests of a method whose path has this form, in which a number stands."""

    def number(request: web.Request, _body: bytes) -> str | None:
        found = re.search(form, request.path) if request.method == method else None
        return None if found is None else found[1]

    return number


def event_of(request: web.Request, body: bytes) -> str | None:
    if request.method != "POST" or not request.path.endswith("/events"):
        return None
    found = re.fullmatch(r"event-(\d+)", json.loads(body)["regarding"]["name"])
    return None if found is None else found[1]


def created(request: web.Request, body: bytes) -> str | None:
    if request.method != "POST" or not request.path.endswith("/secrets"):
        return None
    found = re.fullmatch(r"post-(\d+)", json.loads(body)["metadata"]["name"])
    return None if found is None else found[1]


REQUESTS: dict[str, Is] = {
    "get": in_path("GET", r"/secrets/oauth-(\d+)$"),
    "post": created,
    "patch": in_path("PATCH", r"/secrets/patch-(\d+)$"),
    "delete": in_path("DELETE", r"/secrets/delete-(\d+)$"),
    "status": in_path("PATCH", r"/status-(\d+)/status$"),
    "event": event_of,
    "workload": in_path("PATCH", r"/deployments/web-(\d+)$"),
}
"""What the operator does for one credential: for each kind of request, the one that is answered oddly."""
REASONS = {
    "get": ("RotationFailing", {"SecretReadFailed", "SecretReadRefused"}),
    "post": ("RotationFailing", {"SecretWriteFailed"}),
    "patch": ("RotationFailing", {"SecretWriteFailed"}),
    "delete": ("RotationFailing", {"OldSecretNotDeleted"}),
    "workload": ("WorkloadsRestarted", {"RestartFailed", "RestartIgnored"}),
}
SKIPPED: dict[str, set[str]] = {
    # No answer to a DELETE is read, and one without metadata to a PATCH of a workload says that nothing was set.
    "delete": {
        odd.name for odd in ODD_ANSWERS if odd.status == 200 and not odd.cut and odd.body.startswith((b"{", b"["))
    },
}


def odd_for_each(kinds: Sequence[str]) -> Callable[[web.Request, bytes], Odd | None]:
    def choose(request: web.Request, body: bytes) -> Odd | None:
        for kind in kinds:
            number = REQUESTS[kind](request, body)
            if number is not None:
                return ODD_ANSWERS[int(number)]
        return None

    return choose


def names(kind: str) -> list[str]:
    return [f"{kind}-{number}" for number in range(len(ODD_ANSWERS))]


def failing(scene: Scene, kind: str) -> None:
    """Wait until the status of each credential of this kind says what fails."""
    condition, reasons = REASONS[kind]
    value = "False" if condition == "WorkloadsRestarted" else "True"
    for name, odd in zip(names(kind), ODD_ANSWERS, strict=True):

        def probe(name: str = name) -> bool:
            found = scene.condition(condition, name)
            assert (found.get("status"), found.get("reason") in reasons) == (value, True), found
            return True

        if odd.name not in SKIPPED.get(kind, ()):
            wait_for(f"{name} to say that {odd.name} failed", probe, 60)


def put(scene: Scene, kind: str) -> None:
    """A credential of this kind for each odd answer."""
    for number, name in enumerate(names(kind)):
        if kind == "get":
            scene.client_secret(f"oauth-{number}", CLIENT)
            scene.credential(name, client={"secretRef": {"name": f"oauth-{number}"}})
        elif kind == "workload":
            scene.api.apply(workload("Deployment", f"web-{number}"), namespace=scene.namespace)
            scene.credential(name, restart=[{"kind": "Deployment", "name": f"web-{number}"}])
        else:
            scene.credential(name)


def change(scene: Scene, kind: str) -> None:
    """Have the operator do what is answered oddly."""
    for number, name in enumerate(names(kind)):
        if kind == "delete":
            scene.patch(name, {"spec": {"secret": {"name": f"renamed-{number}"}}})
        else:
            scene.patch(name, {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}})


def is_well(scene: Scene, name: str) -> None:
    def probe() -> bool:
        found = {each["type"]: each["status"] for each in scene.status(name).get("conditions", [])}
        assert (found.get("Ready"), found.get("RotationFailing")) == ("True", "False"), found
        assert found.get("WorkloadsRestarted", "True") == "True"
        return True

    wait_for(f"{name} to recover", probe, 60)


def give_odd_answers(scene: Scene, first: Sequence[str], later: Sequence[str] = ()) -> None:
    """Give each odd answer to requests of some kinds, to those of `later` once all is well; all else goes on.

    All recovers once the answers are as they should be.
    """
    kinds = [*first, *later]
    scene.client_secret()
    with OddApi(scene.control_plane) as proxy:
        proxy.choose = odd_for_each(first)
        operator = scene.operator_by(proxy)
        for kind in kinds:
            put(scene, kind)
        for kind in later:
            for name in names(kind):
                scene.wait_ready(name)
        proxy.choose = odd_for_each(kinds)
        for kind in later:
            change(scene, kind)
        scene.credential("bystander")
        scene.wait_ready("bystander")
        for kind in kinds:
            if kind in REASONS:
                failing(scene, kind)
        every = {odd.name for odd in ODD_ANSWERS}
        wait_for("each odd answer to be given", lambda: {name for _, _, name in proxy.given} == every, 60)
        says_no_more_than_it_should(scene, operator)
        proxy.choose = odd_for_each([])
        for kind in kinds:
            for name in names(kind):
                is_well(scene, name)
        says_no_more_than_it_should(scene, operator)
        assert operator.stop() == 0
