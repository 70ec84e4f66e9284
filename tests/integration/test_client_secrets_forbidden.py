"""Without the permission or the flag, credentials are served all the same, and client secrets left alone."""

import time

import pytest

from adobe_ims_operator.api.client_secret import CLIENT_SECRET_PLURAL
from adobe_ims_operator.api.resource import ROTATE_ANNOTATION
from integration.replacing import DAY, PATIENCE, WATCHED_AGAIN, Replacing
from testbed.api import wait_for
from testbed.scene import Scene, allow


def rotate(scene: Scene, count: int) -> None:
    """Have the credential rotated once more."""
    scene.patch("lightroom", {"metadata": {"annotations": {ROTATE_ANNOTATION: str(count)}}})
    scene.wait_rotations(count)


@pytest.mark.timeout(240)
def test_a_list_that_is_forbidden_stops_no_credential_and_may_be_allowed_later(replacing: Replacing) -> None:
    scene = replacing.scene
    allow(scene.api, scene.namespace, CLIENT_SECRET_PLURAL, ["get"])
    scene.client_secret()
    operator = replacing.operator()
    replacing.apply()
    scene.credential()
    scene.wait_ready()
    advice = "deploy/ has what the operator needs with --client-secrets"
    wait_for("it to be said", lambda: advice in operator.text(), PATIENCE)
    rotate(scene, 2)
    assert replacing.secret() is None
    allow(scene.api, scene.namespace, CLIENT_SECRET_PLURAL, ["get", "list", "watch"])
    wait_for("it to be served", lambda: replacing.condition("Ready").get("status") == "True", WATCHED_AGAIN)
    assert operator.text().count(advice) == 1


@pytest.mark.timeout(240)
def test_a_status_that_may_not_be_written_stops_no_replacement(replacing: Replacing) -> None:
    scene = replacing.scene
    allow(scene.api, scene.namespace, f"{CLIENT_SECRET_PLURAL}/status", ["get"])
    scene.client_secret()
    operator = replacing.operator()
    replacing.apply()
    wait_for("it to be taken over", replacing.data, PATIENCE)
    wait_for("it to be said", lambda: "can't write the status" in operator.text(), PATIENCE)
    replacing.make_certain()
    replacing.replace()
    replacing.check()
    allow(scene.api, scene.namespace, f"{CLIENT_SECRET_PLURAL}/status", ["patch"])
    replacing.edit(overlap="25h")
    replacing.wait("Ready", "True", "InPlace")


def test_without_the_flag_nothing_is_done_to_the_objects(replacing: Replacing) -> None:
    scene = replacing.scene
    scene.client_secret()
    replacing.apply()
    before = scene.api.get(replacing.path)
    scene.operator(clock=replacing.clocks.file)
    scene.credential()
    scene.wait_ready()
    replacing.clocks.move(100 * DAY)
    rotate(scene, 2)
    time.sleep(2)
    assert (scene.api.get(replacing.path), replacing.secret(), replacing.asked()) == (before, None, 0)


def test_without_the_flag_what_was_begun_stays_as_it_is(replacing: Replacing) -> None:
    operator = replacing.begin()
    replacing.add()
    replacing.wait_phase("Proving")
    operator.stop()
    before = replacing.scene.api.get(replacing.path), replacing.secret(), replacing.asked()
    replacing.scene.operator(clock=replacing.clocks.file)
    replacing.scene.credential(client={"secretRef": {"name": "lightroom-client"}})
    replacing.scene.wait_ready()
    replacing.clocks.move(100 * DAY)
    rotate(replacing.scene, 2)
    time.sleep(2)
    assert (replacing.scene.api.get(replacing.path), replacing.secret(), replacing.asked()) == before
    replacing.check()
