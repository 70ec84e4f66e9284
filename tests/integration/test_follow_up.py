"""What follows a change: Events that tell of it once, and workloads that are rolled once for each rotation."""

import json
from datetime import datetime

from adobe_ims_operator.api.times import from_rfc3339
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from testbed import plain_http
from testbed.address import free_ports
from testbed.api import wait_for
from testbed.operator_process import Operator, rules
from testbed.scene import CLIENT, UNREPORTED, Scene, allow, workload
from testbed.stale_api import StaleApi

MARK = "restart.adobe-ims.dev/lightroom"
ROTATE = "adobe-ims.dev/rotate"


def events(scene: Scene) -> list[tuple[str, str]]:
    """Type and reason of each Event about a credential, oldest first."""
    items = scene.api.get(f"/apis/events.k8s.io/v1/namespaces/{scene.namespace}/events")["items"]
    ours = [item for item in items if item["regarding"]["kind"] == "AdobeIMSCredential"]
    return [(item["type"], item["reason"]) for item in sorted(ours, key=lambda item: str(item["eventTime"]))]


def wait_events(scene: Scene, expected: list[tuple[str, str]]) -> None:
    def probe() -> bool:
        assert events(scene) == expected
        return True

    wait_for(f"the Events {expected}", probe)


def rotate(scene: Scene, value: str) -> None:
    scene.patch("lightroom", {"metadata": {"annotations": {ROTATE: value}}})


def template_annotations(scene: Scene, plural: str, name: str) -> dict[str, str]:
    found = scene.api.get(f"/apis/apps/v1/namespaces/{scene.namespace}/{plural}/{name}")
    annotations: dict[str, str] = found["spec"]["template"]["metadata"].get("annotations", {})
    return annotations


def rotation_mark(scene: Scene, name: str = "lightroom") -> str:
    """The mark of the rotation whose token is in the Secret."""
    secret = scene.secret(name)
    assert secret is not None
    uid = scene.api.get(scene.path(name))["metadata"]["uid"]
    return f"{uid}.{secret['metadata']['annotations']['adobe-ims.dev/rotation-id']}"


def test_changes_of_state_are_told_by_events_and_routine_is_not(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    wait_events(scene, [("Normal", "Rotated")])
    routine(scene)
    scene.rules({"behaviour": "server_error", "times": 2})
    rotate(scene, "in an outage")
    wait_for("two failures in a row", lambda: scene.status().get("failures") == 2)
    scene.wait_rotations(3)
    answered = [("Normal", "Requested"), ("Normal", "Rotated")]
    wait_events(scene, [("Normal", "Rotated"), ("Warning", "IMSUnavailable"), *answered])


def routine(scene: Scene) -> None:
    """Have a credential rotated by a change of its spec, which like an interval that has passed is no news."""
    scene.credential(scopes=["openid", "AdobeID"])
    scene.wait_rotations(2)


def events_said(scene: Scene, reason: str) -> list[str]:
    """The notes of all Events of one reason."""
    items = scene.api.get(f"/apis/events.k8s.io/v1/namespaces/{scene.namespace}/events")["items"]
    return [each["note"] for each in items if each["reason"] == reason]


def test_heals_and_requested_rotations_are_told_by_events_that_name_who_edited(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.api.delete(scene.path("lightroom", "secrets"))
    wait_for("the Event", lambda: events_said(scene, "SecretMissing") or None)
    assert "was deleted" in events_said(scene, "SecretMissing")[0]
    wait_for("the Secret", lambda: scene.data() or None)
    edit = {"data": {"access_token": "bm9uZQ=="}}
    scene.api.patch(f"{scene.path('lightroom', 'secrets')}?fieldManager=some-editor", edit)
    wait_for("the Event", lambda: events_said(scene, "SecretEdited") or None)
    assert "edited with some-editor" in events_said(scene, "SecretEdited")[0]
    rotate(scene, "release-42")
    wait_for("the Event", lambda: events_said(scene, "Requested") or None)
    assert "release-42" in events_said(scene, "Requested")[0]
    assert len(events_said(scene, "SecretMissing")) == len(events_said(scene, "SecretEdited")) == 1


def test_the_status_says_which_request_was_answered(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    assert "lastHandledRotateRequest" not in scene.status()
    scene.rules({"behaviour": "server_error"})
    rotate(scene, "release-42")
    scene.wait_condition("RotationFailing", "True", "IMSUnavailable")
    assert "lastHandledRotateRequest" not in scene.status()
    scene.rules()
    wait_for("the answer", lambda: scene.status().get("lastHandledRotateRequest") == "release-42", 60)
    assert scene.status()["rotations"] == 2
    rotate(scene, "x" * 2000)
    wait_for("a digest", lambda: scene.status()["lastHandledRotateRequest"].startswith("sha256:"))
    assert scene.api.get(scene.path("lightroom"))["status"]["rotations"] == 3


def test_a_first_client_secret_that_never_worked_is_told(scene: Scene) -> None:
    scene.client_secret(data={**CLIENT, "first": "p8e-never"})
    (port,) = free_ports(1)
    scene.operator(f"--metrics-port={port}")
    scene.credential(client={"secretRef": {"name": "oauth"}, "secretKeys": ["first", "client_secret"]})
    scene.wait_ready()
    wait_for("the Event", lambda: events_said(scene, "ClientSecretStopped") or None)
    assert "first" in events_said(scene, "ClientSecretStopped")[0]

    def metric() -> str:
        text = plain_http.get(f"http://127.0.0.1:{port}/metrics").text
        lines = [each for each in text.splitlines() if each.startswith("adobe_ims_credential_fallback_client_secret{")]
        return lines[0].rpartition(" ")[2]

    assert metric() == "1.0"
    scene.client_secret(data={**CLIENT, "first": SAMPLE_CLIENT_SECRET})
    wait_for("the first to be the one that was used", lambda: metric() == "0.0")
    assert (scene.status()["clientSecretKey"], scene.status()["rotations"]) == ("first", 1)


def test_an_api_server_that_does_not_take_events_holds_up_neither_rotations_nor_the_end(scene: Scene) -> None:
    scene.client_secret()
    names = [f"credential-{number}" for number in range(12)]
    for name in names:
        scene.credential(name)
    with StaleApi(scene.control_plane) as proxy:
        proxy.takes_events = False
        operator = scene.operator_by(proxy, "--concurrency", "1")
        for name in names:
            scene.wait_ready(name)
        assert operator.stop() == 0
    # Of what a busy machine takes until a process is told of a signal, and is gone, nothing is meant here.
    stopping, stopped = (logged_at(operator, message) for message in ("stopping: no new work", "stopped"))
    assert (stopped - stopping).total_seconds() <= 5
    assert events(scene) == []


def logged_at(operator: Operator, message: str) -> datetime:
    """When the operator logged a message."""
    lines = [json.loads(line) for line in operator.text().splitlines() if message in line]
    return from_rfc3339(next(line["time"] for line in lines if line["message"].startswith(message)))


def test_events_that_wait_are_sent_before_the_end(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    names = [f"credential-{number}" for number in range(40)]
    for name in names:
        scene.credential(name)
    scene.wait_ready(names[-1])
    assert operator.stop() == 0
    ready = [name for name in names if scene.condition("Ready", name).get("status") == "True"]
    assert len(events(scene)) == len(ready)


def test_an_event_tells_when_a_client_secret_stops_and_begins_to_work(scene: Scene) -> None:
    scene.ims.clients([(SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET), (SAMPLE_CLIENT_ID, "p8e-next")])
    scene.client_secret(data={**CLIENT, "next": "p8e-next"})
    scene.operator()
    scene.credential(client={"secretRef": {"name": "oauth"}, "secretKeys": ["client_secret", "next"]})
    assert scene.wait_ready()["clientSecretKey"] == "client_secret"
    scene.ims.clients([(SAMPLE_CLIENT_ID, "p8e-next")])
    rotate(scene, "1")
    assert scene.wait_rotations(2)["clientSecretKey"] == "next"
    told = [("Normal", "Rotated"), ("Normal", "Requested"), ("Warning", "ClientSecretStopped")]
    wait_events(scene, told)
    scene.ims.clients([(SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET)])
    rotate(scene, "2")
    assert scene.wait_rotations(3)["clientSecretKey"] == "client_secret"
    wait_events(scene, [*told, ("Normal", "Requested"), ("Normal", "ClientSecretWorks")])


def test_workloads_are_rolled_once_for_each_rotation(scene: Scene) -> None:
    kinds = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
    for kind in kinds:
        scene.api.apply(workload(kind, "web"), namespace=scene.namespace)
    scene.client_secret()
    operator = scene.operator()
    scene.credential(restart=[{"kind": kind, "name": "web"} for kind in kinds])
    scene.wait_ready()
    first = rotation_mark(scene)
    assert {template_annotations(scene, plural, "web")[MARK] for plural in kinds.values()} == {first}
    assert scene.condition("WorkloadsRestarted")["status"] == "True"
    rotate(scene, "1")
    scene.wait_rotations(2)
    second = rotation_mark(scene)
    assert second != first
    assert {template_annotations(scene, plural, "web")[MARK] for plural in kinds.values()} == {second}
    operator.kill()
    mark, logged = scene.audited_from(), len(scene.log.read_text())
    scene.operator()
    looked_at = f"{scene.namespace}/lightroom: Rotated; looking again"
    wait_for("it to be looked at", lambda: looked_at in scene.log.read_text()[logged:])
    assert [key for key in scene.requests_since(mark) if key[1] in kinds.values()] == []


def test_a_workload_is_rolled_also_when_the_operator_dies_in_between(scene: Scene) -> None:
    scene.api.apply(workload("Deployment", "web"), namespace=scene.namespace)
    scene.client_secret()
    # The order is Secret, workloads, status: an API server that forbids the second stops it in between.
    allow(scene.api, scene.namespace, "adobeimscredentials/status", ["get"])
    operator = scene.operator()
    scene.credential(restart=[{"kind": "Deployment", "name": "web"}])
    wait_for("the Secret", lambda: scene.data() or None)
    operator.kill()
    allow(scene.api, scene.namespace, "adobeimscredentials/status", ["patch"])
    scene.operator()
    scene.wait_ready()
    assert template_annotations(scene, "deployments", "web")[MARK] == rotation_mark(scene)
    found = scene.api.get(f"/apis/apps/v1/namespaces/{scene.namespace}/deployments/web")
    assert found["metadata"]["generation"] == 2
    assert scene.ims.requests().total == 1


def test_workloads_are_rolled_before_the_status_says_so_lest_a_crash_in_between_forgets_them(scene: Scene) -> None:
    scene.api.apply(workload("Deployment", "web"), namespace=scene.namespace)
    scene.client_secret()
    allow(scene.api, scene.namespace, "adobeimscredentials/status", ["get"])
    scene.operator()
    scene.credential(restart=[{"kind": "Deployment", "name": "web"}])
    wait_for("the Deployment to be rolled", lambda: MARK in template_annotations(scene, "deployments", "web"))
    assert scene.status() == UNREPORTED


def test_a_missing_workload_is_reported_and_holds_up_nothing(scene: Scene) -> None:
    scene.api.apply(workload("Deployment", "web"), namespace=scene.namespace)
    scene.client_secret()
    scene.operator()
    scene.credential(restart=[{"kind": "StatefulSet", "name": "absent"}, {"kind": "Deployment", "name": "web"}])
    scene.wait_ready()
    condition = scene.wait_condition("WorkloadsRestarted", "False", "WorkloadNotFound")
    assert "StatefulSet absent" in condition["message"]
    assert scene.condition("Ready")["message"].endswith(condition["message"]), "which `kubectl get -o wide` shows"
    assert MARK in template_annotations(scene, "deployments", "web")
    wait_for("the Event", lambda: ("Warning", "WorkloadNotFound") in events(scene))
    scene.api.apply(workload("StatefulSet", "present"), namespace=scene.namespace)
    scene.credential(restart=[{"kind": "StatefulSet", "name": "present"}, {"kind": "Deployment", "name": "web"}])
    scene.wait_condition("WorkloadsRestarted", "True", "Restarted")
    assert scene.condition("Ready")["message"] == "Secret lightroom holds a valid token"
    assert MARK in template_annotations(scene, "statefulsets", "present")
    found = scene.api.get(f"/apis/apps/v1/namespaces/{scene.namespace}/deployments/web")
    assert found["metadata"]["generation"] == 2, "rolled once, though it was named twice"
    assert scene.ims.requests().total == 1


def test_a_workload_that_may_not_be_rolled_is_reported(scene: Scene) -> None:
    verbs = next(rule["verbs"] for rule in rules() if "deployments" in rule["resources"])
    assert verbs == ["get", "patch"]
    allow(scene.api, scene.namespace, "deployments", ["get"])
    scene.api.apply(workload("Deployment", "web"), namespace=scene.namespace)
    scene.client_secret()
    scene.operator()
    scene.credential(restart=[{"kind": "Deployment", "name": "web"}])
    scene.wait_ready()
    scene.wait_condition("WorkloadsRestarted", "False", "RestartRefused")
    allow(scene.api, scene.namespace, "deployments", verbs)
    scene.patch("oauth", {"metadata": {"labels": {"seen": "again"}}}, "secrets")
    scene.wait_condition("WorkloadsRestarted", "True", "Restarted")
    assert scene.ims.requests().total == 1


def test_a_new_list_of_workloads_rolls_nothing_before_the_next_rotation(scene: Scene) -> None:
    scene.api.apply(workload("Deployment", "web"), namespace=scene.namespace)
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.credential(restart=[{"kind": "Deployment", "name": "web"}])
    scene.wait_ready()
    assert template_annotations(scene, "deployments", "web") == {}
    assert scene.ims.requests().total == 1
    rotate(scene, "1")
    scene.wait_rotations(2)
    wait_for("the Deployment to be rolled", lambda: MARK in template_annotations(scene, "deployments", "web"))
