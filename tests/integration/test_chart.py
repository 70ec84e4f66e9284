"""The chart on a real API server: all that it has is accepted, and is enough to work with.

There is no node, so the pods stay pending; the operator runs here as a process, with the flags of its pod and the
service account of the release.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.objects import INSTALLABLE, Object, container, of, pod
from integration.person import admitted, kubectl, typed
from testbed.api import Api, ApiError, wait_for
from testbed.control_plane import ControlPlane, service_account_kubeconfig
from testbed.helm import CHART, RELEASE, run, template
from testbed.operator_process import Operator
from testbed.scene import CLIENT, Scene

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
OURS = "released"
PLACEHOLDERS = {"client_id": "YOUR_CLIENT_ID", "client_secret": "YOUR_CLIENT_SECRET"}


@pytest.fixture
def home(api: Api) -> Iterator[str]:
    """A namespace for a release, where only pods of the level restricted are admitted."""
    namespace = api.create_namespace()
    api.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": RESTRICTED}})
    yield namespace
    api.delete(f"/api/v1/namespaces/{namespace}")


@contextmanager
def installed(plane: ControlPlane, namespace: str, values: Mapping[str, Any]) -> Iterator[list[Object]]:
    """A release beside the custom resource that is there already; its objects, whose names are no scene's."""
    values = {**values, "crds": {"enabled": False}, "fullnameOverride": OURS}
    run("install", RELEASE, str(CHART), f"--namespace={namespace}", values=values, kubeconfig=plane.kubeconfig)
    try:
        yield template(values, namespace=namespace)
    finally:
        run("uninstall", RELEASE, f"--namespace={namespace}", kubeconfig=plane.kubeconfig)


@contextmanager
def operator(plane: ControlPlane, home: str, objects: Sequence[Object], scene: Scene, folder: Path) -> Iterator[None]:
    """The operator with the flags of its pod, as the account of the release."""
    account = pod(objects, OURS)["spec"]["serviceAccountName"]
    path = folder / "release.kubeconfig"
    kubeconfig = service_account_kubeconfig(plane.kubeconfig, None, home, account, path, plane.kubectl)
    flags = [*container(objects, OURS)["args"][1:], f"--lease-namespace={home}", f"--ims-ca-file={scene.ims.ca}"]
    with Operator(kubeconfig, folder / "release.log", flags):
        yield


def denied(plane: ControlPlane, home: str) -> list[str]:
    """What the accounts of a namespace asked of the API server and were not allowed."""
    assert plane.audit_log is not None
    events = [json.loads(line) for line in plane.audit_log.read_text().split("\n")[:-1]]
    return [
        f"{event['verb']} {event['requestURI']}"
        for event in events
        if event["user"].get("username", "").startswith(f"system:serviceaccount:{home}:")
        and event.get("responseStatus", {}).get("code") == 403
    ]


def test_everything_is_accepted_without_a_warning_in_a_restricted_namespace(
    control_plane: ControlPlane, api: Api, home: str
) -> None:
    for values in (INSTALLABLE, {"standIn": {"enabled": True}}, {"watchNamespaces": [home]}):
        with installed(control_plane, home, values) as objects:
            deployments = of(objects, "Deployment")
            wanted = sum(each["spec"]["replicas"] for each in deployments.values())
            wait_for("the pods to be admitted", partial(admitted, api, home, wanted))
            strict = ["--dry-run=server", "--server-side", "--force-conflicts", "--validate=strict"]
            manifests = yaml.safe_dump_all(objects)
            kubectl(control_plane, "apply", *strict, "--warnings-as-errors", f"-n={home}", "-f", "-", stdin=manifests)
        wait_for("the pods to be gone", partial(admitted, api, home, 0))


@pytest.mark.parametrize("strategy", [{}, {"type": "RollingUpdate"}, {"rollingUpdate": {"maxUnavailable": 1}}], ids=str)
def test_leader_election_can_be_switched_off_and_on_again(
    control_plane: ControlPlane, api: Api, home: str, strategy: Mapping[str, Any]
) -> None:
    def upgrade(values: Mapping[str, Any]) -> str:
        values = {**values, "crds": {"enabled": False}, "fullnameOverride": OURS}
        where = [f"--namespace={home}"]
        run("upgrade", RELEASE, str(CHART), *where, values=values, kubeconfig=control_plane.kubeconfig)
        deployment = api.get(f"/apis/apps/v1/namespaces/{home}/deployments/{OURS}")
        return str(deployment["spec"]["strategy"]["type"])

    with installed(control_plane, home, {"strategy": strategy}):
        assert upgrade({"leaderElection": {"enabled": False}}) == "Recreate"
        assert upgrade({"strategy": {"type": "Recreate"}}) == "Recreate"
        assert upgrade({"strategy": strategy}) == "RollingUpdate"


def test_a_pod_that_asks_for_more_is_not_admitted(api: Api, home: str) -> None:
    (deployment,) = of(template({"podSecurityContext": {"runAsNonRoot": False}}), "Deployment").values()
    path = f"/api/v1/namespaces/{home}/pods?dryRun=All"
    body = {**deployment["spec"]["template"], "apiVersion": "v1", "kind": "Pod"}
    body["metadata"]["name"], body["spec"]["serviceAccountName"] = "pod", "default"
    with pytest.raises(ApiError, match="restricted"):
        api.post(path, body)


@pytest.mark.parametrize("everywhere", [True, False], ids=["all namespaces", "named namespaces"])
def test_what_is_installed_is_enough_to_work(
    control_plane: ControlPlane, api: Api, home: str, scene: Scene, tmp_path: Path, everywhere: bool
) -> None:
    where = {"selector": f"test={home}"} if everywhere else {"watchNamespaces": [scene.namespace]}
    values = {"endpoints": [scene.ims.url], "restart": {"enabled": True}, **where}
    workload = f"/apis/apps/v1/namespaces/{scene.namespace}/deployments"
    scene.client_secret()
    with installed(control_plane, home, values) as objects:
        (web,) = of(template({"rbac": {"create": False}}), "Deployment").values()
        api.post(workload, {**web, "metadata": {"name": "web"}})
        scene.credential(restart=[{"kind": "Deployment", "name": "web"}])
        scene.patch("lightroom", {"metadata": {"labels": {"test": home}}})
        with operator(control_plane, home, objects, scene, tmp_path):
            scene.wait_ready()
            scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "now"}}})
            scene.wait_rotations(2)
            scene.patch("lightroom", {"spec": {"secret": {"name": "renamed"}}})
            wait_for("the Secret to have moved", lambda: scene.secret("renamed") and not scene.secret("lightroom"))
            scene.wait_ready()
        assert restarted(api.get(f"{workload}/web"))
        lease = api.get(f"/apis/coordination.k8s.io/v1/namespaces/{home}/leases/{OURS}")
        assert not lease["spec"].get("holderIdentity")
        assert denied(control_plane, home) == []


def restarted(workload: Object) -> bool:
    return "restart.adobe-ims.dev/lightroom" in workload["spec"]["template"]["metadata"].get("annotations", {})


@pytest.mark.parametrize(
    ("stand_in", "selector", "labels"),
    [
        (True, "", {}),
        (False, "team=photos,example.com/tier==gold", {"team": "photos", "example.com/tier": "gold"}),
        (False, "team,tier!=test", {}),
    ],
    ids=["stand-in", "Adobe, with labels", "Adobe, with labels to choose"],
)
def test_the_commands_that_helm_prints_make_a_credential(
    control_plane: ControlPlane, home: str, scene: Scene, stand_in: bool, selector: str, labels: Mapping[str, str]
) -> None:
    values = {"watchNamespaces": [scene.namespace], "standIn": {"enabled": stand_in}, "selector": selector}
    with installed(control_plane, home, values):
        printed = run("get", "notes", RELEASE, f"--namespace={home}", kubeconfig=control_plane.kubeconfig)
    commands = "\n".join(line[4:] for line in printed.splitlines() if line.startswith("    "))
    create, apply = commands.index("kubectl -n " + scene.namespace), commands.index("\nEND\n")
    typed(control_plane, commands[create:apply] + "\nEND\n")
    assert scene.data("lightroom-oauth") == (CLIENT if stand_in else PLACEHOLDERS)
    rotation = {"interval": "1m"} if stand_in else {"interval": "23h"}
    credential = scene.api.get(scene.path("lightroom"))
    assert credential["spec"]["rotation"] == rotation
    assert credential["metadata"].get("labels", {}) == labels
    assert ("# with labels that match" in printed) == bool(selector and not labels)


def test_without_leave_to_restart_the_workload_is_reported_and_the_token_is_written(
    control_plane: ControlPlane, home: str, scene: Scene, tmp_path: Path
) -> None:
    scene.client_secret()
    values = {"endpoints": [scene.ims.url], "watchNamespaces": [scene.namespace]}
    with installed(control_plane, home, values) as objects, operator(control_plane, home, objects, scene, tmp_path):
        scene.credential(restart=[{"kind": "Deployment", "name": "web"}])
        scene.wait_rotations(1)
        wait_for("the report", lambda: "RestartRefused" in str(scene.status()["conditions"]))
        assert scene.data()["access_token"]
