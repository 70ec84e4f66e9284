"""A registry on loopback, and a release in it that a key of the moment has signed."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from release.identity import IMAGES, Release
from release.signing import Key
from testbed import binaries, image, node_packages, node_sandbox
from testbed.address import Address
from testbed.api import Api
from testbed.binaries import REPOSITORY
from testbed.control_plane import ControlPlane
from testbed.node import Node
from testbed.process import Process

REGISTRY = "127.0.0.1:5000"
# https://distribution.github.io/distribution/about/configuration/
CONFIGURATION = """\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}/blobs}}}}
http: {{addr: "{registry}"}}
"""


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host of a registry; it is reached by plain http, as all programs take loopback to be."""
    if not node_sandbox.entered():
        if os.environ.get("CI"):
            pytest.fail("a release is rehearsed on a node of its own: make release-rehearsal")
        pytest.skip("a release is rehearsed on a node of its own: make release-rehearsal")
    folder = tmp_path_factory.mktemp("registry")
    configuration = folder / "registry.yaml"
    configuration.write_text(CONFIGURATION.format(folder=folder, registry=REGISTRY))
    command = [
        "/usr/bin/env",
        "OTEL_TRACES_EXPORTER=none",
        str(binaries.artifacts().registry),
        "serve",
        str(configuration),
    ]
    process = Process.start("registry", command, folder / "registry.log")
    process.wait_ready(_answers, 30)
    yield REGISTRY
    process.stop()


def _answers() -> bool:
    try:
        return httpx.get(f"http://{REGISTRY}/v2/", trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="session")
def release(registry: str) -> Release:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return Release.here(f"{registry}/team", "https://git.example.com/team/adobe-ims-operator", commit.stdout.strip())


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Both images, for the machine's architecture and for another by its configuration only."""
    folder = tmp_path_factory.mktemp("archives")
    found: dict[str, list[Path]] = {}
    for name, built in zip(IMAGES, image.STAGES, strict=True):
        own, other = folder / f"{name}-amd64.tar", folder / f"{name}-arm64.tar"
        shutil.copy(image.build(built), own)
        _for_arm64(own, other)
        found[name] = [own, other]
    return found


def _for_arm64(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as old, tarfile.open(target, "w") as new:
        listed = json.loads(_content(old, "manifest.json"))
        before = listed[0]["Config"]
        configuration = json.dumps({**json.loads(_content(old, before)), "architecture": "arm64"}).encode()
        listed[0]["Config"] = f"{hashlib.sha256(configuration).hexdigest()}.json"
        for name, content in ((listed[0]["Config"], configuration), ("manifest.json", json.dumps(listed).encode())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
        for member in old:
            if member.name not in {before, "manifest.json"}:
                new.addfile(member, old.extractfile(member) if member.isreg() else None)


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    found = archive.extractfile(name)
    assert found
    return found.read()


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return Key.make(tmp_path_factory.mktemp("key"), "of the moment")


@pytest.fixture(scope="session")
def published(release: Release, archives: dict[str, list[Path]], key: Key) -> dict[str, str]:
    """What the command that releases says is in the registry: references by digest, by name."""
    folder = archives[IMAGES[0]][0].parent
    told = [f"REGISTRY={release.registry}", f"SOURCE={release.source}", f"ARCHIVES={folder}"]
    done = subprocess.run(
        ["make", "--no-print-directory", "release", *told, f"SIGN=--key {key.private}"],
        cwd=REPOSITORY,
        env={**os.environ, "COSIGN_PASSWORD": key.password},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory, registry: str) -> Iterator[ControlPlane]:  # noqa: ARG001
    address = Address(node_sandbox.ADDRESS, 6443, node_sandbox.SERVICES)
    with ControlPlane(tmp_path_factory.mktemp("control-plane"), address=address) as running:
        yield running


@pytest.fixture(scope="session")
def node(plane: ControlPlane) -> Iterator[Node]:
    with Node(node_sandbox.FOLDER, plane, node_packages.fetch()) as running:
        yield running


@pytest.fixture(scope="session")
def api(plane: ControlPlane) -> Iterator[Api]:
    with Api.from_kubeconfig(plane.kubeconfig) as client:
        yield client
