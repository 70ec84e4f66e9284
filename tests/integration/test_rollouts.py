"""An Argo Rollout gets `spec.restartAt` and nothing else, as a change of its template would begin a canary."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from adobe_ims_operator.api.times import from_rfc3339, to_rfc3339
from integration.workloads import events_about, make, named, path, rollouts, rotate
from testbed.api import Object, wait_for
from testbed.scene import Scene


@pytest.fixture
def rollout(scene: Scene) -> Iterator[Object]:
    """A Rollout, in a cluster that has its CRD for as long."""
    with rollouts(scene):
        yield make(scene, "Rollout", "web")


def test_an_argo_rollout_gets_nothing_but_a_time_later_than_the_write_of_the_secret(
    scene: Scene, rollout: Object
) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential(restart=named(rollout))
    scene.wait_condition("WorkloadsRestarted", "True", "Restarted")
    first = scene.api.get(path(scene, "Rollout", "web"))["spec"]
    assert {key for key in first if first[key] != rollout["spec"].get(key)} == {"restartAt"}
    assert from_rfc3339(first["restartAt"]) == written_at(scene) + timedelta(seconds=1)
    time.sleep(2)
    rotate(scene, "1", 2)
    wait_for("the next time", lambda: restart_at(scene) > from_rfc3339(first["restartAt"]))
    assert restart_at(scene) == written_at(scene) + timedelta(seconds=1)
    # A crash before the status says so: what is there is taken for what it is.
    operator.kill()
    status = {"restarts": None, "lastHandledRotation": None}
    scene.api.patch(f"{scene.path('lightroom')}/status", {"status": status})
    seen = scene.api.get(path(scene, "Rollout", "web"))["metadata"]["resourceVersion"]
    scene.operator()
    wait_for("it to be followed up", lambda: scene.status().get("restarts"))
    assert scene.api.get(path(scene, "Rollout", "web"))["metadata"]["resourceVersion"] == seen
    assert len(events_about(scene, "Rollout")) == 2


def test_the_time_that_a_person_set_ahead_for_a_rollout_is_left_alone(scene: Scene, rollout: Object) -> None:
    ahead = to_rfc3339(from_rfc3339(rollout["metadata"]["creationTimestamp"]) + timedelta(hours=5))
    scene.api.patch(path(scene, "Rollout", "web"), {"spec": {"restartAt": ahead}})
    scene.client_secret()
    scene.operator()
    scene.credential(restart=named(rollout))
    condition = scene.wait_condition("WorkloadsRestarted", "False", "RestartPending")
    assert ahead in condition["message"]
    assert scene.api.get(path(scene, "Rollout", "web"))["spec"]["restartAt"] == ahead


def test_a_rollout_where_nobody_knows_the_kind_is_not_found(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential(restart=[{"kind": "Rollout", "name": "web"}])
    scene.wait_condition("WorkloadsRestarted", "False", "WorkloadNotFound")


def restart_at(scene: Scene) -> Any:
    return from_rfc3339(scene.api.get(path(scene, "Rollout", "web"))["spec"]["restartAt"])


def written_at(scene: Scene) -> Any:
    secret = scene.secret()
    assert secret is not None
    (ours,) = [each for each in secret["metadata"]["managedFields"] if each["manager"] == "adobe-ims-operator"]
    return from_rfc3339(ours["time"])
