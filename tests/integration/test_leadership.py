"""Several replicas, of which one works until it is killed, frozen, stopped or cut off; and several operators."""

import re
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from adobe_ims_operator.api.resource import GROUP, ROTATE_ANNOTATION
from testbed.api import Api, wait_for
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane
from testbed.operator_process import ACCOUNT, Operator
from testbed.scene import Scene, manifest
from testbed.stale_api import StaleApi
from testbed.stand_in import StandIn

COUNT = 20
NAMES = [f"app-{n}" for n in range(COUNT)]
LEASE = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/adobe-ims-operator"
ROLE = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{{}}/roles/{ACCOUNT}-leader-election"
TAKEOVER = 25
"""Seconds in which another replica leads: 15 after the last renewal, and 2 until it looks, on a busy machine."""


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One of this module's own, to take down."""
    with ControlPlane(tmp_path_factory.mktemp("leadership"), crds=CRDS, audit=True) as plane:
        yield plane


def start(scene: Scene, count: int, *arguments: str) -> list[Operator]:
    """Start replicas, and wait until all of them look at the Lease."""
    replicas = [scene.replica(f"replica-{n}", *arguments) for n in range(count)]
    wait_for("all to look at the Lease", lambda: all(re.search("leads|leading as", each.text()) for each in replicas))
    return replicas


def holder(scene: Scene) -> str:
    lease = scene.api.get_or_none(LEASE.format(scene.namespace)) or {}
    found: str = lease.get("spec", {}).get("holderIdentity", "")
    return found


def leader(scene: Scene, replicas: Sequence[Operator], timeout: float = 15) -> Operator:
    """The one of `replicas` that holds the Lease, once one of them does."""

    def probe() -> Operator | None:
        name = holder(scene)
        return next((replica for replica in replicas if name and f"leading as {name}" in replica.text()), None)

    return wait_for("one of the replicas to lead", probe, timeout)


def credentials(scene: Scene) -> None:
    """Have COUNT credentials with a token each."""
    scene.client_secret()
    for name in NAMES:
        scene.credential(name)
    for name in NAMES:
        scene.wait_ready(name)


def ask_for_rotation(scene: Scene, request: str) -> None:
    for name in NAMES:
        scene.patch(name, {"metadata": {"annotations": {ROTATE_ANNOTATION: request}}})


def ledger(scene: Scene, name: str) -> int:
    """How many rotations the ledger of a token Secret tells of."""
    secret = scene.secret(name)
    return int(secret["metadata"]["annotations"][f"{GROUP}/rotations"]) if secret else 0


def rotations(scene: Scene) -> int:
    """How often each credential was rotated at least."""
    return min(ledger(scene, name) for name in NAMES)


def wait_rotated(scene: Scene, count: int) -> None:
    """Wait until each credential has been rotated so often, and see that none was more often."""
    wait_for("all to be rotated", lambda: rotations(scene) >= count)
    time.sleep(3)
    assert {ledger(scene, name) for name in NAMES} == {count}
    assert all(scene.ims.issued(scene.data(name)["access_token"]) for name in NAMES)


def test_of_three_replicas_one_works_and_a_killed_one_is_replaced(scene: Scene) -> None:
    replicas = start(scene, 3)
    first = leader(scene, replicas)
    credentials(scene)
    assert scene.ims.requests().total == COUNT
    first.kill()
    killed_at = time.monotonic()
    ask_for_rotation(scene, "while nobody leads")
    assert scene.ims.requests().total == COUNT
    others = [replica for replica in replicas if replica is not first]
    second = leader(scene, others, TAKEOVER)
    print(f"kill -9: another led after {time.monotonic() - killed_at:.1f} s")  # noqa: T201
    wait_rotated(scene, 2)
    assert scene.ims.requests().total == 2 * COUNT
    waiting = next(replica for replica in others if replica is not second)
    assert "wrote Secret" not in waiting.text()


def test_a_leader_that_was_frozen_in_the_middle_of_its_work_writes_nothing_when_it_wakes(scene: Scene) -> None:
    replicas = start(scene, 2)
    frozen = leader(scene, replicas)
    other = next(replica for replica in replicas if replica is not frozen)
    credentials(scene)
    scene.ims.settings(latency=2)
    ask_for_rotation(scene, "again")
    wait_for("the leader to ask", lambda: scene.ims.requests().total == 2 * COUNT)
    frozen.process.send_signal(signal.SIGSTOP)
    stopped_at = time.monotonic()
    assert leader(scene, [other], TAKEOVER) is other
    print(f"SIGSTOP: another led after {time.monotonic() - stopped_at:.1f} s")  # noqa: T201
    scene.ims.settings(latency=0)
    wait_for("all to be rotated", lambda: rotations(scene) == 2)
    before = {name: scene.secret(name) for name in NAMES}
    # The answers of IMS wait in the sockets of the frozen one, and each would be written next.
    mark = scene.audited_from()
    frozen.process.send_signal(signal.SIGCONT)
    wait_for("it to see that it no longer leads", lambda: "no longer leading" in frozen.text())
    time.sleep(3)
    assert {name: scene.secret(name) for name in NAMES} == before
    written = {what for what in scene.requests_since(mark) if what[0] not in ("get", "list", "watch")}
    assert written <= {("update", "leases")}, "not even what the API server would refuse"
    assert frozen.process.poll() is None
    assert scene.ims.requests().total == 3 * COUNT
    # It is as good as any other from then on.
    other.kill()
    assert leader(scene, [frozen], TAKEOVER) is frozen
    ask_for_rotation(scene, "and again")
    wait_rotated(scene, 3)


def test_a_leader_that_is_stopped_hands_over_at_once(scene: Scene) -> None:
    replicas = start(scene, 2)
    first = leader(scene, replicas)
    credentials(scene)
    assert first.stop() == 0
    stopped_at = time.monotonic()
    second = leader(scene, [replica for replica in replicas if replica is not first], 8)
    print(f"SIGTERM: another led after {time.monotonic() - stopped_at:.1f} s")  # noqa: T201
    assert scene.ims.requests().total == COUNT
    ask_for_rotation(scene, "again")
    wait_rotated(scene, 2)
    assert second.stop() == 0
    assert holder(scene) == ""


def test_after_an_outage_of_the_api_server_the_leader_goes_on_with_the_token_that_it_holds(scene: Scene) -> None:
    replicas = start(scene, 2)
    first = leader(scene, replicas)
    scene.client_secret()
    scene.credential("early")
    scene.wait_ready("early")
    scene.ims.settings(latency=1.5)
    scene.credential("late")
    wait_for("IMS to be asked", lambda: scene.ims.requests().total == 2)
    scene.control_plane.restart_apiserver(down_seconds=20)
    assert "no longer leading" in first.text()
    scene.wait_ready("late")
    assert leader(scene, replicas) is first
    assert scene.ims.requests().total == 2
    assert scene.ims.issued(scene.data("late")["access_token"])


def test_a_leader_that_can_finish_nothing_ends_in_ten_seconds_all_the_same(scene: Scene) -> None:
    (only,) = start(scene, 1)
    credentials(scene)
    scene.ims.settings(latency=30)
    ask_for_rotation(scene, "again")
    wait_for("it to ask", lambda: scene.ims.requests().total == 2 * COUNT)
    scene.control_plane.pause_apiserver()
    try:
        assert only.stop(timeout=10) == 0
    finally:
        scene.control_plane.resume_apiserver()


def test_a_new_leader_whose_watch_is_behind_asks_for_no_token_that_is_there(scene: Scene) -> None:
    with StaleApi(scene.control_plane) as stale:
        first = scene.replica("first")
        leader(scene, [first])
        scene.client_secret()
        scene.credential()
        scene.wait_ready()
        second = scene.replica("second", proxy=stale)
        wait_for("it to have read the Secrets", lambda: "in sync with" in second.text())
        stale.silent = True
        scene.patch("lightroom", {"metadata": {"annotations": {ROTATE_ANNOTATION: "1"}}})
        scene.wait_rotations(2)
        time.sleep(1)
        first.stop()
        leader(scene, [second], 8)
        scene.patch("lightroom", {"metadata": {"annotations": {ROTATE_ANNOTATION: "2"}}})
        scene.wait_rotations(3)
        time.sleep(1)
        assert scene.ims.requests().total == 3


def test_failures_that_another_leader_saw_are_waited_for(scene: Scene) -> None:
    """A new leader takes the pace up from the status: it does not ask IMS at once for all that fails."""
    scene.rules({"behaviour": "error", "error": "invalid_client"})
    replicas = start(scene, 2)
    first = leader(scene, replicas)
    scene.client_secret()
    scene.credential()
    scene.wait_condition("RotationFailing", "True", "InvalidClient")
    asked = scene.ims.requests().total
    first.stop()
    leader(scene, [replica for replica in replicas if replica is not first], 8)
    time.sleep(4)
    assert scene.ims.requests().total == asked


def test_who_may_not_use_leases_waits_and_says_what_is_missing(scene: Scene) -> None:
    role = ROLE.format(scene.namespace)
    rules = scene.api.get(role)["rules"]
    scene.api.patch(role, {"rules": []})
    operator = scene.replica("replica")
    scene.client_secret()
    scene.credential()
    hint = "its account must be allowed to create, get and update leases.coordination.k8s.io"
    wait_for("it to be said", lambda: hint in operator.text())
    assert scene.ims.requests().total == 0
    scene.api.patch(role, {"rules": rules})
    scene.wait_ready()


def test_two_operators_share_the_credentials_by_a_label(scene: Scene, api: Api) -> None:
    role = ROLE.format(scene.namespace)
    named = [
        {**rule, "resourceNames": ["shard-a", "shard-b"]} if "resourceNames" in rule else rule
        for rule in scene.api.get(role)["rules"]
    ]
    scene.api.patch(role, {"rules": named})
    shards = {
        shard: scene.replica(shard, f"--selector=shard={shard}", f"--lease-name=shard-{shard}") for shard in ("a", "b")
    }
    scene.client_secret()
    for number, name in enumerate(NAMES):
        labels = {"shard": "ab"[number % 2]} if number < COUNT - 1 else {}
        labelled = {"metadata": {"name": name, "labels": labels}}
        api.apply(manifest(name) | labelled, namespace=scene.namespace)
    for name in NAMES[:-1]:
        scene.wait_ready(name)
    assert scene.ims.requests().total == COUNT - 1
    assert scene.secret(NAMES[-1]) is None
    for shard, operator in shards.items():
        wrote = {name for name in NAMES if f"{scene.namespace}/{name}: wrote Secret" in operator.text()}
        assert wrote == {name for number, name in enumerate(NAMES[:-1]) if "ab"[number % 2] == shard}


def test_two_operators_share_the_credentials_by_namespace(
    control_plane: ControlPlane, api: Api, ims: StandIn, tmp_path: Path
) -> None:
    scenes = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        scenes.append(Scene(control_plane, api, ims, tmp_path / name))
    try:
        for scene in scenes:
            scene.client_secret()
            scene.credential()
            scene.operator()
        for scene in scenes:
            scene.wait_ready()
        assert ims.requests().total == 2
        for scene, other in zip(scenes, reversed(scenes), strict=True):
            assert f"{scene.namespace}/lightroom: wrote Secret" in scene.log.read_text()
            assert other.namespace not in scene.log.read_text()
    finally:
        for scene in scenes:
            scene.close()
