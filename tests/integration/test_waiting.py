"""Who waits for a credential is right about it: the real Helm 4, which waits by kstatus as Flux does.

A chart of one credential is installed with --wait. Helm's own patience is long or short as the test needs it: what
matters is whether it returned because the credential was ready, because it can't become so, or because time was up.
"""

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.helm import HelmError, run
from testbed.scene import CLIENT, Scene, manifest

RELEASE = "photos"
OUT_OF_TIME = "context deadline exceeded"
NEVER = 50.0
"""Seconds for which Helm would wait in a test in which it must not."""


class Release:
    """A chart of one credential, `lightroom`, as an application's team has it."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self._scene = scene
        self._chart = folder / "chart"
        (self._chart / "templates").mkdir(parents=True)
        (self._chart / "Chart.yaml").write_text("apiVersion: v2\nname: photos\nversion: 1.0.0\n")

    def wait(self, seconds: float, **spec: Any) -> None:
        """Install or upgrade it, and wait until Helm takes the credential for ready. Raises HelmError."""
        (self._chart / "templates" / "credential.yaml").write_text(yaml.safe_dump(manifest("lightroom", **spec)))
        flags = ("--install", "--wait", f"--timeout={seconds:g}s", f"--namespace={self._scene.namespace}")
        run("upgrade", RELEASE, str(self._chart), *flags, kubeconfig=self._scene.control_plane.kubeconfig)


@pytest.fixture
def release(scene: Scene, tmp_path: Path) -> Release:
    scene.client_secret()
    return Release(scene, tmp_path)


def test_nobody_takes_a_credential_for_ready_that_no_operator_looks_at(release: Release) -> None:
    with pytest.raises(HelmError, match=OUT_OF_TIME):
        release.wait(3)


def test_a_slow_ims_is_waited_for_until_the_token_is_there(scene: Scene, release: Release) -> None:
    scene.rules({"behaviour": "slow", "seconds": 5})
    scene.operator()
    began = time.monotonic()
    release.wait(NEVER)
    assert time.monotonic() - began >= 5
    assert scene.data()


def test_changed_scopes_are_waited_for_until_the_token_has_them(scene: Scene, release: Release) -> None:
    scene.operator()
    release.wait(NEVER)
    before = scene.data()
    scene.rules({"behaviour": "slow", "seconds": 3})
    release.wait(NEVER, scopes=["openid", "AdobeID"])
    assert scene.data() != before
    assert scene.status()["observedGeneration"] == 2


def test_a_wrong_client_ends_the_wait_and_the_right_one_begins_another(scene: Scene, release: Release) -> None:
    scene.client_secret(data={**CLIENT, "client_secret": "p8e-wrong"})
    scene.operator()
    began = time.monotonic()
    with pytest.raises(HelmError) as refused:
        release.wait(NEVER)
    assert OUT_OF_TIME not in str(refused.value)
    assert "Failed" in str(refused.value)
    assert 29 < time.monotonic() - began < NEVER
    assert scene.condition("Stalled")["reason"] == "InvalidClient"
    scene.client_secret()
    scene.wait_ready()
    assert scene.condition("Stalled") == {}
    release.wait(NEVER)


def test_one_that_is_suspended_from_the_start_ends_the_wait_at_once(scene: Scene, release: Release) -> None:
    scene.operator()
    with pytest.raises(HelmError) as refused:
        release.wait(NEVER, suspend=True)
    assert OUT_OF_TIME not in str(refused.value)
    assert scene.condition("Stalled")["reason"] == "Suspended"
    release.wait(NEVER, suspend=False)
    release.wait(NEVER, suspend=True)
    assert scene.condition("Ready")["status"] == "True"
