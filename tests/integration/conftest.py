"""A real control plane for each worker, and a scene for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.login import load_configuration
from integration.replacing import Replacing
from testbed.api import Api
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane
from testbed.scene import Scene
from testbed.stand_in import StandIn


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("control-plane"), crds=CRDS, audit=True) as plane:
        yield plane


@pytest.fixture
def api(control_plane: ControlPlane) -> Iterator[Api]:
    with Api.from_kubeconfig(control_plane.kubeconfig) as client:
        yield client


@pytest.fixture(scope="module")
def _ims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(tmp_path_factory.mktemp("stand-in"), warm=True) as stand_in:
        yield stand_in


@pytest.fixture
def ims(_ims: StandIn) -> Iterator[StandIn]:
    """One for the module, as good as new for each test."""
    yield _ims
    _ims.renew()


@pytest.fixture
def scene(control_plane: ControlPlane, api: Api, ims: StandIn, tmp_path: Path) -> Iterator[Scene]:
    a_scene = Scene(control_plane, api, ims, tmp_path)
    try:
        yield a_scene
    finally:
        a_scene.close()


@pytest.fixture
def replacing(scene: Scene, tmp_path: Path) -> Replacing:
    """A client secret to be replaced; nothing is there yet."""
    return Replacing(scene, tmp_path)


@pytest.fixture
async def kube(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kube]:
    """A connection of the operator's own kind, as a cluster administrator."""
    monkeypatch.setenv("KUBECONFIG", str(scene.control_plane.kubeconfig))
    connection = Kube(await load_configuration(), 4, load_configuration)
    yield connection
    await connection.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests in which days pass more time: each move of the clocks waits for what the operator does."""
    for item in items:
        if "integration/test_client_secrets" in item.nodeid:
            item.add_marker(pytest.mark.timeout(300))
