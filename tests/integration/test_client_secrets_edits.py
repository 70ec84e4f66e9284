"""A person edits, suspends or deletes the object in the middle, makes it again: nothing is lost, or done unasked."""

import pytest

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from integration.replacing import DAY, HOUR, MINUTE, PATIENCE, Replacing
from testbed.api import wait_for


def test_what_is_suspended_begins_nothing_in_any_phase(replacing: Replacing) -> None:
    replacing.begin()
    replacing.edit(suspend=True)
    replacing.wait("Ready", "True", "Suspended")
    replacing.add()
    replacing.quiet()
    assert replacing.phase() == "Steady"
    replacing.edit(suspend=False)
    wait_for("one to be added", lambda: replacing.phase() == "Proving", PATIENCE)
    replacing.edit(suspend=True)
    replacing.pass_time(30 * MINUTE)
    replacing.quiet()
    assert replacing.phase() == "Proving"
    replacing.edit(suspend=False)
    new = replacing.settle("it to be in place", lambda: replacing.phase() == "Draining" and replacing.data())
    replacing.edit(suspend=True)
    replacing.pass_time(10 * DAY)
    replacing.quiet()
    assert (replacing.phase(), replacing.data()) == ("Draining", new)
    replacing.edit(suspend=False)
    replacing.drain()
    replacing.check()
    assert (replacing.done("add"), replacing.done("delete")) == (1, 1)


def test_an_object_that_is_suspended_while_delete_is_under_way(replacing: Replacing) -> None:
    replacing.begin()
    replacing.replace()
    replacing.scene.rules({"request": "delete", "behaviour": "slow", "seconds": 5})
    replacing.live(8, lambda: replacing.asked("delete"))
    replacing.edit(suspend=True)
    wait_for("what was deleted to be written", lambda: replacing.phase() == "Steady", PATIENCE)
    assert set(replacing.data()) == {"client_id", "client_secret"}
    replacing.check()


@pytest.mark.parametrize("how", ["suspended", "gone"])
def test_an_object_that_is_suspended_or_gone_while_post_is_under_way_keeps_what_adobe_gave(
    replacing: Replacing, how: str
) -> None:
    replacing.begin()
    replacing.scene.rules({"request": "add", "behaviour": "slow", "seconds": 5})
    replacing.add()
    wait_for("POST", lambda: replacing.done("add") == 1, PATIENCE)
    if how == "suspended":
        replacing.edit(suspend=True)
    else:
        replacing.delete()
        replacing.apply(suspend=True)
    replacing.wait_phase("Proving")
    assert "client_secret_next" in replacing.data()
    replacing.quiet()
    assert len(replacing.known().current) == 2


def test_what_is_kept_is_never_deleted_and_holds_up_the_next_replacement(replacing: Replacing) -> None:
    replacing.begin(interval="48h")
    replacing.replace()
    replacing.edit(oldSecretPolicy="Keep")
    replacing.live(10)
    assert replacing.asked("delete") == 0
    assert "oldSecretPolicy" in replacing.fails("OldClientSecretKept")
    assert replacing.done("add") == 1
    replacing.edit(oldSecretPolicy="Delete")
    replacing.live(4, lambda: replacing.known().deleted)
    assert replacing.done("delete") == 1
    replacing.check()


def test_a_longer_overlap_counts_at_once_and_a_shorter_one_down_to_what_was_promised(replacing: Replacing) -> None:
    replacing.begin(overlap="48h")
    replacing.replace()
    (old, _) = replacing.known().current
    replacing.edit(overlap="168h")
    replacing.live(12)
    assert replacing.asked("delete") == 0
    replacing.edit(overlap="24h")
    replacing.live(4, lambda: replacing.known().deleted)
    (gone,) = replacing.known().deleted
    assert gone.uuid == old.uuid
    replacing.wait_phase("Steady")
    before = replacing.status()["nextRotationTime"]
    replacing.edit(interval="48h")
    assert replacing.status()["nextRotationTime"] < before
    replacing.live(4, lambda: replacing.done("add") == 2)
    assert replacing.done("add") == 2
    replacing.check()


def test_a_shorter_overlap_is_for_the_next_replacement(replacing: Replacing) -> None:
    replacing.begin(overlap="96h")
    replacing.replace()
    replacing.edit(overlap="24h")
    replacing.live(7)
    assert replacing.asked("delete") == 0
    replacing.live(5, lambda: replacing.known().deleted)
    replacing.settle("it to be deleted", lambda: replacing.done("delete") == 1)
    replacing.check()


@pytest.mark.parametrize("phase", ["Steady", "Proving", "Draining"])
def test_an_endpoint_that_is_not_allowed_stops_all(replacing: Replacing, phase: str) -> None:
    replacing.begin()
    if phase != "Steady":
        replacing.add()
        replacing.wait_phase("Proving")
    if phase == "Draining":
        replacing.prove()
    replacing.edit(endpoint="https://ims.example.com")
    assert "https://ims.example.com" in replacing.fails("EndpointNotAllowed")
    replacing.request("again")
    replacing.pass_time(5 * DAY)
    replacing.quiet()
    assert (replacing.phase(), replacing.asked("delete")) == (phase, 0)
    replacing.edit(endpoint=None)
    replacing.settle("it to go on", lambda: replacing.condition("RotationFailing")["status"] == "False")
    replacing.check()


@pytest.mark.parametrize("phase", ["Steady", "Proving", "Draining"])
def test_an_object_that_is_made_again_takes_the_secret_up(replacing: Replacing, phase: str) -> None:
    replacing.begin()
    body = replacing.scene.api.get(replacing.path)
    if phase != "Steady":
        replacing.add()
        replacing.wait_phase("Proving")
        wait_for("IMS to accept it first", lambda: replacing.ledger()["phase"].get("acceptedAt"), PATIENCE)
    if phase == "Draining":
        replacing.prove()
    before = replacing.secret()
    assert before is not None
    assert "ownerReferences" not in before["metadata"]
    assert "finalizers" not in {**before["metadata"], **body["metadata"]}
    replacing.delete()
    replacing.clocks.move(HOUR)
    assert replacing.secret() == before
    replacing.apply()
    replacing.wait("Ready", "True", "InPlace")
    if phase == "Proving":
        replacing.settle("it to be in place", lambda: replacing.phase() == "Draining")
    if phase != "Steady":
        replacing.drain()
        assert replacing.done("delete") == 1
    assert replacing.data()["client_id"] == SAMPLE_CLIENT_ID
    assert replacing.done("add") == (0 if phase == "Steady" else 1)
    replacing.check()


def test_the_keys_of_the_bootstrap_secret_are_put_right_in_the_spec(replacing: Replacing) -> None:
    replacing.scene.client_secret(data={"clientId": SAMPLE_CLIENT_ID, "clientSecret": SAMPLE_CLIENT_SECRET})
    replacing.operator()
    replacing.apply()
    assert "spec.bootstrap.idKey" in replacing.fails("ClientSecretKeyMissing")
    replacing.edit(bootstrap={"idKey": "clientId"})
    wait_for(
        "the other key", lambda: "spec.bootstrap.secretKey" in replacing.failing("ClientSecretKeyMissing"), PATIENCE
    )
    replacing.edit(bootstrap={"secretKey": "clientSecret"})
    replacing.wait("Ready", "True", "InPlace")
    assert replacing.data() == {"client_id": SAMPLE_CLIENT_ID, "client_secret": SAMPLE_CLIENT_SECRET}
