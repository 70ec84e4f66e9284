"""A release as its users meet it: what they verify, and that it installs from the registry alone."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from node.product import Applications, namespace
from release import chart, signing, tools
from release.identity import IMAGES, PROJECT, Release
from release.publish import publish
from release.signing import Key
from testbed import helm, image
from testbed.api import Api
from testbed.control_plane import ControlPlane
from testbed.image import VERSION
from testbed.node import Node

pytestmark = pytest.mark.timeout(600)


def test_everything_is_signed_and_nothing_else_verifies(published: dict[str, str], key: Key, tmp_path: Path) -> None:
    stranger = Key.make(tmp_path, "another")
    assert published.keys() == {*IMAGES, "chart"}
    for reference in published.values():
        signing.verify(reference, key.public)
        with pytest.raises(tools.ToolError):
            signing.verify(reference, stranger.public)


def said(reference: str, kind: str, key: Key) -> dict[str, Any]:
    """What a signed statement says, to who verified it."""
    envelope = json.loads(signing.verify_attestation(reference, kind, key.public).splitlines()[0])
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert statement["subject"][0]["digest"]["sha256"] == reference.partition("@sha256:")[2]
    return dict(statement["predicate"])


def test_each_image_says_what_it_is_made_of(published: dict[str, str], key: Key) -> None:
    for name, packages in (("adobe-ims-operator", {"kopf", "httpx", "libssl3"}), ("adobe-ims-stand-in", {"aiohttp"})):
        index = json.loads(tools.crane("manifest", published[name]))
        assert {each["platform"]["architecture"] for each in index["manifests"]} == {"amd64", "arm64"}
        for each in index["manifests"]:
            part = f"{published[name].partition('@')[0]}@{each['digest']}"
            signing.verify(part, key.public)
            bill = said(part, signing.SBOM, key)
            found = {component["name"] for component in bill["components"]}
            assert bill["bomFormat"] == "CycloneDX"
            assert found >= {*packages, name, "libc6"}
            assert ("kopf" in found) == (name == "adobe-ims-operator")


def test_everything_says_how_it_was_made(published: dict[str, str], key: Key, release: Release) -> None:
    for reference in published.values():
        build = said(reference, signing.PROVENANCE, key)
        assert build["buildDefinition"]["externalParameters"] == {"version": VERSION, "commit": release.commit}
        assert build["runDetails"]["builder"]["id"] == release.builder


def test_the_chart_that_is_pulled_knows_its_registry_and_its_home(
    published: dict[str, str], release: Release, tmp_path: Path
) -> None:
    assert published["chart"]
    helm.run("pull", f"oci://{release.charts}/{PROJECT['name']}", "--plain-http", "--untar", f"--untardir={tmp_path}")
    folder = tmp_path / PROJECT["name"]
    metadata = yaml.safe_load((folder / "Chart.yaml").read_text())
    assert (metadata["home"], metadata["sources"]) == (release.source, [release.source])
    listed = yaml.safe_load(metadata["annotations"]["artifacthub.io/images"])
    assert listed == [{"name": name, "image": release.image(name)} for name in IMAGES]
    values = yaml.safe_load((folder / "values.yaml").read_text())
    assert values["metrics"]["prometheusRule"]["runbookUrl"] == (
        f"{release.source}/blob/v{VERSION}/docs/runbooks/alerts.md"
    )
    rendered = helm.run("template", "any", str(folder), "--set=standIn.enabled=true")
    for name in IMAGES:
        assert f'image: "{release.image(name)}"' in rendered


def test_the_same_input_gives_the_same_digests(
    published: dict[str, str], release: Release, archives: dict[str, list[Path]], tmp_path: Path
) -> None:
    assert publish(release, archives, None) == published
    packages = [chart.package(tmp_path, release).read_bytes() for _ in range(2)]
    assert packages[0] == packages[1]


def test_a_version_that_is_there_is_not_replaced(
    published: dict[str, str], release: Release, archives: dict[str, list[Path]]
) -> None:
    with pytest.raises(tools.ToolError, match="is there already"):
        publish(release, {name: paths[:1] for name, paths in archives.items()}, None)
    for name in IMAGES:
        assert tools.crane("digest", release.image(name)).strip() == published[name].partition("@")[2]


@pytest.mark.parametrize("name", image.STAGES)
def test_a_second_build_gives_the_same_image(name: str) -> None:
    digests = {tools.crane("digest", f"--tarball={archive}") for archive in (image.build(name), image.again(name))}
    assert len(digests) == 1


def test_a_file_is_signed_too(key: Key, tmp_path: Path) -> None:
    wheel = tmp_path / "one.whl"
    wheel.write_bytes(b"wheel")
    bundle = signing.sign_file(wheel, key)
    signing.verify_file(wheel, bundle, key.public)
    wheel.write_bytes(b"another")
    with pytest.raises(tools.ToolError):
        signing.verify_file(wheel, bundle, key.public)


def test_it_installs_from_the_registry_alone_and_gives_a_pod_its_token(
    published: dict[str, str], release: Release, node: Node, plane: ControlPlane, api: Api
) -> None:
    api.apply(namespace(helm.NAMESPACE))
    source = [f"oci://{release.charts}/{PROJECT['name']}", f"--version={VERSION}", "--plain-http"]
    flags = [f"--namespace={helm.NAMESPACE}", "--wait", "--timeout=45s"]
    helm.run(
        "install", helm.RELEASE, *source, *flags, values={"standIn": {"enabled": True}}, kubeconfig=plane.kubeconfig
    )
    applications = Applications(api, "photos")
    applications.credential("lightroom")
    assert applications.wait_rotated("lightroom", None)
    listed = node.ctr("images", "list", "--quiet")
    for name in IMAGES:
        assert release.image(name) in listed.splitlines()
        assert published[name].partition("@")[2] in listed
