"""A restart belongs to one rotation of one credential: it happens once, is never undone, and is reported."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from testbed.api import ApiError, Object, wait_for
from testbed.scene import Scene, workload
from testbed.webhook import Webhook

ROTATE = "adobe-ims.dev/rotate"
MARK = "restart.adobe-ims.dev/"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
PLURALS = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
}
WEB = {"kind": "Deployment", "name": "web"}
LOCKED = {"kind": "Deployment", "name": "locked"}


@pytest.fixture
def cluster(scene: Scene) -> Scene:
    """A namespace with two Deployments, a client Secret and an operator."""
    for name in ("web", "locked"):
        scene.api.apply(workload("Deployment", name), namespace=scene.namespace)
    scene.client_secret()
    scene.operator()
    return scene


@contextmanager
def admission(scene: Scene, kind: str, **spec: Any) -> Iterator[None]:
    """Have an admission policy or webhook for this namespace's Deployments."""
    name = scene.namespace
    objects: dict[str, Object] = {kind: {"kind": kind, **spec}}
    if kind.endswith("Policy"):
        spec = {"policyName": name, "validationActions": ["Deny"]}
        objects[f"{kind}Binding"] = {"kind": f"{kind}Binding", "spec": spec}
    try:
        for each in objects.values():
            scene.api.apply({"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}, **each})
        yield
    finally:
        for known in reversed(objects):
            scene.api.delete(f"{ADMISSION}/{PLURALS[known]}/{name}")


def policy(scene: Scene) -> dict[str, Any]:
    """A policy that refuses to change the Deployment `locked`."""
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"]}
    constraints = {
        "resourceRules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": scene.namespace}},
    }
    validation = {"expression": "object.metadata.name != 'locked'", "message": "this workload is locked"}
    return {"spec": {"failurePolicy": "Fail", "matchConstraints": constraints, "validations": [validation]}}


def webhook_that_is_away(scene: Scene) -> dict[str, Any]:
    """A webhook for Deployments that can't be called, which the API server answers with 500."""
    return {
        "webhooks": [
            {
                "name": "deployments.policy.example.com",
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "timeoutSeconds": 5,
                "clientConfig": {"url": "https://127.0.0.1:1/validate"},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": scene.namespace}},
                "rules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "resources": ["deployments"],
                        "operations": ["UPDATE"],
                    }
                ],
            }
        ]
    }


def refuses(scene: Scene, name: str) -> bool:
    """Whether admission refuses a change of a Deployment that is not stored."""
    try:
        _probed(scene, name)
    except ApiError:
        return True
    return False


def _probed(scene: Scene, name: str) -> dict[str, str]:
    """The annotations that a pod template would have after a change that is not stored."""
    change = {"spec": {"template": {"metadata": {"annotations": {"probe": "1"}}}}}
    changed = scene.api.patch(f"{deployments(scene)}/{name}?dryRun=All", change)
    annotations: dict[str, str] = changed["spec"]["template"]["metadata"]["annotations"]
    return annotations


def deployments(scene: Scene) -> str:
    return f"/apis/apps/v1/namespaces/{scene.namespace}/deployments"


def deployment(scene: Scene, name: str = "web") -> Object:
    return scene.api.get(f"{deployments(scene)}/{name}")


def marks(scene: Scene, name: str = "web") -> dict[str, str]:
    annotations: dict[str, str] = deployment(scene, name)["spec"]["template"]["metadata"].get("annotations", {})
    return {key: value for key, value in annotations.items() if key.startswith(MARK)}


def generation(scene: Scene, name: str = "web") -> int:
    number: int = deployment(scene, name)["metadata"]["generation"]
    return number


def replica_sets(scene: Scene, name: str = "web") -> list[Object]:
    items = scene.api.get(f"/apis/apps/v1/namespaces/{scene.namespace}/replicasets?labelSelector=app%3D{name}")["items"]
    return sorted(items, key=lambda item: int(item["metadata"]["annotations"]["deployment.kubernetes.io/revision"]))


def rotate(scene: Scene, name: str, value: str) -> None:
    scene.patch(name, {"metadata": {"annotations": {ROTATE: value}}})


def look(scene: Scene, name: str, value: str) -> None:
    """Have the operator look at a credential, as a label on its Secret does."""
    before = scene.log.read_text().count(f"{scene.namespace}/{name}: Rotated; looking again")
    scene.patch(name, {"metadata": {"labels": {"look": value}}}, "secrets")
    after = f"{scene.namespace}/{name}: Rotated; looking again"
    wait_for("it to be looked at", lambda: scene.log.read_text().count(after) > before)


def test_two_credentials_that_rotate_in_the_same_second_both_restart_the_workload_that_they_share(
    cluster: Scene,
) -> None:
    for name in ("lightroom", "firefly"):
        cluster.credential(name, restart=[WEB])
    for name in ("lightroom", "firefly"):
        cluster.wait_ready(name)
    for name in ("lightroom", "firefly"):
        rotate(cluster, name, "1")
    for name in ("lightroom", "firefly"):
        cluster.wait_rotations(2, name)
        cluster.wait_condition("WorkloadsRestarted", "True", "Restarted", name)
    assert set(marks(cluster)) == {f"{MARK}lightroom", f"{MARK}firefly"}
    assert generation(cluster) == 5, "each of the four rotations restarted it"


def test_a_workload_that_is_refused_has_no_other_one_restarted_at_each_look(cluster: Scene) -> None:
    with admission(cluster, "ValidatingAdmissionPolicy", **policy(cluster)):
        wait_for("the policy to be in force", lambda: refuses(cluster, "locked"))
        for name in ("lightroom", "firefly"):
            cluster.credential(name, restart=[WEB, LOCKED])
        for name in ("lightroom", "firefly"):
            condition = cluster.wait_condition("WorkloadsRestarted", "False", "RestartRefused", name)
            assert "Deployment locked" in condition["message"]
            assert "Deployment web" not in condition["message"]
        assert generation(cluster) == 3
        for number in range(3):
            for name in ("lightroom", "firefly"):
                look(cluster, name, str(number))
        assert generation(cluster) == 3
        reasons = {each["name"]: each["reason"] for each in cluster.status()["restarts"]}
        assert reasons == {"web": "Restarted", "locked": "RestartRefused"}
    wait_for("the policy to be gone", lambda: not refuses(cluster, "locked"))
    cluster.credential("lightroom", restart=[WEB, LOCKED], rotation={"interval": "22h"})
    cluster.wait_condition("WorkloadsRestarted", "True", "Restarted")
    assert generation(cluster) == 3
    assert cluster.ims.requests().total == 2


def test_what_a_person_rolls_back_or_restarts_stays_so(cluster: Scene) -> None:
    wait_for("the first revision", lambda: len(replica_sets(cluster)) == 1)
    cluster.credential(restart=[WEB])
    cluster.wait_ready()
    wait_for("the second revision", lambda: len(replica_sets(cluster)) == 2)
    first = replica_sets(cluster)[0]["spec"]["template"]
    first["metadata"]["labels"].pop("pod-template-hash")
    undone = [{"op": "replace", "path": "/spec/template", "value": first}]
    cluster.api.patch(f"{deployments(cluster)}/web", undone, "application/json-patch+json")
    assert marks(cluster) == {}
    seen = generation(cluster)
    look(cluster, "lightroom", "1")
    operator = cluster.operator()  # another process, with nothing but the status to go by
    look(cluster, "lightroom", "2")
    operator.stop()
    cluster.credential(restart=[WEB], rotation={"interval": "22h"})
    cluster.wait_ready()
    assert (marks(cluster), generation(cluster)) == ({}, seen)
    rotate(cluster, "lightroom", "1")
    cluster.wait_rotations(2)
    assert set(marks(cluster)) == {f"{MARK}lightroom"}
    assert generation(cluster) == seen + 1


def test_an_error_of_the_api_server_is_not_reported_as_missing_permissions_and_mends_itself(cluster: Scene) -> None:
    with admission(cluster, "ValidatingWebhookConfiguration", **webhook_that_is_away(cluster)):
        wait_for("the webhook to be in force", lambda: refuses(cluster, "web"))
        cluster.credential(restart=[WEB, LOCKED])
        cluster.wait_ready()
        condition = cluster.wait_condition("WorkloadsRestarted", "False", "RestartFailed")
        assert "permissions" not in condition["message"]
        assert "500" in condition["message"]
        wait_for("all to be reported", lambda: len(cluster.status().get("restarts", [])) == 2)
        assert cluster.status()["rotations"] == 1
        assert cluster.condition("RotationFailing")["status"] == "False"
    cluster.wait_condition("WorkloadsRestarted", "True", "Restarted")
    assert (generation(cluster), generation(cluster, "locked")) == (2, 2)
    assert cluster.ims.requests().total == 1


def test_a_mark_that_something_removes_is_reported(cluster: Scene) -> None:
    with Webhook(cluster.api, cluster.namespace, "deployments", mutates=True) as webhook:
        webhook.annotate_template("restart.adobe-ims.dev/lightroom", "none")
        wait_for("the webhook to be in force", lambda: "none" in _probed(cluster, "web").values())
        cluster.credential(restart=[WEB])
        cluster.wait_condition("WorkloadsRestarted", "False", "RestartIgnored")


def test_an_upgrade_restarts_nothing_and_the_next_rotation_does_it_once(scene: Scene) -> None:
    scene.api.apply(workload("Deployment", "web"), namespace=scene.namespace)
    scene.client_secret()
    operator = scene.operator()
    scene.credential(restart=[WEB])
    scene.wait_ready()
    operator.stop()
    # What the version before left: no id of the rotation, no memory of restarts, and kubectl's annotation.
    dropped = {"adobe-ims.dev/rotation-id": None, "adobe-ims.dev/client-id": None}
    secret = scene.patch("lightroom", {"metadata": {"annotations": dropped}}, "secrets")
    status = {"restarts": None, "lastHandledRotation": None, "secretResourceVersion": _version(secret)}
    scene.api.patch(f"{scene.path('lightroom')}/status", {"status": status})
    template = {"metadata": {"annotations": {f"{MARK}lightroom": None, "kubectl.kubernetes.io/restartedAt": "then"}}}
    scene.api.patch(f"{deployments(scene)}/web", {"spec": {"template": template}})
    stored, seen = scene.api.get(scene.path("lightroom")), generation(scene)
    mark, logged = scene.audited_from(), len(scene.log.read_text())
    scene.operator()
    looked_at = f"{scene.namespace}/lightroom: Rotated; looking again"
    wait_for("it to be looked at", lambda: looked_at in scene.log.read_text()[logged:])
    assert {verb for verb, _ in scene.requests_since(mark)} <= {"get", "list", "watch"}
    assert scene.api.get(scene.path("lightroom")) == stored
    rotate(scene, "lightroom", "1")
    scene.wait_rotations(2)
    assert set(marks(scene)) == {f"{MARK}lightroom"}
    assert generation(scene) == seen + 1


def _version(secret: Object) -> str:
    version: str = secret["metadata"]["resourceVersion"]
    return version
