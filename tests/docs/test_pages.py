"""What the pages tell readers to run is run, on a real control plane, in a namespace with a running operator."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.pages import Block, blocks, marked_pages
from testbed.api import Api, wait_for
from testbed.binaries import REPOSITORY
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane
from testbed.scene import Scene
from testbed.stand_in import StandIn

SECONDS = 90
EXTERNAL_SECRETS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "externalsecrets.external-secrets.io"},
    "spec": {
        "group": "external-secrets.io",
        "scope": "Namespaced",
        "names": {"kind": "ExternalSecret", "plural": "externalsecrets", "singular": "externalsecret"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
"""As much of External Secrets as the garbage collector sees of it."""


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("pages")
    crds = folder / "crds"
    crds.mkdir()
    for each in CRDS.glob("*.yaml"):
        (crds / each.name).write_text(each.read_text())
    # From the start, as the garbage collector learns of a later one only within 40 s.
    (crds / "external-secrets.yaml").write_text(yaml.safe_dump(EXTERNAL_SECRETS))
    with ControlPlane(folder / "control-plane", crds=crds) as plane:
        yield plane


@pytest.fixture
def scene(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Scene]:
    with Api.from_kubeconfig(control_plane.kubeconfig) as api, StandIn(tmp_path, warm=True) as ims:
        a_scene = Scene(control_plane, api, ims, tmp_path)
        try:
            yield a_scene
        finally:
            a_scene.close()


class Reader:
    """Who types what a page says, as an administrator, in the repository's root with this namespace as the default."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self._scene = scene
        self._folder = folder
        kubeconfig = folder / "reader.kubeconfig"
        config = yaml.safe_load(scene.control_plane.kubeconfig.read_text())
        for each in config["contexts"]:
            each["context"]["namespace"] = scene.namespace
        kubeconfig.write_text(json.dumps(config))
        path = f"{scene.control_plane.kubectl.parent}:{os.environ['PATH']}"
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PATH": path, "HOME": str(folder)}
        # What a page writes must not end up in the repository.
        (folder / "deploy").symlink_to(REPOSITORY / "deploy")

    def follow(self, block: Block) -> None:
        if block.kind == "refused":
            # A policy takes hold a moment after it was applied.
            wait_for(f"line {block.line} to be refused", lambda: self._refuses(block), 30)
            return
        if block.argument:
            self._externalsecret()
        command = block.text if block.kind == "run" else "kubectl apply -f -"
        done = self._run(command, "" if block.kind == "run" else block.text)
        assert done.returncode == 0, f"line {block.line}:\n{block.text}\n{done.stdout}{done.stderr}"

    def _refuses(self, block: Block) -> bool:
        done = self._run("kubectl apply --dry-run=server -f -", block.text)
        assert done.returncode, done.stdout
        assert block.argument in done.stderr, done.stderr
        return True

    def _externalsecret(self) -> None:
        """Have the Secret of the page owned as External Secrets owns it."""
        scene = self._scene
        manifest = {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": "adobe-token"},
        }
        made = scene.api.apply(manifest, namespace=scene.namespace)
        owner = {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "name": "adobe-token",
            "uid": made["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
        scene.patch("adobe-token", {"metadata": {"ownerReferences": [owner]}}, "secrets")

    def _run(self, command: str, stdin: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            input=stdin,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


@pytest.mark.parametrize("page", marked_pages())
def test_what_a_page_says_can_be_run(page: str, scene: Scene, tmp_path: Path) -> None:
    operator = scene.operator()
    wait_for("the operator to have read the namespace", lambda: "in sync with" in operator.text())
    reader = Reader(scene, tmp_path)
    for block in blocks(REPOSITORY / page):
        reader.follow(block)
