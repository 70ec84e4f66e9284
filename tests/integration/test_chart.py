"""The chart and deploy/ on a real API server: all that they have is accepted, and is enough to work with.

There is no node, so the pods stay pending; the operator runs here as a process, with the flags of its pod and the
service account of the release.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from adobe_ims_operator.resource import PLURAL
from chart.objects import EVERYTHING, Object, container, of, pod
from support.api import Api, ApiError, wait_for
from support.binaries import REPOSITORY
from support.cluster import CRDS
from support.control_plane import ControlPlane, service_account_kubeconfig
from support.helm import CHART, NAMESPACE, RELEASE, HelmError, run, template
from support.operator_process import Operator
from support.scene import CLIENT, Scene, manifest

CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/adobeimscredentials.adobe-ims.dev"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
OURS = "released"
PLACEHOLDERS = {"client_id": "YOUR_CLIENT_ID", "client_secret": "YOUR_CLIENT_SECRET"}
MONITORS = {"serviceMonitor": {"enabled": False}, "prometheusRule": {"enabled": False}}
"""Their kinds are the Prometheus operator's, which is not here."""
ALL = {**EVERYTHING, "metrics": {**EVERYTHING["metrics"], **MONITORS}}
TAKE_OVER = ("--take-ownership", "--server-side=false")
"""By server-side apply every upgrade would conflict with kubectl, which stays an owner of what it applied."""
KINDS = (
    "deployments,replicasets,pods,services,configmaps,serviceaccounts,networkpolicies,poddisruptionbudgets,"
    "roles,rolebindings,clusterroles,clusterrolebindings"
)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A cluster that has never heard of us."""
    with ControlPlane(tmp_path_factory.mktemp("bare")) as bare:
        yield bare


def kubectl(plane: ControlPlane, *arguments: str, stdin: str = "") -> str:
    command = [str(plane.kubectl), f"--kubeconfig={plane.kubeconfig}", f"--cache-dir={plane.folder}/cache", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def names(plane: ControlPlane) -> set[str]:
    """What there is with the labels of a release, in all namespaces."""
    selector = f"--selector=app.kubernetes.io/name={RELEASE}"
    return set(kubectl(plane, "get", KINDS, "--all-namespaces", selector, "--output=name").split())


def helm(plane: ControlPlane, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
    return run(*arguments, f"--namespace={NAMESPACE}", values=values, kubeconfig=plane.kubeconfig)


def admitted(api: Api, namespace: str, count: int) -> bool:
    """Whether so many pods are in a namespace; each waits for a node."""
    return len(api.get(f"/api/v1/namespaces/{namespace}/pods")["items"]) == count


def test_deploy_is_applied_and_then_taken_over_by_helm_and_left_without_losing_a_credential(
    plane: ControlPlane, tmp_path: Path
) -> None:
    with Api.from_kubeconfig(plane.kubeconfig) as api:
        deploy = str(REPOSITORY / "deploy")
        applied = kubectl(plane, "apply", "-k", deploy)
        assert applied.splitlines()[0] == "namespace/adobe-ims-operator created"
        wait_for("a pod to be admitted", lambda: admitted(api, NAMESPACE, 1))
        again = kubectl(plane, "apply", "-f", f"{deploy}/crds/", "-f", f"{deploy}/operator.yaml")
        assert all(line.endswith(" unchanged") for line in again.splitlines())
        assert "adobe-ims-operator-restart created" in kubectl(plane, "apply", "-f", f"{deploy}/restart/rbac.yaml")
        kubectl(plane, "wait", "crd/adobeimscredentials.adobe-ims.dev", "--for=condition=Established")
        api.apply(manifest("lightroom"), namespace="default")

        with pytest.raises(HelmError, match="invalid ownership"):
            helm(plane, "install", RELEASE, str(CHART))
        helm(plane, "install", RELEASE, str(CHART), *TAKE_OVER, values={"restart": {"enabled": True}})
        helm(plane, "upgrade", RELEASE, str(with_another_field(tmp_path)), values=ALL)
        assert "note" in fields(api)
        assert api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}")["spec"]["replicas"] == 3
        helm(plane, "upgrade", RELEASE, str(CHART))
        assert "note" not in fields(api)

        helm(plane, "uninstall", RELEASE)
        wait_for("all but the custom resource to be gone", lambda: not names(plane))
        assert "deletionTimestamp" not in api.get(CRD)["metadata"]
        assert api.get(f"/apis/adobe-ims.dev/v1alpha1/namespaces/default/{PLURAL}/lightroom")

        helm(plane, "install", RELEASE, str(CHART), values={"crds": {"keep": False}})
        helm(
            plane,
            "upgrade",
            RELEASE,
            str(CHART),
            values={"leaderElection": {"enabled": False}, "crds": {"keep": False}},
        )
        helm(plane, "uninstall", RELEASE)
        wait_for("the custom resource to be gone", lambda: api.get_or_none(CRD) is None)


def with_another_field(folder: Path) -> Path:
    """The chart, with a spec that has a field `note`."""
    newer = folder / "newer"
    shutil.copytree(CHART, newer)
    (path,) = (newer / CRDS.relative_to(CHART)).glob("*.yaml")
    crd = yaml.safe_load(path.read_text())
    spec(crd)["note"] = {"type": "string"}
    path.write_text(yaml.safe_dump(crd))
    return newer


def spec(crd: Object) -> Object:
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    found: Object = schema["properties"]["spec"]["properties"]
    return found


def fields(api: Api) -> list[str]:
    return list(spec(api.get(CRD)))


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
    for values in (ALL, {"standIn": {"enabled": True}}, {"watchNamespaces": [home]}):
        with installed(control_plane, home, values) as objects:
            deployments = of(objects, "Deployment")
            wanted = sum(each["spec"]["replicas"] for each in deployments.values())
            wait_for("the pods to be admitted", partial(admitted, api, home, wanted))
            strict = ["--dry-run=server", "--server-side", "--force-conflicts", "--validate=strict"]
            manifests = yaml.safe_dump_all(objects)
            kubectl(control_plane, "apply", *strict, "--warnings-as-errors", f"-n={home}", "-f", "-", stdin=manifests)
        wait_for("the pods to be gone", partial(admitted, api, home, 0))


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
    return "kubectl.kubernetes.io/restartedAt" in workload["spec"]["template"]["metadata"].get("annotations", {})


@pytest.mark.parametrize("stand_in", [True, False], ids=["stand-in", "Adobe"])
def test_the_commands_that_helm_prints_make_a_credential(
    control_plane: ControlPlane, home: str, scene: Scene, stand_in: bool
) -> None:
    values = {"watchNamespaces": [scene.namespace], "standIn": {"enabled": stand_in}}
    with installed(control_plane, home, values):
        printed = run("get", "notes", RELEASE, f"--namespace={home}", kubeconfig=control_plane.kubeconfig)
    commands = "\n".join(line[4:] for line in printed.splitlines() if line.startswith("    "))
    create, apply = commands.index("kubectl -n " + scene.namespace), commands.index("\nEND\n")
    typed(control_plane, commands[create:apply] + "\nEND\n")
    assert scene.data("lightroom-oauth") == (CLIENT if stand_in else PLACEHOLDERS)
    rotation = {"interval": "1m"} if stand_in else {"interval": "23h"}
    assert scene.api.get(scene.path("lightroom"))["spec"]["rotation"] == rotation


def typed(plane: ControlPlane, commands: str) -> None:
    """Run what a person types in a shell."""
    environment = {
        **os.environ,
        "KUBECONFIG": str(plane.kubeconfig),
        "PATH": f"{plane.kubectl.parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(["bash", "-e"], input=commands, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


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


def test_an_overlay_of_deploy_sets_the_image_and_adds_leave_to_restart(plane: ControlPlane, tmp_path: Path) -> None:
    overlay = {
        "resources": ["deploy"],
        "components": ["deploy/restart"],
        "images": [{"name": "adobe-ims-operator", "newName": "registry.example.com/ims", "newTag": "edge"}],
    }
    shutil.copytree(REPOSITORY / "deploy", tmp_path / "deploy")
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    objects = list(yaml.safe_load_all(kubectl(plane, "kustomize", str(tmp_path))))
    assert container(objects)["image"] == "registry.example.com/ims:edge"
    assert "adobe-ims-operator-restart" in of(objects, "ClusterRoleBinding")
