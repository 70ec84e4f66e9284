"""How the chart and deploy/ come to a cluster, stay beside each other there, and leave: on one that is ours alone."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from adobe_ims_operator.api.resource import PLURAL
from chart.objects import INSTALLABLE, Object, container, of
from integration.person import admitted, kubectl
from testbed.api import Api, wait_for
from testbed.binaries import REPOSITORY
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane
from testbed.helm import CHART, NAMESPACE, RELEASE, HelmError, run
from testbed.image import VERSION
from testbed.scene import manifest

CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/adobeimscredentials.adobe-ims.dev"
EARLIER = REPOSITORY / "tests" / "data" / "97fb118" / "chart.tgz"
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


def names(plane: ControlPlane) -> set[str]:
    """What there is with the labels of a release, in all namespaces."""
    selector = f"--selector=app.kubernetes.io/name={RELEASE}"
    return set(kubectl(plane, "get", KINDS, "--all-namespaces", selector, "--output=name").split())


def helm(plane: ControlPlane, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
    return run(*arguments, f"--namespace={NAMESPACE}", values=values, kubeconfig=plane.kubeconfig)


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
        helm(plane, "upgrade", RELEASE, str(with_another_field(tmp_path)), values=INSTALLABLE)
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


def test_operators_beside_each_other_take_release_names_of_their_own(plane: ControlPlane) -> None:
    def install(release: str, namespace: str, *flags: str, values: Mapping[str, Any]) -> None:
        where = [f"--namespace={namespace}", "--create-namespace"]
        run("install", release, str(CHART), *where, *flags, values=values, kubeconfig=plane.kubeconfig)

    def uninstall(release: str, namespace: str) -> None:
        run("uninstall", release, f"--namespace={namespace}", kubeconfig=plane.kubeconfig)

    beside = {"selector": "team=video", "crds": {"enabled": False}, "rbac": {"aggregateClusterRoles": False}}
    install("photos", "photos", values={"selector": "team=photos"})
    with pytest.raises(HelmError, match=r'ClusterRole "photos-adobe-ims-operator" .* invalid ownership'):
        install("photos", "video", values=beside)
    install("video", "video", values=beside)
    before = names(plane)
    assert {f"deployment.apps/{each}-adobe-ims-operator" for each in ("photos", "video")} < before
    uninstall("video", "video")
    wait_for("all of the second to be gone", lambda: not [name for name in names(plane) if "/video-" in name])
    assert names(plane) >= {name for name in before if "/video-" not in name}

    uninstall("photos", "photos")
    install("photos", "photos", values={})  # takes up the custom resource
    uninstall("photos", "photos")
    with pytest.raises(HelmError, match=r"CustomResourceDefinition .* invalid ownership"):
        install("video", "video", values={})
    install("video", "video", "--take-ownership", values={"crds": {"keep": False}})
    uninstall("video", "video")
    wait_for("all to be gone", lambda: not names(plane))


@pytest.mark.parametrize("flag", ["--reset-values", "--reset-then-reuse-values"])
def test_the_chart_before_this_one_is_upgraded_with_its_values_and_no_credential_is_lost(
    plane: ControlPlane, flag: str
) -> None:
    values = {"replicaCount": 2, "image": {"registry": "registry.example.com"}, "standIn": {"enabled": True}}
    helm(plane, "install", RELEASE, str(EARLIER), "--create-namespace", values={**values, "crds": {"keep": False}})
    with Api.from_kubeconfig(plane.kubeconfig) as api:
        kubectl(plane, "wait", "crd/adobeimscredentials.adobe-ims.dev", "--for=condition=Established")
        api.apply(manifest("lightroom"), namespace="default")
        path = f"/apis/adobe-ims.dev/v1alpha1/namespaces/default/{PLURAL}/lightroom"
        uid = api.get(path)["metadata"]["uid"]
        given = {**values, "crds": {"keep": False}} if flag == "--reset-values" else None
        helm(plane, "upgrade", RELEASE, str(CHART), flag, values=given)
        assert api.get(path)["metadata"]["uid"] == uid
        deployment = api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}")
        template = deployment["spec"]["template"]["spec"]
        assert template["containers"][0]["image"] == f"registry.example.com/adobe-ims-operator:{VERSION}"
        assert "podAntiAffinity" in template["affinity"]
        stand_in = api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}-stand-in")
        (served,) = stand_in["spec"]["template"]["spec"]["containers"]
        assert served["image"] == f"registry.example.com/adobe-ims-stand-in:{VERSION}"
        assert "command" not in served
        helm(plane, "uninstall", RELEASE)
        wait_for("all to be gone", lambda: not names(plane))
        wait_for("the custom resource to be gone", lambda: api.get_or_none(CRD) is None)


def with_another_field(folder: Path) -> Path:
    """The chart, with a spec that has a field `note`."""
    newer = folder / "newer"
    shutil.copytree(CHART, newer)
    path = newer / CRDS.relative_to(CHART) / f"{PLURAL}.yaml"
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


@pytest.mark.parametrize(("page", "margin"), [("docs/install.md", "    "), ("deploy/kustomization.yaml", "#     ")])
def test_the_overlay_that_is_shown_sets_the_image_and_may_add_restarts_and_client_secrets(
    plane: ControlPlane, tmp_path: Path, page: str, margin: str
) -> None:
    shown = (REPOSITORY / page).read_text().partition(f"{margin}resources:")[2].splitlines()
    overlay = ["resources:" + shown[0], *(line.removeprefix(margin) for line in shown[1:3])]
    shutil.copytree(REPOSITORY / "deploy", tmp_path / "deploy")
    (tmp_path / "kustomization.yaml").write_text(
        "\n".join([*overlay, "components: [deploy/restart, deploy/client-secrets]"])
    )
    objects = list(yaml.safe_load_all(kubectl(plane, "kustomize", str(tmp_path))))
    assert container(objects)["image"] == f"YOUR_REGISTRY/adobe-ims-operator:{VERSION}"
    assert of(objects, "ClusterRoleBinding").keys() >= {
        "adobe-ims-operator-restart",
        "adobe-ims-operator-client-secrets",
    }
    assert container(objects)["args"][-1] == "--client-secrets"
