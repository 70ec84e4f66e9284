"""What is shown of workloads is true: which were restarted, which wait for somebody, and which need no restart."""

from integration.workloads import events_about, generation, is_marked, make, named, path, paused, reasons, rotate
from testbed import plain_http
from testbed.address import free_ports
from testbed.api import wait_for
from testbed.operator_process import rules
from testbed.scene import Scene, allow

VERBS = next(rule["verbs"] for rule in rules() if "deployments" in rule["resources"])


def test_pods_that_somebody_else_replaces_are_pending_which_pages_nobody_and_are_seen_to_be_replaced(
    scene: Scene,
) -> None:
    on_delete, partition = {"type": "OnDelete"}, {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    held_back = [
        paused(scene, "paused"),
        make(scene, "StatefulSet", "sts-by-hand", updateStrategy=on_delete),
        make(scene, "StatefulSet", "sts-partition", updateStrategy=partition),
        make(scene, "DaemonSet", "ds-by-hand", updateStrategy=on_delete),
    ]
    # A DaemonSet without a node has no pod that could be old, nor has a paused Deployment without replicas.
    scene.api.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-of-{scene.namespace}"}})
    idle = make(scene, "Deployment", "idle", paused=True, replicas=0)
    plain = make(scene, "Deployment", "plain")
    wait_for(
        "a pod of each StatefulSet and the DaemonSet",
        lambda: all(
            scene.api.get(path(scene, each["kind"], each["metadata"]["name"])).get("status", {}).get(field, 0) > 0
            for each, field in zip(held_back[1:], ("replicas", "replicas", "desiredNumberScheduled"), strict=True)
        ),
    )
    (port,) = free_ports(1)
    scene.client_secret()
    scene.operator(f"--metrics-port={port}")
    scene.credential(restart=named(*held_back, idle, plain))
    condition = scene.wait_condition("WorkloadsRestarted", "False", "RestartPending")
    for each in held_back:
        assert f"{each['kind']} {each['metadata']['name']} " in condition["message"]
        assert is_marked(scene, each["kind"], each["metadata"]["name"])
    pending = {each["metadata"]["name"]: "RestartPending" for each in held_back}
    assert reasons(scene) == {**pending, "idle": "Restarted", "plain": "Restarted"}
    text = plain_http.get(f"http://127.0.0.1:{port}/metrics").text
    series = f'adobe_ims_credential_restart_failing{{name="lightroom",namespace="{scene.namespace}"}} 0.0'
    assert series in text.splitlines()
    scene.api.patch(path(scene, "Deployment", "paused"), {"spec": {"paused": False}})
    scene.api.delete(f"/api/v1/namespaces/{scene.namespace}/pods/sts-by-hand-0")
    seen = generation(scene, "paused")
    wait_for(
        "the pod in its place",
        lambda: (
            (status := scene.api.get(path(scene, "StatefulSet", "sts-by-hand"))["status"])
            and status.get("updatedReplicas") == status["replicas"]
        ),
    )
    # Else they would be looked at a minute later.
    scene.credential(restart=named(*held_back, idle, plain), rotation={"interval": "22h"})
    wait_for("the looks", lambda: reasons(scene).get("sts-by-hand") == "Restarted")
    assert reasons(scene)["paused"] == "Restarted"
    assert reasons(scene)["ds-by-hand"] == "RestartPending"
    assert generation(scene, "paused") == seen, "it was looked at, and not patched again"
    scene.api.delete(f"/api/v1/nodes/node-of-{scene.namespace}")


def test_a_workload_that_is_made_after_the_rotation_is_found_within_a_minute_and_not_rolled(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential(restart=[{"kind": "Deployment", "name": "late"}])
    scene.wait_condition("WorkloadsRestarted", "False", "WorkloadNotFound")
    make(scene, "Deployment", "late")
    wait_for("the look after a minute", lambda: scene.condition("WorkloadsRestarted")["status"] == "True", 90)
    assert reasons(scene) == {"late": "StartedWithToken"}
    assert not is_marked(scene, "Deployment", "late")
    rotate(scene, "1", 2)
    scene.wait_condition("WorkloadsRestarted", "True", "Restarted")
    assert is_marked(scene, "Deployment", "late")


def test_a_look_that_is_refused_says_so_and_goes_on(scene: Scene) -> None:
    allow(scene.api, scene.namespace, "deployments", ["patch"])
    scene.client_secret()
    scene.operator()
    scene.credential(restart=[{"kind": "Deployment", "name": "late"}])
    scene.wait_condition("WorkloadsRestarted", "False", "WorkloadNotFound")
    make(scene, "Deployment", "late")
    scene.credential(restart=[{"kind": "Deployment", "name": "late"}], rotation={"interval": "22h"})
    wait_for("the refusal", lambda: "403" in scene.condition("WorkloadsRestarted")["message"])
    assert "grant the operator get" in scene.condition("WorkloadsRestarted")["message"]
    allow(scene.api, scene.namespace, "deployments", VERBS)
    scene.credential(restart=[{"kind": "Deployment", "name": "late"}], rotation={"interval": "21h"})
    scene.wait_condition("WorkloadsRestarted", "True", "StartedWithToken")


def test_a_refusal_names_the_value_of_the_chart(scene: Scene) -> None:
    make(scene, "Deployment", "web")
    allow(scene.api, scene.namespace, "deployments", ["get"])
    scene.client_secret()
    scene.operator()
    scene.credential(restart=[{"kind": "Deployment", "name": "web"}])
    assert "restart.enabled=true" in scene.wait_condition("WorkloadsRestarted", "False", "RestartRefused")["message"]


def test_a_restart_is_told_once_by_an_event_on_the_workload(scene: Scene) -> None:
    web = make(scene, "Deployment", "web")
    held_back = paused(scene, "paused")
    scene.client_secret()
    allow(scene.api, scene.namespace, "adobeimscredentials/status", ["get"])
    operator = scene.operator()
    scene.credential(restart=named(web, held_back))
    wait_for("both Events", lambda: len(events_about(scene, "Deployment")) == 2)
    operator.kill()  # before the status says so, so the next one patches them again
    allow(scene.api, scene.namespace, "adobeimscredentials/status", ["patch"])
    scene.operator()
    scene.wait_ready()
    wait_for("the second attempt to tell", lambda: "was sent before" in scene.log.read_text())
    told = {each["regarding"]["name"]: each for each in events_about(scene, "Deployment")}
    assert len(events_about(scene, "Deployment")) == 2
    assert {name: (each["type"], each["reason"]) for name, each in told.items()} == {
        "web": ("Normal", "Restarted"),
        "paused": ("Normal", "RestartPending"),
    }
    assert told["web"]["regarding"]["uid"] == web["metadata"]["uid"]
    assert told["web"]["related"]["name"] == "lightroom"
    assert "AdobeIMSCredential lightroom" in told["web"]["note"]
    rotate(scene, "1", 2)
    wait_for("one more each", lambda: len(events_about(scene, "Deployment")) == 4)


def test_a_workload_that_does_not_exist_costs_one_request_for_a_first_token(scene: Scene) -> None:
    mark = scene.audited_from()
    scene.client_secret()
    scene.operator()
    scene.credential(restart=[{"kind": "Deployment", "name": f"none-{number}"} for number in range(3)])
    scene.wait_condition("WorkloadsRestarted", "False", "WorkloadNotFound")
    asked = {verb: count for (verb, what), count in scene.requests_since(mark).items() if what == "deployments"}
    assert asked == {"get": 3}
