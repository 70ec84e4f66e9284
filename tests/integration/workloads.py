"""Workloads of a scene: made, and looked at."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from testbed.api import Object, wait_for
from testbed.scene import Scene, workload

ROTATE = "adobe-ims.dev/rotate"
MARK = "restart.adobe-ims.dev/lightroom"


SCHEMA = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
ROLLOUT_CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "rollouts.argoproj.io"},
    "spec": {
        "group": "argoproj.io",
        "scope": "Namespaced",
        "names": {"kind": "Rollout", "plural": "rollouts", "singular": "rollout"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": SCHEMA, "status": SCHEMA}}},
            }
        ],
    },
}


@contextmanager
def rollouts(scene: Scene) -> Iterator[None]:
    """Have the cluster know the kind Rollout."""
    crd = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{ROLLOUT_CRD['metadata']['name']}"
    scene.api.apply(ROLLOUT_CRD)
    try:
        yield
    finally:
        scene.api.delete(crd)
        wait_for("the CRD to go", lambda: scene.api.get_or_none(crd) is None)


def path(scene: Scene, kind: str, name: str) -> str:
    group = "argoproj.io/v1alpha1" if kind == "Rollout" else "apps/v1"
    return f"/apis/{group}/namespaces/{scene.namespace}/{kind.lower()}s/{name}"


def named(*workloads: Object) -> list[dict[str, str]]:
    return [{"kind": each["kind"], "name": each["metadata"]["name"]} for each in workloads]


def make(scene: Scene, kind: str, name: str, **spec: Any) -> Object:
    made = workload(kind, name)
    if kind == "Rollout":
        made["apiVersion"] = "argoproj.io/v1alpha1"
    return scene.api.apply({**made, "spec": {**made["spec"], **spec}}, namespace=scene.namespace)


def paused(scene: Scene, name: str) -> Object:
    """A Deployment that has pods, and is paused."""
    make(scene, "Deployment", name)
    wait_for("its pods", lambda: scene.api.get(path(scene, "Deployment", name)).get("status", {}).get("replicas"))
    return scene.api.patch(path(scene, "Deployment", name), {"spec": {"paused": True}})


def generation(scene: Scene, name: str, kind: str = "Deployment") -> int:
    number: int = scene.api.get(path(scene, kind, name))["metadata"]["generation"]
    return number


def is_marked(scene: Scene, kind: str, name: str) -> bool:
    template = scene.api.get(path(scene, kind, name))["spec"]["template"]
    return MARK in template["metadata"].get("annotations", {})


def reasons(scene: Scene) -> dict[str, str]:
    return {each["name"]: each["reason"] for each in scene.status().get("restarts", [])}


def rotate(scene: Scene, value: str, count: int) -> None:
    scene.patch("lightroom", {"metadata": {"annotations": {ROTATE: value}}})
    scene.wait_rotations(count)


def events_about(scene: Scene, kind: str) -> list[Object]:
    items = scene.api.get(f"/apis/events.k8s.io/v1/namespaces/{scene.namespace}/events")["items"]
    return [each for each in items if each["regarding"]["kind"] == kind and each.get("action") == "Restart"]
