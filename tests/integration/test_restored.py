"""etcd is put back to a backup under a running operator: it goes on by itself, from what there is now."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from adobe_ims_operator.api.resource import ROTATE_ANNOTATION
from testbed.api import wait_for
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane
from testbed.scene import Scene

NOTICED = "the API server's data was restored from a backup"
CHURN = 300
"""Writes that bring versions far ahead."""


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One of this module's own, as its data goes back."""
    with ControlPlane(tmp_path_factory.mktemp("restored"), crds=CRDS, audit=True) as plane:
        yield plane


@pytest.mark.timeout(240)
@pytest.mark.parametrize("replicas", ["one", "leader"])
def test_rotation_goes_on_after_a_restore(scene: Scene, tmp_path: Path, replicas: str) -> None:
    scene.client_secret()
    operator = scene.operator() if replicas == "one" else scene.replica("leader")
    scene.credential("old")
    scene.credential("edited")
    scene.wait_ready("old")
    scene.wait_ready("edited")
    scene.control_plane.back_up(tmp_path / "backup")
    write_much(scene)
    scene.credential("later")
    scene.wait_ready("later")
    for name in ("old", "edited"):
        scene.patch(name, {"metadata": {"annotations": {ROTATE_ANNOTATION: "1"}}})
        scene.wait_rotations(2, name)
    scene.control_plane.restore(tmp_path / "backup")
    mark, asked = scene.audited_from(), scene.ims.requests().total
    scene.credential("edited", secret={"data": {"token": "$(access_token)"}})
    scene.credential("after")
    scene.wait_ready("after")
    scene.wait_ready("edited")
    assert set(scene.data("edited")) == {"token"}
    assert scene.status("old")["rotations"] == 1
    scene.patch("old", {"metadata": {"annotations": {ROTATE_ANNOTATION: "2"}}})
    scene.wait_rotations(2, "old")
    scene.wait_ready("old")
    wait_for("what was lost to be forgotten", lambda: "later: was" in operator.text() or scene.secret("later") is None)
    assert len(re.findall(NOTICED, operator.text())) == 1
    assert scene.ims.requests().total - asked <= 4
    assert sum(scene.requests_since(mark).values()) < 100
    assert "Traceback" not in operator.text()
    assert operator.process.poll() is None


@pytest.mark.timeout(240)
def test_a_restore_is_noticed_when_versions_have_overtaken_those_of_before(scene: Scene, tmp_path: Path) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential("old")
    scene.wait_ready("old")
    scene.control_plane.back_up(tmp_path / "backup")
    scene.patch("old", {"metadata": {"annotations": {ROTATE_ANNOTATION: "1"}}})
    scene.wait_rotations(2, "old")
    operator.process.send_signal(signal.SIGSTOP)
    scene.control_plane.restore(tmp_path / "backup")
    scene.credential("unseen")
    write_much(scene)
    operator.process.send_signal(signal.SIGCONT)
    scene.wait_ready("unseen")
    wait_for("it to be noticed", lambda: NOTICED in operator.text())
    scene.patch("old", {"metadata": {"annotations": {ROTATE_ANNOTATION: "2"}}})
    scene.wait_rotations(2, "old")
    assert len(re.findall(NOTICED, operator.text())) == 1


def write_much(scene: Scene) -> None:
    for number in range(CHURN):
        scene.api.patch("/api/v1/namespaces/default", {"metadata": {"annotations": {"n": str(number)}}})
