"""One cluster with a node for the whole run, the product installed on it, and figures at the end."""

import os
from collections.abc import Iterator

import pytest

from node.product import APPLICATION_IMAGE, MEASURED, Applications, Release, values
from testbed import image, node_packages, node_sandbox
from testbed.address import Address
from testbed.api import Api
from testbed.control_plane import ControlPlane
from testbed.node import Node
from testbed.node_images import write_image
from testbed.stand_in import StandIn

TOOLS = ("sh", "printf", "sha256sum", "sleep")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if MEASURED:
        terminalreporter.section("measured")
        for line in MEASURED:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def _in_a_sandbox() -> None:
    if not node_sandbox.entered():
        message = "pods need a machine of their own: make test-node"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory, _in_a_sandbox: None) -> Iterator[ControlPlane]:
    address = Address(node_sandbox.ADDRESS, 6443, node_sandbox.SERVICES)
    with ControlPlane(tmp_path_factory.mktemp("control-plane"), audit=True, address=address) as running:
        yield running


@pytest.fixture(scope="session")
def node(plane: ControlPlane) -> Iterator[Node]:
    packages = node_packages.fetch()
    with Node(node_sandbox.FOLDER, plane, packages) as running:
        files: dict[str, bytes | str] = {"bin/busybox": packages.busybox.read_bytes()}
        files |= {f"bin/{tool}": "busybox" for tool in TOOLS}
        running.import_image(write_image(running.folder / "application.tar", APPLICATION_IMAGE, files, ["sh"]))
        for name in image.STAGES:
            running.import_image(image.build(name))
        yield running


@pytest.fixture(scope="session")
def api(plane: ControlPlane) -> Iterator[Api]:
    with Api.from_kubeconfig(plane.kubeconfig) as client:
        yield client


@pytest.fixture(scope="session")
def ims(tmp_path_factory: pytest.TempPathFactory, _in_a_sandbox: None) -> Iterator[StandIn]:
    """IMS outside of the cluster, over https by an authority of its own."""
    there = ("--host", node_sandbox.ADDRESS, "--tls-name", node_sandbox.ADDRESS)
    with StandIn(tmp_path_factory.mktemp("ims"), arguments=there) as running:
        yield running


@pytest.fixture(scope="session")
def settings(ims: StandIn) -> dict[str, object]:
    """The chart's values: two replicas, for credentials of the usual kind."""
    assert ims.ca is not None
    return values(
        replicaCount=2,
        endpoints=[ims.url],
        caBundle={"pem": ims.ca.read_text()},
        restart={"enabled": True},
        selector="ims!=stand-in",
    )


@pytest.fixture(scope="session")
def release(node: Node, plane: ControlPlane, api: Api, settings: dict[str, object]) -> Release:
    installed = Release(node, api, plane.kubeconfig)
    installed.install(settings)
    return installed


@pytest.fixture(scope="session")
def photos(release: Release, api: Api) -> Applications:  # noqa: ARG001 - no token comes without it
    """Two applications with a credential each, one of which reads a file and the other its environment."""
    applications = Applications(api, "photos")
    applications.credential("file")
    applications.reading_file("file")
    applications.credential("environment", restart=[{"kind": "Deployment", "name": "environment"}])
    applications.reading_environment("environment")
    return applications
