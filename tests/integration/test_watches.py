"""The watches: what kopf does not tell, does not survive, or does not log in to, the operator makes good."""

import asyncio
import json
import stat
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from adobe_ims_operator.api.resource import Key, parse_credential
from adobe_ims_operator.cache.credential_watch import CredentialWatch
from adobe_ims_operator.cache.resync import Resync
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.kube.client import METADATA_LIST, Kube
from adobe_ims_operator.kube.errors import ApiError
from adobe_ims_operator.kube.list_pages import pages
from adobe_ims_operator.kube.login import load_configuration
from adobe_ims_operator.kube.page_size import PAGE_BYTES
from adobe_ims_operator.kube.paths import secrets_path
from testbed.api import Api, wait_for
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane
from testbed.scene import Scene
from testbed.stand_in import StandIn


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One of this module's own, as its CRD goes and comes back."""
    with ControlPlane(tmp_path_factory.mktemp("watches"), crds=CRDS, audit=True) as plane:
        yield plane


def test_a_crd_that_goes_and_comes_back_is_taken_up_again(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/adobeimscredentials.adobe-ims.dev"
    scene.api.delete(crd)
    wait_for("the CRD to go", lambda: scene.api.get_or_none(crd) is None)
    wait_for("the operator to notice", lambda: "is not installed yet" in operator.text(), 60)
    for manifest in CRDS.glob("*.yaml"):
        scene.api.apply(manifest)
    scene.credential("later")
    scene.wait_ready("later")
    assert "Traceback" not in operator.text()
    assert operator.stop() == 0


def test_a_token_secret_that_vanished_unseen_does_not_block_the_rotation(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.ims.settings(latency=1)
    scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}})
    wait_for("IMS to be asked", lambda: scene.ims.requests().total == 2 or None)
    scene.api.delete(scene.path("lightroom", "secrets"))
    scene.wait_ready()
    wait_for("the Secret to be there", lambda: scene.data() or None)


async def test_a_deletion_that_no_watch_told_of_is_found_by_the_sweep(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(scene.control_plane.kubeconfig))
    kube = Kube(await load_configuration(), 4, load_configuration)
    enqueued: list[Key] = []
    store = Store(lambda key, _after: enqueued.append(key))
    watch = CredentialWatch(kube, store, [scene.namespace], None, lambda: None, lambda: 0.0)
    for name in ("kept", "deleted"):
        store.upsert_credential(parse_credential(scene.credential(name)))
    scene.api.delete(scene.path("deleted"))
    enqueued.clear()
    await watch.namespaces.probe()
    sweep = Resync(kube, store, watch, None, lambda: 0.0, blind_after=0)
    await sweep.resync_once()
    await kube.close()
    assert enqueued[-1] == Key(scene.namespace, "deleted")
    assert Key(scene.namespace, "deleted") not in store.credentials
    assert Key(scene.namespace, "kept") in store.credentials


PLUGIN = """\
#!{python}
import json, pathlib
calls = pathlib.Path({calls!r})
calls.write_text(calls.read_text() + "x" if calls.exists() else "x")
token = pathlib.Path({token!r}).read_text()
status = {{"token": token}}
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}}))
"""


@pytest.fixture
def plugin(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig whose user comes from a plugin, as on EKS, GKE and AKS; the file with the token that it prints."""
    account = yaml.safe_load((tmp_path / "adobe-ims-operator.kubeconfig").read_text())
    token = tmp_path / "token"
    token.write_text(account["users"][0]["user"]["token"])
    script = tmp_path / "plugin"
    script.write_text(PLUGIN.format(python=sys.executable, calls=str(tmp_path / "calls"), token=str(token)))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script), "interactiveMode": "Never"}
    account["users"][0]["user"] = {"exec": exec_}
    kubeconfig = tmp_path / "plugin.kubeconfig"
    kubeconfig.write_text(json.dumps(account))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    assert scene.namespace
    return token


async def test_a_token_of_a_kubeconfigs_plugin_is_replaced_when_it_is_refused(scene: Scene, plugin: Path) -> None:
    good = plugin.read_text()
    plugin.write_text("expired")
    kube = Kube(await load_configuration(), 4, load_configuration, reload_after=5)
    path = secrets_path(scene.namespace)
    with pytest.raises(ApiError) as refused:
        await kube.read(path)
    assert refused.value.status == 401
    plugin.write_text(good)
    with pytest.raises(ApiError):
        await kube.read(path)
    await asyncio.sleep(5)
    assert (await kube.read(path))["kind"] == "SecretList"
    await kube.close()


async def test_credentials_that_stay_refused_are_not_looked_for_in_a_loop(plugin: Path, tmp_path: Path) -> None:
    plugin.write_text("expired")
    kube = Kube(await load_configuration(), 4, load_configuration)
    for _ in range(20):
        with pytest.raises(ApiError):
            await kube.read("/api/v1/secrets")
    await kube.close()
    assert len((tmp_path / "calls").read_text()) <= 3


def test_the_operator_works_through_a_kubeconfigs_plugin(scene: Scene, plugin: Path, tmp_path: Path) -> None:
    scene.client_secret()
    good = plugin.read_text()
    plugin.write_text("expired")
    operator = scene.operator(environment={"KUBECONFIG": str(tmp_path / "plugin.kubeconfig")})
    wait_for("the operator to be refused", lambda: "401" in operator.text())
    plugin.write_text(good)
    scene.credential()
    scene.wait_ready()
    assert good not in operator.text()
    assert operator.stop() == 0


def test_an_api_server_that_hangs_is_waited_for(scene: Scene, ims: StandIn) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.control_plane.pause_apiserver()
    time.sleep(3)
    scene.control_plane.resume_apiserver()
    with Api.from_kubeconfig(scene.control_plane.kubeconfig) as api:
        wait_for("the API server", lambda: api.text("/readyz"))
    scene.credential("later")
    scene.wait_ready("later")
    assert ims.requests().total == 2
    assert operator.process.poll() is None


def test_an_operator_that_starts_before_the_api_server_waits_for_it_and_stops_at_once(scene: Scene) -> None:
    with scene.control_plane.without_apiserver():
        operator = scene.operator()
        wait_for("the operator to say so", lambda: "the API server can't be reached" in operator.text())
        assert operator.stop(timeout=5) == 0
        scene.operator()
    scene.client_secret()
    scene.credential()
    scene.wait_ready()


async def test_a_list_of_large_objects_comes_in_pages_that_are_small_enough(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(scene.control_plane.kubeconfig))
    kube = Kube(await load_configuration(), 4, load_configuration)
    names = [f"large-{number:02}" for number in range(24)]
    for name in names:
        metadata = {"name": name, "annotations": {"example.com/large": "x" * 250_000}}
        scene.api.post(f"/api/v1/namespaces/{scene.namespace}/secrets", {"metadata": metadata})
    listed = [page["items"] async for page in pages(kube, secrets_path(scene.namespace), accept=METADATA_LIST)]
    await kube.close()
    assert [item["metadata"]["name"] for items in listed for item in items] == names
    assert max(len(json.dumps(items)) for items in listed) <= PAGE_BYTES
    assert len(listed) < len(names)


def deep(levels: int) -> bytes:
    """Metadata that is nested so deep; json.dumps would not write it."""
    entry = {"manager": "m", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": "HERE"}
    fields = '{"f:a":' * levels + "{}" + "}" * levels
    return json.dumps({"metadata": {"managedFields": [entry]}}).replace('"HERE"', fields).encode()


def test_objects_that_are_nested_as_deep_as_the_api_server_takes_stop_nobody(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential("deep")
    scene.wait_ready("deep")
    for kind in ("secrets", "adobeimscredentials"):
        scene.api.patch_text(scene.path("deep", kind), deep(9000))
    for name in ("while-it-runs", "after-a-restart"):
        scene.credential(name)
        scene.wait_ready(name)
        scene.api.delete(scene.path(name, "secrets"))
        path = scene.path(name, "secrets")
        wait_for("the Secret to be healed", partial(scene.api.get_or_none, path))
        assert "Traceback" not in operator.text()
        assert "answered no valid object" not in operator.text()
        operator.stop()
        operator = scene.operator()
