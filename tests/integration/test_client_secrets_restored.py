"""A managed Secret that a person put back, changed or deleted: no client secret is added, and what works comes back."""

import base64
from typing import Any

import pytest

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from integration.replacing import MANAGED, PATIENCE, Replacing
from testbed.api import Object, wait_for


def put_back(replacing: Replacing, backup: Object) -> None:
    """Restore the Secret as a backup has it."""
    metadata: dict[str, Any] = {"name": MANAGED, "annotations": backup["metadata"]["annotations"]}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": backup["data"], "type": "Opaque"}
    path = replacing.scene.path(MANAGED, "secrets")
    replacing.scene.api.delete(path)
    wait_for("the Secret to be put back", lambda: replacing.scene.api.post(path.rpartition("/")[0], body), PATIENCE)


def give(replacing: Replacing, value: str) -> None:
    """Put a client secret into the bootstrap Secret."""
    replacing.scene.client_secret(data={"client_id": SAMPLE_CLIENT_ID, "client_secret": value})


def lost_after_a_restore(replacing: Replacing) -> None:
    replacing.begin()
    backup = replacing.secret()
    assert backup is not None
    replacing.replace()
    replacing.drain()
    asked = replacing.asked("add")
    put_back(replacing, backup)
    replacing.settle("it to be lost", lambda: replacing.says("Ready", "False", "ClientSecretLost"))
    assert "Developer Console" in replacing.fails("ClientSecretLost")
    replacing.request("again")
    replacing.settle("it to be lost still", lambda: replacing.says("Ready", "False", "ClientSecretLost"), 700)
    assert (replacing.asked("add"), len(replacing.known().current)) == (asked, 1)


def test_after_a_restore_the_value_of_the_web_page_is_taken_over(replacing: Replacing) -> None:
    lost_after_a_restore(replacing)
    (left,) = replacing.known().current
    value = replacing.scene.ims.read_by_hand(left.uuid)
    give(replacing, value)
    replacing.settle("it to be taken over", lambda: replacing.says("Ready", "True", "InPlace"))
    assert replacing.data() == {"client_id": SAMPLE_CLIENT_ID, "client_secret": value}
    replacing.check()


def test_after_a_restore_a_client_secret_that_a_person_adds_is_taken_over(replacing: Replacing) -> None:
    lost_after_a_restore(replacing)
    (left,) = replacing.known().current
    uuid, value = replacing.scene.ims.add_by_hand()
    give(replacing, value)
    replacing.settle("it to be taken over", lambda: replacing.data()["client_secret"] == value, rounds=12)
    replacing.wait("Ready", "True", "InPlace")
    assert replacing.ledger()["current"]["uuid"] == uuid
    assert left.uuid in replacing.fails("TwoClientSecrets")
    replacing.scene.ims.delete_by_hand(left.uuid)
    added = replacing.done("add")
    replacing.settle("it to go on", lambda: replacing.done("add") == added + 1, 30)
    replacing.prove()
    replacing.check()


def test_a_managed_secret_that_is_deleted_is_made_again_while_the_first_value_works(replacing: Replacing) -> None:
    replacing.begin()
    replacing.scene.api.delete(replacing.scene.path(MANAGED, "secrets"))
    wait_for("it to be there", lambda: replacing.data() or None, PATIENCE)
    replacing.wait("Ready", "True", "InPlace")
    replacing.make_certain()
    replacing.replace()
    replacing.scene.api.delete(replacing.scene.path(MANAGED, "secrets"))
    # A request whose stamp fits none of the two, as the clocks moved meanwhile, is followed by the next after 20 hours.
    replacing.settle("it to be there", lambda: replacing.data() or None, rounds=12, then=1300)
    assert replacing.data() == {"client_id": SAMPLE_CLIENT_ID, "client_secret": SAMPLE_CLIENT_SECRET}
    replacing.fails("TwoClientSecrets")
    replacing.live(8)
    assert (replacing.done("add"), replacing.asked("delete")) == (1, 0)
    replacing.check()


def test_a_managed_secret_that_is_deleted_later_is_lost_until_a_person_gives_the_value(replacing: Replacing) -> None:
    replacing.begin()
    value = replacing.replace()
    replacing.drain()
    replacing.scene.api.delete(replacing.scene.path(MANAGED, "secrets"))
    replacing.wait("Ready", "False", "ClientSecretMissing")
    replacing.settle("it to be lost", lambda: replacing.failing("ClientSecretLost"))
    assert (replacing.secret(), replacing.done("add")) == (None, 1)
    give(replacing, value)
    replacing.settle("it to be taken over", lambda: replacing.says("Ready", "True", "InPlace"))
    assert replacing.data()["client_secret"] == value


@pytest.mark.parametrize("slot", ["client_secret", "client_secret_previous", "client_id"])
def test_a_value_that_a_person_spoils_while_two_are_valid_costs_no_client_secret(
    replacing: Replacing, slot: str
) -> None:
    replacing.begin()
    replacing.replace()
    spoilt = {"data": {slot: base64.b64encode(b"p8e-spoilt").decode()}}
    replacing.scene.patch(MANAGED, spoilt, "secrets")
    replacing.poke()

    def works() -> bool:
        assert replacing.data()["client_id"] == SAMPLE_CLIENT_ID
        replacing.check()
        return True

    replacing.settle("a client secret that works to be in place", works)
    replacing.live(4)
    works()
    assert replacing.done("add") == 1
