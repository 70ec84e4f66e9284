"""The Grafana dashboard of the chart, and credentials with which each of its panels has something to show."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from testbed.binaries import REPOSITORY
from testbed.operator_process import rules
from testbed.scene import CLIENT, Scene, allow, workload

DASHBOARD = REPOSITORY / "charts" / "adobe-ims-operator" / "dashboards" / "adobe-ims-operator.json"
REASONS = {
    "wrong-secret": "InvalidClient",
    "wrong-id": "InvalidClient",
    "no-secret": "ClientSecretNotFound",
    "no-key": "ClientSecretKeyMissing",
    "odd-id": "ClientSecretInvalid",
    "elsewhere": "EndpointNotAllowed",
    "taken": "SecretNotOwned",
    "forbidden": "SecretWriteRefused",
}
"""The credentials of `break_credentials` that fail, and why."""
LIFETIME = 45
"""Seconds that a token lives, so that some are replaced while one looks."""


@dataclass(frozen=True)
class Panel:
    """One panel: `targets` are pairs of a query and of what its series are called."""

    kind: str
    title: str
    unit: str
    x: int
    y: int
    width: int
    height: int
    targets: tuple[tuple[str, str], ...]


def panels() -> Iterator[Panel]:
    """The panels, in their order; a row has no targets."""
    for each in json.loads(DASHBOARD.read_text())["panels"]:
        place: dict[str, int] = each["gridPos"]
        targets = tuple((str(one["expr"]), str(one["legendFormat"])) for one in each.get("targets", ()))
        unit = each.get("fieldConfig", {}).get("defaults", {}).get("unit", "short")
        yield Panel(each["type"], each["title"], unit, place["x"], place["y"], place["w"], place["h"], targets)


def break_credentials(scene: Scene) -> None:
    """Make three credentials that are well, and others that are not, each for another reason."""
    scene.ims.settings(expires_in=LIFETIME)
    scene.client_secret()
    scene.api.apply(workload("Deployment", "web"), namespace=scene.namespace)
    for name, data in _client_secrets().items():
        scene.client_secret(f"{name}-oauth", data)
    taken: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "taken"}}
    scene.api.apply(taken, namespace=scene.namespace)
    scene.credential("first", restart=[{"kind": "Deployment", "name": "web"}])
    scene.credential("second", restart=[{"kind": "Deployment", "name": "absent"}])
    scene.credential("asleep")
    for name in ("first", "second", "asleep"):
        scene.wait_ready(name)
    scene.credential("asleep", suspend=True)
    scene.credential("spare", client={"secretRef": {"name": "spare-oauth"}, "secretKeys": ["first", "client_secret"]})
    scene.wait_ready("spare")
    for name in ("wrong-secret", "wrong-id", "no-secret", "no-key", "odd-id"):
        scene.credential(name, client={"secretRef": {"name": f"{name}-oauth"}})
    scene.credential("elsewhere", endpoint="https://ims.example.com")
    scene.credential("taken")
    (verbs,) = (rule["verbs"] for rule in rules() if "secrets" in rule["resources"])
    allow(scene.api, scene.namespace, "secrets", [verb for verb in verbs if verb != "create"])
    scene.credential("forbidden")
    for name, reason in REASONS.items():
        scene.wait_condition("RotationFailing", "True", reason, name)


def _client_secrets() -> dict[str, dict[str, str]]:
    return {
        "wrong-secret": {**CLIENT, "client_secret": "p8e-wrong"},
        "wrong-id": {**CLIENT, "client_id": "f" * 32},
        "no-key": {"client_id": CLIENT["client_id"]},
        "odd-id": {**CLIENT, "client_id": f"{CLIENT['client_id']}\u200b"},
        "spare": {**CLIENT, "first": "p8e-gone"},
    }
