"""Two objects for one credential: in two clusters neither takes anything from the other, and in one the older works."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.replacing import HOUR, MANAGED, PATIENCE, Replacing
from testbed.api import Api, wait_for
from testbed.control_plane import ControlPlane
from testbed.scene import Scene

DAY_OF_TOKEN = 21 * 60
"""Minutes after which a token is asked for again, and with it a list."""


@pytest.fixture
def elsewhere(control_plane: ControlPlane, api: Api, replacing: Replacing, tmp_path: Path) -> Iterator[Replacing]:
    """An operator in another namespace, that knows nothing of the first: as in another cluster."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    scene = Scene(control_plane, api, replacing.scene.ims, folder)
    try:
        yield Replacing(scene, folder, clocks=replacing.clocks)
    finally:
        scene.close()


def test_what_another_cluster_uses_is_not_deleted_and_both_say_why(replacing: Replacing, elsewhere: Replacing) -> None:
    replacing.begin(interval="48h")
    elsewhere.begin(interval="48h")
    new = replacing.replace()
    message = elsewhere.settle("the other one to be seen", lambda: elsewhere.failing("TwoClientSecrets"), DAY_OF_TOKEN)
    current, previous = replacing.ledger()["current"]["uuid"], replacing.ledger()["phase"]["previous"]["uuid"]
    assert current in message
    assert elsewhere.ledger()["current"]["uuid"] == previous
    replacing.live(12, each=elsewhere.poke)
    said = replacing.wait("OldClientSecretInUse", "True", "OldClientSecretInUse")["message"]
    assert previous in said
    replacing.fails("OldClientSecretInUse")
    # A token may have expired while the clocks moved, on its way to a list.
    elsewhere.settle("both to be seen", lambda: elsewhere.failing("TwoClientSecrets"))
    for each in (replacing, elsewhere):
        each.check()
        each.wait("Ready", "True", "InPlace")
    assert (replacing.done("delete"), replacing.done("add"), replacing.data()["client_secret"]) == (0, 1, new)


def test_a_person_who_gives_the_new_one_to_the_other_cluster_ends_it(
    replacing: Replacing, elsewhere: Replacing
) -> None:
    replacing.begin()
    elsewhere.begin()
    new = replacing.replace()
    replacing.scene.ims.delete_by_hand(replacing.ledger()["phase"]["previous"]["uuid"])
    elsewhere.settle("it to be lost", lambda: elsewhere.says("Ready", "False", "ClientSecretLost"), DAY_OF_TOKEN)
    elsewhere.scene.client_secret(data={**elsewhere.data(), "client_secret": new})
    elsewhere.settle("it to be there", lambda: elsewhere.says("Ready", "True", "InPlace"))
    assert elsewhere.data()["client_secret"] == new
    replacing.settle("the old one to be gone", lambda: replacing.phase() == "Steady", 361)
    for each in (replacing, elsewhere):
        each.check()


def test_of_two_that_are_due_at_once_one_is_served(replacing: Replacing, elsewhere: Replacing) -> None:
    replacing.begin()
    elsewhere.begin()
    both = (replacing, elsewhere)
    for each in both:
        each.request()
    replacing.clocks.move(2 * HOUR)
    for each in both:
        each.poke()
    wait_for("one to be added", lambda: replacing.done("add"), PATIENCE)
    first = wait_for("it to be kept", lambda: next((e for e in both if e.phase() == "Proving"), None), PATIENCE)
    other = next(each for each in both if each is not first)
    other.fails("TwoClientSecrets")
    for each in both:
        each.check()
    assert replacing.done("add") == 1
    first.prove()
    other.check()


@pytest.mark.parametrize("secret", [MANAGED, "another-client"])
def test_of_two_in_one_namespace_the_older_one_works(replacing: Replacing, tmp_path: Path, secret: str) -> None:
    replacing.begin()
    younger = Replacing(replacing.scene, tmp_path, "younger", replacing.clocks)
    time.sleep(1)  # the API server notes whole seconds
    younger.apply(secret={"name": secret})
    message = younger.fails("ClientSecretManagedTwice")
    assert f"{replacing.scene.namespace}/lightroom" in message
    younger.request()
    replacing.replace()
    younger.poke()
    younger.fails("ClientSecretManagedTwice")
    assert replacing.scene.secret("another-client") is None
    replacing.drain()
    assert (replacing.done("add"), replacing.known().most) == (1, 2)
    if secret == MANAGED:
        before = replacing.data()
        replacing.delete()
        younger.wait("Ready", "True", "InPlace")
        assert replacing.data()["client_secret"] == before["client_secret"]
