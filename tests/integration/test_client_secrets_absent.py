"""Where the API server does not know the kind, credentials are served, and the objects as soon as it does."""

import shutil
from collections.abc import Iterator

import pytest

from adobe_ims_operator.api.client_secret import CLIENT_SECRET_PLURAL
from adobe_ims_operator.api.resource import GROUP
from integration.replacing import PATIENCE, WATCHED_AGAIN, Replacing
from testbed.api import wait_for
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane

KIND = f"{CLIENT_SECRET_PLURAL}.yaml"


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One of this module's own, without the kind."""
    folder = tmp_path_factory.mktemp("absent")
    crds = folder / "crds"
    shutil.copytree(CRDS, crds)
    (crds / KIND).unlink()
    with ControlPlane(folder / "plane", crds=crds, audit=True) as plane:
        yield plane


@pytest.mark.timeout(240)
def test_the_kind_may_come_later(replacing: Replacing) -> None:
    scene = replacing.scene
    operator = replacing.operator()
    scene.client_secret()
    scene.credential()
    scene.wait_ready()
    wait_for("it to be said", lambda: f"{CLIENT_SECRET_PLURAL}.{GROUP} is not installed" in operator.text(), PATIENCE)
    scene.api.apply(CRDS / KIND)
    replacing.apply()
    wait_for("it to be served", lambda: replacing.condition("Ready").get("status") == "True", WATCHED_AGAIN)
    replacing.check()
    assert operator.text().count(f"{CLIENT_SECRET_PLURAL}.{GROUP} is not installed") == 1
