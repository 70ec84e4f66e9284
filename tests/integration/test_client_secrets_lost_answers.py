"""POST or DELETE is refused, or its answer lost, or a person is quicker: there are never three, and it goes on."""

import signal
from typing import Any

import pytest

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from integration.replacing import (
    DAY,
    HOUR,
    MANAGED,
    OTHER_CREDENTIAL,
    OTHER_ID,
    OTHER_SECRET,
    PATIENCE,
    Replacing,
    add_other_client,
    use,
)
from testbed.api import wait_for
from testbed.webhook import Webhook

OTHER_CLIENT = {"client_id": OTHER_ID, "client_secret": OTHER_SECRET}
LOST = {"behaviour": "lost", "times": 1}


def added(replacing: Replacing, count: int = 1) -> None:
    wait_for("one to be added", lambda: replacing.done("add") == count, PATIENCE)


def orphan_goes(replacing: Replacing) -> None:
    """See that the client secret without a value is deleted in the end, and another one is put in place."""
    message = replacing.settle("it to be known", lambda: replacing.failing("AddedClientSecretUnknown"))
    (_, lost) = replacing.known().current
    assert lost.uuid in message
    assert replacing.data() == {"client_id": SAMPLE_CLIENT_ID, "client_secret": SAMPLE_CLIENT_SECRET}
    replacing.live(6, lambda: replacing.known().deleted)
    added(replacing, 2)
    replacing.check()
    (gone,) = replacing.known().deleted
    assert gone.uuid == lost.uuid
    assert gone.deleted_at is not None
    assert gone.deleted_at - gone.created_at >= 2 * DAY
    new = replacing.prove()
    assert (new != SAMPLE_CLIENT_SECRET, replacing.done("delete")) == (True, 1)
    replacing.check()


@pytest.mark.parametrize(
    "how", [{"how": "reset"}, {"how": "error"}, {"how": "error", "after": 3}], ids=["reset", "gateway", "done later"]
)
def test_post_is_done_and_its_answer_is_lost(replacing: Replacing, how: dict[str, Any]) -> None:
    replacing.begin()
    replacing.scene.rules({**LOST, "request": "add", **how})
    replacing.add()
    added(replacing)
    assert "not known" in replacing.fails("ConsoleUnavailable")
    orphan_goes(replacing)


def test_the_operator_is_killed_while_post_has_no_answer(replacing: Replacing) -> None:
    operator = replacing.begin()
    replacing.scene.rules({**LOST, "request": "add", "how": "hang"})
    replacing.add()
    added(replacing)
    operator.kill()
    assert replacing.phase() == "Adding"
    replacing.operator()
    orphan_goes(replacing)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"behaviour": "error", "status": 403, "times": 1}, "ManagementNotPermitted"),
        ({"behaviour": "error", "status": 422, "times": 1}, "TwoClientSecrets"),
        ({"behaviour": "rate_limited", "retry_after": 60, "times": 1}, "ConsoleRateLimited"),
    ],
)
def test_post_is_refused(replacing: Replacing, rule: dict[str, Any], reason: str) -> None:
    replacing.begin()
    replacing.scene.rules({**rule, "request": "add"})
    replacing.add()
    replacing.fails(reason)
    replacing.wait_phase("Steady")
    assert (len(replacing.known().current), replacing.asked("add")) == (1, 1)
    replacing.check()
    replacing.settle("another to be added", lambda: replacing.done("add") == 1)
    replacing.prove()
    replacing.check()


@pytest.mark.parametrize("how", ["reset", "error"])
def test_delete_is_done_and_its_answer_is_lost(replacing: Replacing, how: str) -> None:
    replacing.begin()
    new = replacing.replace()
    replacing.scene.rules({**LOST, "request": "delete", "how": how})
    replacing.live(8, lambda: replacing.known().deleted)
    replacing.settle("it to be known", lambda: replacing.phase() == "Steady")
    assert replacing.data() == {"client_id": SAMPLE_CLIENT_ID, "client_secret": new}
    assert (replacing.done("delete"), replacing.known().most, len(replacing.known().current)) == (1, 2, 1)
    replacing.wait("RotationFailing", "False", "InPlace")


def test_the_operator_is_killed_while_delete_has_no_answer_and_it_is_done_later(replacing: Replacing) -> None:
    operator = replacing.begin()
    new = replacing.replace()
    replacing.scene.rules({**LOST, "request": "delete", "how": "hang", "after": 3})
    replacing.live(8, lambda: replacing.asked("delete"))
    operator.kill()
    assert replacing.ledger()["phase"]["deleting"] is True
    replacing.operator()
    replacing.settle("it to be known", lambda: replacing.phase() == "Steady")
    assert replacing.data() == {"client_id": SAMPLE_CLIENT_ID, "client_secret": new}
    assert len(replacing.known().current) == 1
    assert replacing.asked("delete") == 1


def test_a_person_adds_one_between_the_list_and_post(replacing: Replacing) -> None:
    replacing.begin()
    ims = replacing.scene.ims
    (ours,) = replacing.known().current
    stale = [{"uuid": ours.uuid, "created_at": "1", "expires_at": "PERMANENT", "secret_usages": None}]
    replacing.scene.rules({"request": "list", "behaviour": "field", "key": "client_secrets", "value": stale})
    theirs, value = ims.add_by_hand()
    replacing.add()
    replacing.fails("TwoClientSecrets")
    assert (replacing.asked("add"), replacing.done("add")) == (1, 0)
    ims.clear_rules()
    replacing.wait_phase("Steady")
    replacing.settle("the stranger to be named", lambda: theirs in replacing.failing("TwoClientSecrets"))
    replacing.live(8)
    assert (replacing.done("add"), replacing.done("delete"), replacing.known().deleted) == (0, 0, ())
    assert use(ims, value)
    replacing.check()
    ims.delete_by_hand(theirs)
    replacing.settle("one to be added", lambda: replacing.done("add") == 1)
    replacing.prove()
    replacing.check()


def test_a_person_takes_the_place_of_a_post_without_an_answer(replacing: Replacing) -> None:
    replacing.begin()
    ims = replacing.scene.ims
    replacing.scene.rules({**LOST, "request": "add", "how": "error", "after": 4})
    replacing.add()
    wait_for("POST", lambda: replacing.asked("add") == 1, PATIENCE)
    theirs, value = ims.add_by_hand()
    assert use(ims, value)
    replacing.settle("the stranger to be named", lambda: theirs in replacing.failing("TwoClientSecrets"))
    assert replacing.done("add") == 0
    replacing.live(8)
    assert (replacing.asked("add"), replacing.asked("delete")) == (1, 0)
    replacing.check()
    ims.delete_by_hand(theirs)
    replacing.settle("one to be added", lambda: replacing.done("add") == 1)
    replacing.check()
    replacing.pass_time(HOUR)


def delete_during_post(replacing: Replacing) -> None:
    replacing.scene.rules({"request": "add", "behaviour": "slow", "seconds": 6, "times": 1})
    replacing.add()
    wait_for("POST", lambda: replacing.asked("add") == 1, PATIENCE)
    replacing.delete()


def test_the_object_is_deleted_while_post_has_no_answer(replacing: Replacing) -> None:
    operator = replacing.begin()
    delete_during_post(replacing)
    replacing.wait_phase("Proving")
    assert operator.stop() == 0
    replacing.check()
    replacing.operator()
    replacing.apply()
    new = replacing.prove()
    assert (new != SAMPLE_CLIENT_SECRET, replacing.done("add")) == (True, 1)


def test_the_process_ends_while_the_secret_can_not_be_written_for_a_moment(replacing: Replacing) -> None:
    scene, operator = replacing.scene, replacing.begin()
    with Webhook(scene.api, scene.namespace, "secrets") as hook:

        def is_asked() -> bool:
            scene.client_secret("probe", {"number": str(len(hook.objects))})
            return bool(hook.objects)

        wait_for("the webhook to be asked", is_asked)
        scene.rules({"request": "add", "behaviour": "slow", "seconds": 1, "times": 1})
        replacing.add()
        wait_for("POST", lambda: replacing.asked("add") == 1, PATIENCE)
        before = len(hook.objects)
        hook.deny(500)
        operator.process.send_signal(signal.SIGTERM)
        wait_for("two writes", lambda: len(hook.objects) >= before + 2, PATIENCE)
        hook.allow()
        assert operator.process.wait(10) == 0
    assert replacing.phase() == "Proving"


def test_who_makes_a_secret_of_that_name_later_does_not_get_what_adobe_gave(replacing: Replacing) -> None:
    operator = replacing.begin()
    delete_during_post(replacing)
    former = replacing.secret()
    assert former is not None
    replacing.scene.api.delete(f"/api/v1/namespaces/{replacing.scene.namespace}/secrets/{MANAGED}")
    wait_for("it to be given up", lambda: "its value is given up" in operator.text(), PATIENCE)
    metadata = {each: former["metadata"][each] for each in ("name", "labels", "annotations")}
    replacing.scene.api.apply({**former, "metadata": metadata}, namespace=replacing.scene.namespace)
    replacing.apply()
    replacing.wait("Ready", "True", "InPlace")
    assert operator.stop() == 0
    (_, new) = replacing.known().current
    assert replacing.scene.ims.read_by_hand(new.uuid) not in replacing.data().values()


def test_the_object_is_made_again_for_another_credential_while_post_has_no_answer(replacing: Replacing) -> None:
    add_other_client(replacing.scene.ims)
    replacing.begin()
    delete_during_post(replacing)
    replacing.scene.client_secret("others", OTHER_CLIENT)
    another = {"secret": {"name": "another-client"}, "bootstrap": {"secretRef": {"name": "others"}}}
    replacing.apply(credentialId=OTHER_CREDENTIAL, **another)
    replacing.wait_phase("Proving")
    (_, new) = replacing.known().current
    assert replacing.data()["client_secret_next"] == replacing.scene.ims.read_by_hand(new.uuid)
    replacing.wait("Ready", "True", "InPlace")
    assert replacing.scene.data("another-client") == OTHER_CLIENT
    assert replacing.condition("RotationFailing")["status"] == "False"


def test_the_object_is_made_again_with_another_secret_while_post_has_no_answer(replacing: Replacing) -> None:
    replacing.begin()
    delete_during_post(replacing)
    replacing.apply(secret={"name": "another-client"})
    replacing.wait_phase("Proving")
    (_, new) = replacing.known().current
    assert replacing.data()["client_secret_next"] == replacing.scene.ims.read_by_hand(new.uuid)
    assert replacing.done("add") == 1


def test_the_object_is_made_again_and_its_secret_is_gone_while_post_has_no_answer(replacing: Replacing) -> None:
    operator = replacing.begin()
    delete_during_post(replacing)
    replacing.apply()
    replacing.scene.api.delete(f"/api/v1/namespaces/{replacing.scene.namespace}/secrets/{MANAGED}")
    wait_for("it to be given up", lambda: "its value is given up" in operator.text(), PATIENCE)
    (_, new) = replacing.known().current
    assert f"client secret {new.uuid} was added, and its value is given up" in operator.text()
    assert replacing.secret() is None
