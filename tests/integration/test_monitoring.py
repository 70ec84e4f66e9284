"""Eyes that need no operator: alerts on what a real kube-state-metrics gives of live credentials, also hours later."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from integration.replacing import Replacing
from testbed.api import Api, wait_for
from testbed.control_plane import ControlPlane
from testbed.monitoring import KubeStateMetrics, Series, check_alerts
from testbed.scene import CLIENT, UNREPORTED, Scene

EXPIRED, DUE, UNSEEN = "AdobeIMSTokenExpired", "AdobeIMSTokenNotRotated", "AdobeIMSCredentialNotObserved"
CLIENT_SECRET = "AdobeIMSClientSecret"
DAY = 24 * 60
"""In minutes."""


@pytest.fixture
def eyes(control_plane: ControlPlane, api: Api, tmp_path: Path) -> Iterator[KubeStateMetrics]:
    with KubeStateMetrics(control_plane, api, tmp_path) as running:
        yield running


def minutes(moment: str, start: float) -> float:
    return (datetime.fromisoformat(moment).timestamp() - start) / 60


def wait_series(
    eyes: KubeStateMetrics, scene: Scene, generation: float, *names: str, kind: str = "credential"
) -> Series:
    """The series of a scene, once those of some objects show that an operator has looked at that generation."""

    def probe() -> Series:
        found = eyes.series(scene.namespace)
        of_kind = f"kube_adobeims{kind}_status_observed_generation{{"
        shown = {name: value for name, value in found.items() if name.startswith(of_kind)}
        for name in names:
            seen = [value for labels, value in shown.items() if f'name="{name}"' in labels]
            assert seen == [generation], eyes.log.read_text()[-500:]
        return found

    return wait_for("kube-state-metrics to report", probe)


def test_a_dead_operator_and_one_that_does_not_look_raise_alerts_and_nothing_else_does(
    scene: Scene, eyes: KubeStateMetrics, tmp_path: Path
) -> None:
    scene.client_secret()
    scene.client_secret("wrong", {**CLIENT, "client_secret": "p8e-wrong"})
    scene.operator()
    for name in ("orphan", "changed", "asleep"):
        scene.credential(name)
    scene.credential("failing", client={"secretRef": {"name": "wrong"}})
    status = [scene.wait_ready(name) for name in ("asleep", "changed", "orphan")][-1]
    scene.credential("asleep", suspend=True)
    scene.wait_condition("Ready", "True", "Suspended", "asleep")
    retried = scene.wait_condition("RotationFailing", "True", "InvalidClient", "failing") and scene.status("failing")
    wait_series(eyes, scene, 2, "asleep")
    scene.kill_operators()
    scene.credential("changed", scopes=["openid"])
    scene.credential("new")
    start = time.time()
    retry, due, expires = (
        minutes(moment, start)
        for moment in (retried["nextRotationTime"], status["nextRotationTime"], status["expirationTime"])
    )
    orphan, changed, new, failing = ((scene.namespace, name) for name in ("orphan", "changed", "new", "failing"))
    unseen, stuck = [(UNSEEN, *changed), (UNSEEN, *new)], (DUE, *failing)
    late, dead = [(DUE, *orphan), (DUE, *changed)], [(EXPIRED, *orphan), (EXPIRED, *changed)]
    expected = {
        5: [],
        retry + 8: unseen,
        retry + 20: [*unseen, stuck],
        due + 8: [*unseen, stuck],
        due + 20: [*unseen, stuck, *late],
        expires - 1: [*unseen, stuck, *late],
        expires + 5: [*unseen, stuck, *late, *dead],
    }
    series = wait_series(eyes, scene, UNREPORTED["observedGeneration"], "new")
    assert check_alerts(series, start, expected, tmp_path) == ""


def test_of_client_secrets_likewise(replacing: Replacing, eyes: KubeStateMetrics, tmp_path: Path) -> None:
    scene, asleep = replacing.scene, Replacing(replacing.scene, tmp_path, "asleep", replacing.clocks)
    changed, new = (Replacing(scene, tmp_path, name, replacing.clocks) for name in ("changed", "new"))
    operator = replacing.begin(interval="240h")
    for number, other in enumerate((asleep, changed)):
        other.apply(credentialId=str(number), secret={"name": f"of-{other.name}"})
    asleep.edit(suspend=True)
    changed.fails("CredentialMismatch")
    wait_series(eyes, scene, 2, "asleep", kind="clientsecret")
    operator.kill()
    status = replacing.status()
    changed.apply(credentialId="1", secret={"name": "of-changed"}, overlap="48h")
    new.apply(credentialId="2", secret={"name": "of-new"})
    start = time.time()
    checked, due = minutes(status["lastCheckTime"], start), minutes(status["nextRotationTime"], start)
    unseen = [(f"{CLIENT_SECRET}NotObserved", scene.namespace, name) for name in ("changed", "new")]
    unchecked, late = (
        (f"{CLIENT_SECRET}{what}", scene.namespace, replacing.name) for what in ("NotChecked", "NotReplaced")
    )
    expected = {
        5: [],
        checked + DAY: unseen,
        checked + DAY + 6 * 60 - 8: unseen,
        checked + DAY + 6 * 60 + 20: [*unseen, unchecked],
        due + 2 * DAY - 8: [*unseen, unchecked],
        due + 2 * DAY + 20: [*unseen, unchecked, late],
    }
    series = wait_series(eyes, scene, UNREPORTED["observedGeneration"], "new", kind="clientsecret")
    assert check_alerts(series, start, expected, tmp_path) == ""
