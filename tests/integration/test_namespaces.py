"""Named namespaces with Roles only: one that can't be watched is reported, and the others are served all the same."""

import time
from collections.abc import Iterator

import pytest

from testbed import plain_http
from testbed.address import free_ports
from testbed.api import wait_for
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane
from testbed.operator_process import grants
from testbed.scene import CLIENT, UNREPORTED, Scene, allow, manifest

SERVED_SECONDS = 15.0
OTHER = "other-team"
ENDED = "the watch on credentials ended"


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One of this module's own, as its API server is started again."""
    with ControlPlane(tmp_path_factory.mktemp("namespaces"), crds=CRDS, audit=True) as plane:
        yield plane


class Ports:
    """Where an operator serves its health and its metrics."""

    def __init__(self) -> None:
        self.health, self.metrics = free_ports(2)
        self.flags = (f"--health-port={self.health}", f"--metrics-port={self.metrics}")

    def ready(self) -> str | None:
        """What /readyz says, or None while that is not 200."""
        answer = plain_http.get(f"http://127.0.0.1:{self.health}/readyz")
        return answer.text if answer.status_code == 200 else None

    def watched(self, namespace: str) -> float:
        text = plain_http.get(f"http://127.0.0.1:{self.metrics}/metrics").text
        line = f'adobe_ims_operator_namespace_watched{{namespace="{namespace}"}} '
        return float(text.split(line)[1].split()[0])


def create_other(scene: Scene) -> None:
    path = f"/api/v1/namespaces/{OTHER}"
    wait_for("the namespace of before to be gone", lambda: scene.api.get_or_none(path) is None)
    scene.api.post("/api/v1/namespaces", {"metadata": {"name": OTHER}})
    for each in grants(OTHER, scene.namespace):
        scene.api.apply(each)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "oauth"}, "stringData": CLIENT}
    scene.api.apply(secret, namespace=OTHER)


def wait_served(scene: Scene, name: str) -> None:
    scene.api.apply(manifest(name), namespace=OTHER)
    path = f"/api/v1/namespaces/{OTHER}/secrets/{name}"
    wait_for(f"{name} to be served", lambda: scene.api.get_or_none(path), SERVED_SECONDS)


def seconds_to_serve(scene: Scene, name: str) -> float:
    started = time.monotonic()
    scene.credential(name)
    wait_for(f"{name} to be served", lambda: scene.status(name).get("rotations") == 1 or None)
    return time.monotonic() - started


@pytest.mark.timeout(240)
def test_a_namespace_that_is_gone_holds_up_nobody_and_is_served_when_it_is_back(scene: Scene) -> None:
    create_other(scene)
    scene.client_secret()
    first, second = Ports(), Ports()
    operator = scene.operator("--namespace", OTHER, *first.flags)
    wait_served(scene, "before")
    assert seconds_to_serve(scene, "both") < 3
    scene.api.delete(f"/api/v1/namespaces/{OTHER}")
    wait_for("it to be gone", lambda: scene.api.get_or_none(f"/api/v1/namespaces/{OTHER}") is None)
    scene.control_plane.restart_apiserver()
    wait_for("the operator to report it", lambda: f"namespace {OTHER} can't be watched: 403" in operator.text(), 60)
    assert seconds_to_serve(scene, "settled") < 20
    assert max(seconds_to_serve(scene, f"alone-{n}") for n in range(3)) < 3
    wait_for("readiness to stay", first.ready)
    assert (first.watched(OTHER), first.watched(scene.namespace)) == (0, 1)
    operator.stop()

    scene.operator("--namespace", OTHER, *second.flags)
    answer = wait_for("the replacement to be ready", second.ready)
    assert f"[+]secrets in namespace {OTHER} passed over: " in answer
    ends = scene.log.read_text().count(ENDED)
    for number in range(4):
        assert seconds_to_serve(scene, f"replaced-{number}") < 3
        time.sleep(3)
    assert scene.log.read_text().count(ENDED) == ends, "kopf is given what answers"

    create_other(scene)
    wait_served(scene, "back")
    wait_for("it to be watched", lambda: second.watched(OTHER) == 1)
    assert second.ready() is not None
    text = scene.log.read_text()
    assert text.count(f"namespace {OTHER} can't be watched") <= 4, "once for each operator and problem"
    assert "a defect of the operator" not in text
    scene.api.delete(f"/api/v1/namespaces/{OTHER}")


@pytest.mark.timeout(240)
def test_consent_that_was_withdrawn_while_a_namespace_was_not_watched_counts_once_it_is_again(scene: Scene) -> None:
    create_other(scene)
    path = f"/apis/adobe-ims.dev/v1alpha1/namespaces/{OTHER}/adobeimscredentials/source"
    scene.api.apply(manifest("source", sharedWith={"namespaces": [scene.namespace]}), namespace=OTHER)
    taker = manifest("taken") | {"spec": {"tokenFrom": {"namespace": OTHER, "name": "source"}}}
    scene.api.apply(taker, namespace=scene.namespace)
    operator = scene.operator("--namespace", OTHER)
    scene.wait_ready("taken")
    first = scene.data("taken")
    allow(scene.api, OTHER, "adobeimscredentials", ["get"])
    scene.control_plane.restart_apiserver()
    wait_for("the operator to report it", lambda: f"namespace {OTHER} can't be watched: 403" in operator.text(), 60)
    scene.api.patch(path, {"spec": {"sharedWith": {"namespaces": []}}})
    scene.api.delete(f"/api/v1/namespaces/{scene.namespace}/secrets/taken")
    scene.wait_condition("RotationFailing", "True", "SourceNotWatched", "taken")
    allow(scene.api, OTHER, "adobeimscredentials", ["get", "list", "watch"])
    scene.wait_condition("RotationFailing", "True", "SourceNotShared", "taken")
    assert first
    assert scene.secret("taken") is None
    scene.api.delete(f"/api/v1/namespaces/{OTHER}")


@pytest.mark.timeout(240)
def test_secrets_of_one_namespace_that_can_not_be_read_hold_up_no_other(scene: Scene) -> None:
    create_other(scene)
    scene.client_secret()
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{OTHER}/roles/adobe-ims-operator"
    rules = scene.api.get(path)["rules"]
    scene.api.patch(path, {"rules": [rule for rule in rules if "secrets" not in rule["resources"]]})
    ports = Ports()
    scene.operator("--namespace", OTHER, *ports.flags)
    scene.api.apply(manifest("waits"), namespace=OTHER)
    assert seconds_to_serve(scene, "served") < 20
    wait_for("readiness", ports.ready)
    status = scene.api.get(f"/apis/adobe-ims.dev/v1alpha1/namespaces/{OTHER}/adobeimscredentials/waits").get("status")
    assert status == UNREPORTED, "work starts when both Secrets and credentials are known"
    scene.api.patch(path, {"rules": rules})
    wait_for("it to be served", lambda: scene.api.get_or_none(f"/api/v1/namespaces/{OTHER}/secrets/waits"), 40)
    scene.api.delete(f"/api/v1/namespaces/{OTHER}")


def test_without_a_namespace_that_answers_it_waits_and_is_not_ready(scene: Scene) -> None:
    allow(scene.api, scene.namespace, "adobeimscredentials", ["list"])
    ports = Ports()
    operator = scene.operator(*ports.flags)
    wait_for("the operator to report it", lambda: "can't be watched: 403" in operator.text())
    assert ports.ready() is None
    allow(scene.api, scene.namespace, "adobeimscredentials", ["list", "watch"])
    wait_for("readiness", ports.ready)
