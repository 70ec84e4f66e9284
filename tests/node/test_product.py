"""The whole product in pods: installed by its chart, used by applications, upgraded, killed, hung.

The tests are a story: each goes on where the one before it ended.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from node.product import MEASURED, Applications, Release, measure, ready, restarts
from testbed.api import Api, wait_for
from testbed.stand_in import StandIn


def test_two_replicas_become_ready_by_the_charts_own_probes_and_one_leads(release: Release) -> None:
    pods = release.pods()
    assert [ready(pod) for pod in pods] == [True, True]
    for pod in pods:
        assert {"livenessProbe", "readinessProbe", "startupProbe"} <= pod["spec"]["containers"][0].keys()
    assert wait_for("a leader", release.leader) in {pod["metadata"]["name"] for pod in pods}


def test_the_operators_processes_are_confined(release: Release) -> None:
    for pod in release.pods():
        process = Path("/proc") / str(release.process_of(pod["metadata"]["name"]))
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        assert status["Uid"].split() == status["Gid"].split() == ["65532"] * 4
        assert {int(status[f"Cap{which}"], 16) for which in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
        assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")
        mounts = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
        assert next(mount[5] for mount in mounts if mount[4] == "/").split(",")[0] == "ro"


def test_a_running_pod_reads_each_new_token_without_a_restart(photos: Applications, ims: StandIn) -> None:
    tokens = [photos.wait_rotated("file", None)]
    photos.wait_read("file", tokens[0])
    to_secret, to_file = [], []
    for _ in range(3):
        asked = photos.rotate("file")
        tokens.append(photos.wait_rotated("file", tokens[-1]))
        to_secret.append(time.time() - asked)
        to_file.append(photos.wait_read("file", tokens[-1]) - asked)
    measure("at most, of three, from the request to rotate to the new token in the Secret", max(to_secret))
    measure(
        "at most, of three, from the request to the file of a running pod, as its kubelet looks each second",
        max(to_file),
    )
    assert len(ims.tokens().intersection(tokens)) == 4
    assert restarts(photos.pod("file")) == 0


def test_a_workload_that_reads_its_environment_is_rolled(photos: Applications) -> None:
    before = photos.wait_rotated("environment", None)
    old = wait_for("the pod to run", lambda: next(filter(ready, photos.pods("environment")), None))
    photos.wait_read(old["metadata"]["name"], before)
    asked = photos.rotate("environment")
    after = photos.wait_rotated("environment", before)

    def replaced() -> str:
        names = [str(pod["metadata"]["name"]) for pod in photos.pods("environment")]
        assert len(names) == 1
        assert old["metadata"]["name"] not in names
        return names[0]

    new = wait_for("the old pod to be replaced", replaced)
    measure("from the request to rotate to a new pod with it in its environment", photos.wait_read(new, after) - asked)
    assert list(photos.read_by(new)) == [after]


def test_a_leader_that_is_killed_is_followed_by_another(release: Release, photos: Applications, ims: StandIn) -> None:
    follow("kill -9 of the leader", release, photos, ims, lambda pod: os.kill(release.process_of(pod), signal.SIGKILL))
    assert sorted(map(restarts, release.pods())) == [0, 1]


def test_a_leader_whose_pod_is_deleted_by_force_is_followed_by_another(
    release: Release, photos: Applications, ims: StandIn, api: Api
) -> None:
    def delete(pod: str) -> None:
        process = Path("/proc") / str(release.process_of(pod))
        api.delete(f"/api/v1/namespaces/{release.name}/pods/{pod}?gracePeriodSeconds=0")
        # The API server has forgotten the pod at once; the kubelet takes a moment more to end it.
        wait_for("its process to end", lambda: not process.exists())

    follow("the end of the leader, whose pod was deleted by force,", release, photos, ims, delete)


def test_an_upgrade_of_the_chart_replaces_all_pods_and_asks_for_no_token(
    release: Release, photos: Applications, ims: StandIn, settings: dict[str, object]
) -> None:
    before, token = {pod["metadata"]["name"] for pod in release.pods()}, photos.digest("file")
    ims.reset()
    started = time.monotonic()
    release.install({**settings, "livenessProbe": {"periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 3}})
    measure("`helm upgrade --wait` that replaces both operator pods", time.monotonic() - started)
    assert before.isdisjoint(pod["metadata"]["name"] for pod in release.pods())
    asked = photos.rotate("file")
    photos.wait_rotated("file", token)
    measure("from the end of that to a rotation that was asked for then", time.time() - asked)
    assert ims.requests().total == 1


def test_nothing_restarts_by_itself(release: Release, photos: Applications) -> None:
    assert [restarts(pod) for pod in [*release.pods(), photos.pod("file")]] == [0, 0, 0]
    for pod in release.pods():
        name = pod["metadata"]["name"]
        status = (Path("/proc") / str(release.process_of(name)) / "status").read_text()
        memory = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))
        MEASURED.append(
            f"{memory / 1024:5.1f} MiB  resident, {'leading' if name == release.leader() else 'standing by'}"
        )


def test_a_leader_that_hangs_is_followed_by_another_and_restarted_by_its_probe(
    release: Release, photos: Applications, ims: StandIn
) -> None:
    follow("the leader's hanging", release, photos, ims, lambda pod: os.kill(release.process_of(pod), signal.SIGSTOP))
    wait_for("its probe to restart it", lambda: sorted(map(restarts, release.pods())) == [0, 1], timeout=60)


def follow(what: str, release: Release, photos: Applications, ims: StandIn, end: Callable[[str], object]) -> None:
    """End the leader, and see that a rotation asked for meanwhile comes, from another process, by one token.

    It returns when both replicas are as they were: ready, one of them restarted.
    """
    holder, before, pods = release.holder(), photos.digest("file"), running(release)
    ims.reset()
    end(release.leader())
    asked = photos.rotate("file")
    photos.wait_rotated("file", before, timeout=60)
    measure(f"from {what} to a rotation that was asked for then", time.time() - asked)
    assert release.holder() != holder
    wait_for("a new replica", lambda: len(running(release)) == 2 and running(release) != pods, timeout=60)
    assert ims.requests().total == 1


def running(release: Release) -> set[str]:
    """Return the containers of the replicas that are ready."""
    return {pod["status"]["containerStatuses"][0]["containerID"] for pod in release.pods() if ready(pod)}
