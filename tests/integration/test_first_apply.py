"""The first token of a new credential rolls no workload whose pods waited for it."""

import time
from typing import Any

from integration.workloads import is_marked, make, named, reasons, rotate
from testbed.api import Object, wait_for
from testbed.scene import Scene

NEEDS: list[dict[str, Any]] = [
    {"containers": [{"name": "app", "image": "example.com/app:1", "envFrom": [{"secretRef": {"name": "lightroom"}}]}]},
    {
        "containers": [{"name": "app", "image": "example.com/app:1"}],
        "volumes": [{"name": "token", "secret": {"secretName": "lightroom"}}],
    },
]
OPTIONAL: list[dict[str, Any]] = [
    {
        "containers": [
            {
                "name": "app",
                "image": "example.com/app:1",
                "envFrom": [{"secretRef": {"name": "lightroom", "optional": True}}],
            }
        ]
    },
    {"containers": [{"name": "app", "image": "example.com/app:1"}]},
]


def apply_all(scene: Scene, pods: list[dict[str, Any]], prefix: str) -> list[Object]:
    """Apply Deployments with these pods and a credential that restarts them, as `kubectl apply` does."""
    made = []
    for number, pod in enumerate(pods):
        name = f"{prefix}-{number}"
        template = {"metadata": {"labels": {"app": name}}, "spec": pod}
        made.append(make(scene, "Deployment", name, template=template))
    scene.credential(restart=named(*made))
    return made


def test_a_new_workload_that_can_not_start_without_the_secret_is_not_rolled_at_its_first_apply(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential("other")
    scene.wait_ready("other")
    time.sleep(2)  # times of Kubernetes are of whole seconds
    apply_all(scene, [*NEEDS, *OPTIONAL], "new")
    scene.wait_condition("WorkloadsRestarted", "True", "Restarted")
    assert reasons(scene) == {
        "new-0": "StartedWithToken",
        "new-1": "StartedWithToken",
        "new-2": "Restarted",
        "new-3": "Restarted",
    }
    assert [is_marked(scene, "Deployment", f"new-{number}") for number in range(4)] == [False, False, True, True]
    rotate(scene, "1", 2)
    wait_for("all to be rolled", lambda: all(is_marked(scene, "Deployment", f"new-{n}") for n in range(4)))


def test_a_workload_that_may_have_started_with_an_earlier_secret_of_that_name_is_rolled(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential("other")
    scene.wait_ready("other")
    time.sleep(3)  # so that the operator was there before the workloads
    scene.client_secret("lightroom", {"access_token": "of before"})
    apply_all(scene, NEEDS, "old")
    scene.wait_condition("RotationFailing", "True", "SecretNotOwned")
    time.sleep(2)
    scene.api.delete(scene.path("lightroom", "secrets"))
    scene.wait_condition("WorkloadsRestarted", "True", "Restarted")
    assert all(is_marked(scene, "Deployment", f"old-{number}") for number in range(2))


def test_an_operator_that_was_not_there_before_the_workload_rolls_it(scene: Scene) -> None:
    scene.client_secret()
    apply_all(scene, NEEDS, "early")
    time.sleep(2)
    scene.operator()
    scene.wait_condition("WorkloadsRestarted", "True", "Restarted")
    assert all(is_marked(scene, "Deployment", f"early-{number}") for number in range(2))
