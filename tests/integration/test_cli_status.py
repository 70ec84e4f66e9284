"""`status`: what a person on call is told of credentials, on a real API server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_SECRET
from integration.command import Ended, asked, command
from testbed.api import wait_for
from testbed.control_plane import service_account_kubeconfig
from testbed.scene import CLIENT, Scene, workload

NOT_WELL = 3


def status(scene: Scene, *arguments: str) -> Ended:
    return command(scene.control_plane.kubeconfig, "status", "-n", scene.namespace, *arguments)


def one(scene: Scene, name: str = "lightroom") -> dict[str, Any]:
    return status(scene, name, "-o", "json").document


def pod(name: str, started: datetime, *, environment: bool = True) -> dict[str, Any]:
    """A pod that runs since then, as a kubelet would report it."""
    variable = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "lightroom", "key": "access_token"}}}
    container = {"name": "app", "image": "example.com/app:1", "env": [variable] if environment else []}
    running = {"running": {"startedAt": started.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    statuses = [{"name": "app", "state": running, "ready": True, "restartCount": 0, "image": "", "imageID": ""}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], "serviceAccountName": "default", "automountServiceAccountToken": False},
        "status": {"phase": "Running", "containerStatuses": statuses},
    }


def run_pod(scene: Scene, body: dict[str, Any]) -> None:
    path = f"/api/v1/namespaces/{scene.namespace}/pods"
    wait_for("the service account", lambda: scene.api.get_or_none(scene.path("default", "serviceaccounts")))
    scene.api.post(path, body)
    scene.api.patch(f"{path}/{body['metadata']['name']}/status", {"status": body["status"]})


def test_a_line_for_each_and_an_exit_code_that_says_whether_all_is_well(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    well = status(scene)
    assert well.code == 0
    head, line = well.out.splitlines()
    assert head.split() == ["NAME", "READY", "STATUS", "CAUSE", "SECRET", "EXPIRES", "NEXT", "MESSAGE"]
    assert line.split()[:4] == ["lightroom", "True", "Rotated", "lightroom"]
    scene.api.apply(broken("lonely"), namespace=scene.namespace)
    scene.wait_condition("RotationFailing", "True", "ClientSecretNotFound", "lonely")
    found = status(scene, "-o", "json")
    assert found.code == NOT_WELL
    lonely, other = sorted(found.document["credentials"], key=lambda each: str(each["ready"]))
    assert (other["name"], other["ready"], other["failing"]) == ("lightroom", True, False)
    assert (lonely["name"], lonely["reason"]) == ("lonely", "TokenMissing")
    assert (lonely["cause"], other["cause"]) == ("ClientSecretNotFound", None)
    assert "there is no Secret nowhere in namespace" in lonely["message"]
    labelled = status(scene, "-l", "team=photos")
    assert (labelled.code, labelled.out) == (0, "")
    everywhere = command(scene.control_plane.kubeconfig, "status", "-A", "-o", "yaml")
    names = [(each["namespace"], each["name"]) for each in yaml.safe_load(everywhere.out)["credentials"]]
    assert (scene.namespace, "lightroom") in names


def broken(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "adobe-ims.dev/v1alpha1",
        "kind": "AdobeIMSCredential",
        "metadata": {"name": name},
        "spec": {"client": {"secretRef": {"name": "nowhere"}}},
    }


def test_the_tree_of_one_tells_its_secrets_workloads_pods_and_what_is_next(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.api.apply(workload("Deployment", "web"), namespace=scene.namespace)
    scene.credential(restart=[{"kind": "Deployment", "name": "web"}])
    scene.wait_ready()
    now = datetime.now(UTC)
    run_pod(scene, pod("old", now - timedelta(hours=1)))
    run_pod(scene, pod("new", now + timedelta(minutes=5)))
    run_pod(scene, pod("by-file", now - timedelta(hours=1), environment=False))
    wait_for("the restart", lambda: one(scene)["workloads"][0]["restarted"])
    wait_for("the Event", lambda: one(scene)["events"])
    mark = scene.audited_from()
    document = one(scene)
    assert asked(scene, mark).count(("get", "secrets")) == 2, "each once"
    assert document["clientSecret"]["acceptedKey"] == "client_secret"
    assert document["clientSecret"]["keys"] == ["client_id", "client_secret"]
    assert (document["tokenSecret"]["intact"], document["tokenSecret"]["rotations"]) == (True, 1)
    assert document["pods"] == [{"name": "old", "containers": ["app"]}]
    assert (document["next"]["action"], document["next"]["at"]) == ("Rotate", scene.status()["nextRotationTime"])
    assert [event["reason"] for event in document["events"]][:1] == ["Rotated"]
    assert document["problems"] == []
    text = status(scene, "lightroom").out
    for words in ("Token Secret lightroom: intact, expires in 23h", "Deployment web: done", "  old: app", "Next: the"):
        assert words in text
    assert "by-file" not in text


def test_what_broke_while_no_operator_ran_is_explained_by_the_core(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    assert operator.stop() == 0
    scene.patch("lightroom", {"stringData": {"access_token": "edited"}}, "secrets")
    edited = one(scene)
    assert edited["tokenSecret"]["intact"] is False
    assert (edited["next"]["action"], edited["next"]["reason"]) == ("Rotate", "SecretEdited")
    scene.client_secret(data={**CLIENT, "client_secret": "p8e-another"})
    scene.api.delete(scene.path("lightroom", "secrets"))
    gone = one(scene)
    assert (gone["tokenSecret"]["exists"], gone["next"]["reason"]) == (False, "SecretMissing")
    scene.patch("lightroom", {"spec": {"suspend": True}})
    assert (one(scene)["next"]["action"], one(scene)["next"]["reason"]) == ("Nothing", "Suspended")


def test_an_expired_token_that_nobody_reported_is_not_called_ready(scene: Scene) -> None:
    scene.ims.settings(expires_in=20)
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    operator.kill()
    wait_for("the token to expire", lambda: status(scene).code == NOT_WELL, timeout=40)
    (row,) = status(scene, "-o", "json").document["credentials"]
    assert (row["ready"], row["reason"]) == (False, "Expired")
    assert "no operator has reported it" in row["message"]


@pytest.mark.parametrize("output", ["table", "json", "yaml"])
def test_what_no_operator_has_looked_at_is_unobserved(scene: Scene, output: str) -> None:
    scene.credential()
    for arguments in ((), ("lightroom",)):
        said = status(scene, *arguments, "-o", output)
        assert (said.code, "Unobserved" in said.out) == (NOT_WELL, True), said.err


def test_who_may_not_read_secrets_is_shown_the_rest(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    viewer = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "viewer"}}
    scene.api.apply(viewer, namespace=scene.namespace)
    rules = [
        {"apiGroups": ["adobe-ims.dev"], "resources": ["adobeimscredentials"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["list"]},
    ]
    group, metadata = "rbac.authorization.k8s.io", {"name": "viewer"}
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
    scene.api.apply(role, namespace=scene.namespace)
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "viewer"},
        "subjects": [{"kind": "ServiceAccount", "name": "viewer", "namespace": scene.namespace}],
    }
    scene.api.apply(binding, namespace=scene.namespace)
    plane, path = scene.control_plane, scene.log.with_name("viewer.kubeconfig")
    kubeconfig = service_account_kubeconfig(plane.kubeconfig, None, scene.namespace, "viewer", path, plane.kubectl)
    shown = command(kubeconfig, "status", "lightroom", "-n", scene.namespace, "-o", "json")
    assert shown.code == 0
    assert shown.document["ready"] is True
    assert shown.document["next"] is None
    assert shown.document["tokenSecret"]["exists"] is None
    assert len(shown.document["problems"]) == 2
    assert all("this takes the verb get on secrets" in problem for problem in shown.document["problems"])


@pytest.mark.parametrize("output", ["table", "json", "yaml"])
def test_no_token_and_no_client_secret_is_shown(scene: Scene, output: str) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential(secret={"data": {"access_token": "$(access_token)", "basic": "$(client_id)"}})
    scene.wait_ready()
    said = status(scene, "lightroom", "-o", output)
    assert "lightroom" in said.out
    for private in (scene.data()["access_token"], SAMPLE_CLIENT_SECRET):
        assert private not in said.out + said.err


def test_a_name_that_is_not_there_and_a_cluster_that_is_not_there_are_errors(scene: Scene) -> None:
    missing = status(scene, "nobody")
    assert missing.code == 1
    assert "check the name and the namespace" in missing.err
    nowhere = command(scene.log.with_name("none"), "status")
    assert (nowhere.code, nowhere.out) == (1, "")
    assert "no cluster to work on" in nowhere.err
    both = status(scene, "lightroom", "-A")
    assert both.code == 2


def test_pods_beyond_the_hundred_that_are_shown_are_counted(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    for number in range(102):
        run_pod(scene, pod(f"old-{number}", datetime.now(UTC) - timedelta(hours=1)))
    document = one(scene)
    assert (len(document["pods"]), document["morePods"], document["well"]) == (100, 2, True)


def test_events_as_large_as_the_api_server_takes_are_shown_in_short(scene: Scene) -> None:
    uid = scene.credential()["metadata"]["uid"]
    involved = {"kind": "AdobeIMSCredential", "name": "lightroom", "namespace": scene.namespace, "uid": uid}
    for number in range(12):
        event = {"metadata": {"name": f"odd-{number}"}, "involvedObject": involved, "type": "Warning"}
        event |= {"reason": "Odd", "message": "\x1b[31m" + "x" * 10**6}
        event |= {"lastTimestamp": f"2026-11-24T10:00:{number:02}Z"}
        scene.api.post(f"/api/v1/namespaces/{scene.namespace}/events", event)
    found = one(scene)["events"]
    assert [each["time"][-3:] for each in found] == [f"{number:02}Z" for number in range(2, 12)]
    assert all(each["message"] == " [31m" + "x" * 1019 + "..." for each in found)


def test_a_reason_that_somebody_else_wrote_widens_no_line(scene: Scene) -> None:
    scene.credential("odd")
    scene.credential()
    ready = {"type": "Ready", "status": "False", "reason": "Odd", "message": "odd"}
    ready["lastTransitionTime"] = "2026-11-24T10:00:00Z"
    scene.api.patch(f"{scene.path('odd')}/status", {"status": {"reason": "x" * 1000, "conditions": [ready]}})
    assert max(map(len, status(scene).out.splitlines())) < 300
