"""What is granted is used, and what is used is granted: the rules in deploy/ beside the API server's audit log."""

import json
import re
from collections.abc import Iterator
from typing import Any

from adobe_ims_operator.api.resource import ROTATE_ANNOTATION
from adobe_ims_operator.cli.permissions import Permission
from integration.workloads import make, rollouts
from permissions import flat
from testbed.api import wait_for
from testbed.operator_process import ACCOUNT, lease_rules, rules
from testbed.scene import Scene

DISCOVERY = re.compile("/apis?(/[a-z0-9.-]+){0,2}")
KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Rollout")


def audited(scene: Scene) -> Iterator[dict[str, Any]]:
    """What the operator's account asked for."""
    assert scene.control_plane.audit_log is not None
    user = f"system:serviceaccount:{scene.namespace}:{ACCOUNT}"
    for line in scene.control_plane.audit_log.read_text().splitlines():
        event = json.loads(line)
        if event["user"].get("username") == user:
            yield event


def permission(event: dict[str, Any]) -> Permission:
    reference = event["objectRef"]
    resource = "/".join(filter(None, (reference["resource"], reference.get("subresource"))))
    return Permission(reference.get("apiGroup", ""), resource, event["verb"])


def live_a_life(scene: Scene) -> None:
    """Have the operator do all that it can be asked to do."""
    for kind in KINDS:
        make(scene, kind, "web")
    scene.client_secret()
    operator = scene.replica("replica")
    scene.credential(restart=[{"kind": kind, "name": "web"} for kind in KINDS])
    scene.wait_condition("WorkloadsRestarted", "True", "Restarted")
    scene.patch("lightroom", {"metadata": {"annotations": {ROTATE_ANNOTATION: "1"}}})
    scene.wait_rotations(2)
    scene.patch("lightroom", {"spec": {"secret": {"name": "renamed"}}})
    wait_for("the Secret of before to go", lambda: scene.secret("lightroom") is None or None)
    scene.patch("lightroom", {"spec": {"secret": {"deletionPolicy": "Retain"}}})
    wait_for("the Secret to be nobody's", lambda: not _owners(scene))
    scene.api.delete(scene.path("lightroom"))
    scene.credential(secret={"name": "renamed"})
    scene.wait_ready()
    # The second renewal of the Lease is one that finds it.
    wait_for(
        "a renewal", lambda: any(permission(event).verb == "update" for event in audited(scene) if "objectRef" in event)
    )
    operator.stop()


def _owners(scene: Scene) -> list[dict[str, Any]]:
    secret = scene.secret("renamed")
    assert secret is not None
    owners: list[dict[str, Any]] = secret["metadata"].get("ownerReferences", [])
    return owners


def test_what_is_granted_is_used_and_what_is_used_is_granted(scene: Scene) -> None:
    with rollouts(scene):
        live_a_life(scene)
    events = list(audited(scene))
    used = {permission(event) for event in events if "resource" in event.get("objectRef", {})}
    allowed = flat([*rules(), *lease_rules()])
    assert used - allowed == set(), "used without being granted"
    assert allowed - used == set(), "granted without being used"
    refused = {event["requestURI"] for event in events if event.get("responseStatus", {}).get("code") in (401, 403)}
    assert refused == set()
    others = {event["requestURI"] for event in events if "resource" not in event.get("objectRef", {})}
    assert all(DISCOVERY.fullmatch(uri) for uri in others), "beside what every account may ask for"
    where = {event["objectRef"]["namespace"] for event in events if "resource" in event.get("objectRef", {})}
    assert where == {scene.namespace}, "with --namespace Roles are enough"


def test_no_rule_says_everything() -> None:
    for each in flat([*rules(), *lease_rules()]):
        assert "*" not in each


def test_the_lease_is_the_only_one_that_it_may_touch() -> None:
    named = [rule for rule in lease_rules() if set(rule["verbs"]) != {"create"}]
    assert [rule["resourceNames"] for rule in named] == [[ACCOUNT]]
