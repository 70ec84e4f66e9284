"""Outages: of the API server, of the operator at any point, and of what it may do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.api import Api, wait_for
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane
from testbed.operator_process import ACCOUNT, rules
from testbed.scene import UNREPORTED, Scene, allow
from testbed.stand_in import StandIn

SECRET_VERBS = next(rule["verbs"] for rule in rules() if "secrets" in rule["resources"])


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One of this module's own: after an outage the garbage collector may take its time."""
    with ControlPlane(tmp_path_factory.mktemp("outages"), crds=CRDS, audit=True) as plane:
        yield plane


def may(scene: Scene, verb: str, resource: str) -> bool:
    """Whether the API server lets the operator do that as of now; a change of its Role takes a moment."""
    user = f"system:serviceaccount:{scene.namespace}:{ACCOUNT}"
    attributes = {"namespace": scene.namespace, "verb": verb, "resource": resource}
    review = {"spec": {"user": user, "resourceAttributes": attributes}}
    allowed: bool = scene.api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"]
    return allowed


def test_an_api_server_that_restarts_is_taken_up_again(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.control_plane.restart_apiserver(down_seconds=2)
    scene.api.delete(scene.path("lightroom", "secrets"))
    wait_for("the Secret to be healed", lambda: scene.data() or None, 60)
    scene.credential("later")
    scene.wait_ready("later")
    assert scene.ims.requests().total == 3


def test_a_token_that_came_while_the_api_server_was_away_is_written_and_not_asked_for_again(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential("first")
    scene.wait_ready("first")
    scene.ims.settings(latency=1.5)
    scene.credential()
    # The stand-in counts a request when it arrives, and answers it `latency` later.
    wait_for("IMS to be asked", lambda: scene.ims.requests().total == 2)
    with scene.control_plane.without_apiserver():
        failed = f"{scene.namespace}/lightroom: SecretWriteFailed"
        wait_for("the write to fail", lambda: failed in operator.text())
    scene.wait_ready()
    assert scene.ims.requests().total == 2
    assert scene.ims.issued(scene.data()["access_token"])
    assert operator.process.poll() is None


def test_a_write_that_was_forbidden_is_finished_with_the_same_token(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential("first")
    scene.wait_ready("first")
    allow(scene.api, scene.namespace, "secrets", [verb for verb in SECRET_VERBS if verb != "create"])
    wait_for("the permission to go", lambda: not may(scene, "create", "secrets"))
    scene.credential()
    condition = scene.wait_condition("RotationFailing", "True", "SecretWriteRefused")
    assert "cannot create resource" in condition["message"]
    assert scene.ims.requests().total == 2
    allow(scene.api, scene.namespace, "secrets", SECRET_VERBS)
    scene.wait_ready()
    assert scene.ims.requests().total == 2


def test_killed_between_the_token_and_the_secret_it_asks_for_one_token_more(scene: Scene) -> None:
    allow(scene.api, scene.namespace, "secrets", [verb for verb in SECRET_VERBS if verb != "create"])
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_condition("RotationFailing", "True", "SecretWriteRefused")
    operator.kill()
    assert scene.secret() is None
    allow(scene.api, scene.namespace, "secrets", SECRET_VERBS)
    scene.operator()
    scene.wait_ready()
    assert scene.ims.requests().issued == 2


def test_killed_between_the_secret_and_the_status_it_asks_for_none_and_mends_the_status(scene: Scene) -> None:
    allow(scene.api, scene.namespace, "adobeimscredentials/status", ["get"])
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    wait_for("the Secret to be there", lambda: scene.data() or None)
    operator.kill()
    assert scene.status() == UNREPORTED
    allow(scene.api, scene.namespace, "adobeimscredentials/status", ["patch"])
    scene.operator()
    status = scene.wait_ready()
    assert status["rotations"] == 1
    assert scene.ims.requests().issued == 1


def test_before_it_has_seen_the_secrets_it_concludes_nothing(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    operator.kill()
    allow(scene.api, scene.namespace, "secrets", [verb for verb in SECRET_VERBS if verb not in ("list", "watch")])
    wait_for("the permission to go", lambda: not may(scene, "list", "secrets"))
    mark, logged = scene.audited_from(), len(operator.text())
    scene.operator()
    wait_for("it to be refused", lambda: "can't watch Secrets" in operator.text()[logged:])
    wait_for("the credentials to be seen", lambda: scene.requests_since(mark).get(("watch", "adobeimscredentials")))
    allow(scene.api, scene.namespace, "secrets", SECRET_VERBS)
    looked_at = f"{scene.namespace}/lightroom: Rotated; looking again"
    wait_for("it to be looked at", lambda: looked_at in operator.text()[logged:])
    assert {verb for verb, _ in scene.requests_since(mark)} == {"get", "list", "watch"}
    assert scene.ims.requests().total == 1


def test_status_writes_that_fail_do_not_ask_for_tokens(scene: Scene) -> None:
    allow(scene.api, scene.namespace, "adobeimscredentials/status", ["get"])
    scene.client_secret()
    mark = scene.audited_from()
    scene.operator()
    scene.credential()
    patches = ("patch", "adobeimscredentials/status")
    wait_for("three attempts", lambda: scene.requests_since(mark).get(patches, 0) >= 3)
    assert scene.ims.requests().issued == 1
    allow(scene.api, scene.namespace, "adobeimscredentials/status", ["patch"])
    scene.wait_ready()


@pytest.fixture
def bare_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path / "bare") as plane:
        yield plane


def test_an_operator_that_is_there_before_the_crd_waits_for_it(
    bare_plane: ControlPlane, ims: StandIn, tmp_path: Path
) -> None:
    with Api.from_kubeconfig(bare_plane.kubeconfig) as api:
        scene = Scene(bare_plane, api, ims, tmp_path)
        scene.client_secret()
        operator = scene.operator()
        wait_for("the operator to say so", lambda: "is not installed yet" in operator.text())
        for manifest in CRDS.glob("*.yaml"):
            api.apply(manifest)
        scene.credential()
        scene.wait_ready()
        operator.kill()
