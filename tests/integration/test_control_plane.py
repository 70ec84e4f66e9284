"""The control plane under the other integration tests is a real one, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from testbed.api import Api, ApiError, audit_lines, audit_requests, wait_for
from testbed.binaries import REPOSITORY
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane, ControlPlaneError, service_account_kubeconfig

# Without the fixtures: the first run on a machine builds the control plane, which takes minutes.
pytestmark = pytest.mark.timeout(120, func_only=True)


PARENT = """\
import sys, time
from pathlib import Path
from testbed.control_plane import ControlPlane
ControlPlane(Path(sys.argv[1])).start()
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("plane"), crds=CRDS, audit=True) as started:
        yield started


@pytest.fixture(scope="module")
def api(plane: ControlPlane) -> Iterator[Api]:
    with Api.from_kubeconfig(plane.kubeconfig) as client:
        yield client


@pytest.fixture
def namespace(api: Api) -> str:
    return api.create_namespace()


@pytest.fixture
def service_account(plane: ControlPlane, api: Api, namespace: str, tmp_path: Path) -> Iterator[Api]:
    api.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "someone"}})
    path = tmp_path / "someone.kubeconfig"
    service_account_kubeconfig(plane.kubeconfig, "local", namespace, "someone", path, plane.kubectl)
    with Api.from_kubeconfig(path) as client:
        yield client


def processes_of(folder: Path) -> list[str]:
    """Return the command lines that name a folder, but for Python's own: that of the parent in a test."""
    shown = subprocess.run(["ps", "-axww", "-o", "args="], capture_output=True, text=True, check=True)
    return [line for line in shown.stdout.splitlines() if str(folder) in line and PARENT[:10] not in line]


def config_map(name: str, **metadata: object) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}


def test_a_service_account_without_a_role_may_not_list_secrets(service_account: Api, namespace: str) -> None:
    with pytest.raises(ApiError) as refused:
        service_account.get(f"/api/v1/namespaces/{namespace}/secrets")
    assert (refused.value.status, refused.value.reason) == (403, "Forbidden")
    assert f"system:serviceaccount:{namespace}:someone" in refused.value.message


def test_requests_are_counted_by_user_verb_and_resource(
    plane: ControlPlane, service_account: Api, namespace: str
) -> None:
    assert plane.audit_log is not None
    before = audit_lines(plane.audit_log)
    service_account.get("/version")
    for resource in ("secrets", "secrets", "pods/x/log"):
        with pytest.raises(ApiError):
            service_account.get(f"/api/v1/namespaces/{namespace}/{resource}")
    counts = audit_requests(plane.audit_log, f"system:serviceaccount:{namespace}:", before)
    assert counts == {("get", "/version"): 1, ("list", "secrets"): 2, ("get", "pods/log"): 1}


def test_the_api_servers_own_metrics_count_what_it_did(api: Api, namespace: str) -> None:
    before = api.server_metrics()
    api.get(f"/api/v1/namespaces/{namespace}/podtemplates")
    assert (api.server_metrics() - before)["LIST", "podtemplates", ""] == 1


def test_what_belongs_to_a_deleted_custom_resource_is_deleted(api: Api, namespace: str) -> None:
    kind = {"apiVersion": "adobe-ims.dev/v1alpha1", "kind": "AdobeIMSCredential"}
    spec = {"client": {"secretRef": {"name": "client"}}, "scopes": ["openid"]}
    owner = api.apply({**kind, "metadata": {"name": "owner"}, "spec": spec}, namespace=namespace)
    reference = {**kind, "name": "owner", "uid": owner["metadata"]["uid"]}
    api.apply(config_map("dependant", ownerReferences=[reference]), namespace=namespace)
    api.delete(f"/apis/adobe-ims.dev/v1alpha1/namespaces/{namespace}/adobeimscredentials/owner")
    dependant = f"/api/v1/namespaces/{namespace}/configmaps/dependant"
    wait_for("the dependant to be deleted", lambda: api.get_or_none(dependant) is None, timeout=5)


def test_deleting_a_namespace_completes(api: Api, namespace: str) -> None:
    api.apply(config_map("content"), namespace=namespace)
    api.delete(f"/api/v1/namespaces/{namespace}")
    wait_for("the namespace to be gone", lambda: api.get_or_none(f"/api/v1/namespaces/{namespace}") is None)


def test_a_restart_of_the_api_server_keeps_data_address_and_tokens(
    plane: ControlPlane, api: Api, service_account: Api, namespace: str
) -> None:
    url = plane.url
    api.apply(config_map("kept"), namespace=namespace)
    plane.restart_apiserver()
    assert plane.url == url
    assert api.get(f"/api/v1/namespaces/{namespace}/configmaps/kept")["metadata"]["name"] == "kept"
    assert service_account.get("/version")["gitVersion"].startswith("v1.")


def test_a_stopped_api_server_refuses_connections(plane: ControlPlane, api: Api) -> None:
    with plane.without_apiserver(), pytest.raises(httpx.ConnectError):
        api.get("/version")
    assert api.get("/version")


def test_a_paused_api_server_answers_when_it_is_resumed(plane: ControlPlane) -> None:
    with Api.from_kubeconfig(plane.kubeconfig, timeout=0.5) as impatient:
        plane.pause_apiserver()
        with pytest.raises(httpx.TimeoutException):
            impatient.get("/version")
        plane.resume_apiserver()
        assert wait_for("an answer", lambda: impatient.get("/version"))


def test_what_is_waited_for_in_vain_is_told_with_what_was_seen(api: Api) -> None:
    path = "/api/v1/namespaces/default/configmaps/none"
    with pytest.raises(AssertionError, match=r"0\.1 s for a config map; last seen: .*404 NotFound.*none"):
        wait_for("a config map", lambda: api.get(path), timeout=0.1)


def test_keys_and_kubeconfigs_are_readable_by_their_owner_only(plane: ControlPlane) -> None:
    credentials = list((plane.folder / "credentials").iterdir())
    assert len(credentials) == 11
    assert {path.stat().st_mode & 0o777 for path in credentials} == {0o600}


def test_a_binary_that_dies_is_told_with_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "assets" / "etcd"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho no room left\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(broken.parent))
    with pytest.raises(ControlPlaneError, match=r"(?s)etcd ended with 3.*no room left"):
        ControlPlane(tmp_path / "plane").start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends processes with their parent")
def test_kill_9_of_the_parent_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        assert len(processes_of(tmp_path)) == 3
        parent.kill()
    wait_for("the processes to die", lambda: not processes_of(tmp_path), timeout=5)


class TestCluster:
    """`python -m testbed.cluster`, in a folder of its own."""

    @pytest.fixture
    def environment(self, tmp_path: Path) -> Iterator[dict[str, str]]:
        environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
        yield environment
        self.run("down", environment)
        assert not processes_of(tmp_path)

    @staticmethod
    def run(command: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        command_line = [sys.executable, "-m", "testbed.cluster", command]
        done = subprocess.run(command_line, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done

    def up(self, environment: Mapping[str, str]) -> tuple[Path, str]:
        done = self.run("up", environment)
        assignment = done.stdout.splitlines()[-1]
        assert assignment.startswith("export KUBECONFIG=/")
        return Path(assignment.partition("=")[2]), done.stderr

    def test_up_is_usable_and_reused_and_down_removes_it(self, environment: dict[str, str], tmp_path: Path) -> None:
        kubeconfig, said = self.up(environment)
        assert "Started a cluster" in said
        with Api.from_kubeconfig(kubeconfig) as api:
            namespace = api.create_namespace()
            assert api.get("/apis/adobe-ims.dev/v1alpha1")
        again, said = self.up(environment)
        assert again == kubeconfig
        assert "Using the cluster that runs" in said
        with Api.from_kubeconfig(again) as api:
            assert api.get(f"/api/v1/namespaces/{namespace}")
        assert "Stopped kube-controller-manager, kube-apiserver, etcd" in self.run("down", environment).stderr
        assert not (tmp_path / "adobe-ims-operator" / "cluster").exists()
        assert "There is no cluster" in self.run("down", environment).stderr

    def test_up_replaces_a_cluster_that_lost_a_process(self, environment: dict[str, str]) -> None:
        kubeconfig, _ = self.up(environment)
        records = json.loads((kubeconfig.parents[1] / "pids.json").read_text())
        os.kill(records["kube-apiserver"]["pid"], signal.SIGKILL)
        _, said = self.up(environment)
        assert "does not work any more" in said
        with Api.from_kubeconfig(kubeconfig) as api:
            assert api.text("/readyz") == "ok"

    def test_down_spares_a_process_that_got_a_dead_ones_pid(self, environment: dict[str, str], tmp_path: Path) -> None:
        folder = tmp_path / "adobe-ims-operator" / "cluster"
        folder.mkdir(parents=True)
        with subprocess.Popen(["sleep", "60"]) as innocent:
            record = {"pid": innocent.pid, "command": ["/gone/etcd", f"--data-dir={folder / 'etcd'}"]}
            (folder / "pids.json").write_text(json.dumps({"etcd": record}))
            assert "nothing ran" in self.run("down", environment).stderr
            time.sleep(0.1)
            assert innocent.poll() is None
            innocent.kill()
