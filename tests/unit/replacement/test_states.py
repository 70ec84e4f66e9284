"""Each state that others make: persons, other clusters, restores, and Adobe."""

from datetime import timedelta

import pytest

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.replacement import events
from adobe_ims_operator.core.replacement.decision import Add, AskToken, Deed, Wait, Write
from adobe_ims_operator.core.replacement.model import Source
from unit.replacement.adobe import CLIENT_ID
from unit.replacement.walks import draining, held, is_a, reason, taken_over, until, uuids
from unit.replacement.world import Cluster, Fault, first_cluster, run

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_the_current_one_is_gone_and_the_previous_one_alive() -> None:
    cluster = draining()
    cluster.adobe.delete("uuid-1")
    run([cluster], DAY)
    assert held(cluster) == {"client_secret": "value-0"}
    assert Deed.SWITCH_BACK in cluster.deeds


def test_a_current_one_that_ims_refuses_for_a_moment_while_adobe_lists_it_stays_in_place() -> None:
    cluster = draining()
    run([cluster], 21 * HOUR)
    cluster.adobe.refuses.add("uuid-1")
    assert cluster.come_to(
        lambda step: isinstance(step, Wait) and step.finding.reason is Reason.CLIENT_SECRET_REFUSED, DAY
    )
    run([cluster], 5 * MINUTE)
    assert reason(cluster) is Reason.CLIENT_SECRET_REFUSED
    assert held(cluster) == {"client_secret": "value-1", "client_secret_previous": "value-0"}
    cluster.adobe.refuses.clear()
    run([cluster], 4 * DAY)
    assert uuids(cluster) == ["uuid-1"]


def test_a_current_one_that_ims_refuses_for_long_changes_places_with_the_previous_one() -> None:
    cluster = draining()
    cluster.adobe.refuses.add("uuid-1")
    step = cluster.come_to(lambda step: isinstance(step, Write), 2 * DAY)
    assert isinstance(step, Write)
    (event,) = events.of_write(step, cluster.ledger, cluster.memory)
    assert "IMS refuses" in event.note
    run([cluster], HOUR)
    assert held(cluster) == {"client_secret": "value-0", "client_secret_previous": "value-1"}
    assert reason(cluster) is Reason.DRAINING
    assert uuids(cluster) == ["uuid-0", "uuid-1"]
    cluster.adobe.refuses.clear()
    run([cluster], 4 * DAY)
    assert (uuids(cluster), reason(cluster)) == (["uuid-0"], Reason.IN_PLACE)


def test_a_current_one_that_ims_refuses_for_long_gives_way_to_a_persons() -> None:
    cluster = taken_over()
    theirs = cluster.adobe.add()
    assert theirs is not None
    cluster.adobe.refuses.add("uuid-0")
    cluster.bootstrap, cluster.bootstrap_version = {"client_id": CLIENT_ID, "client_secret": theirs.value}, 2
    run([cluster], 15 * MINUTE)
    assert held(cluster) == {"client_secret": "value-0"}
    run([cluster], 2 * HOUR)
    assert held(cluster) == {"client_secret": theirs.value}


def test_the_current_one_is_gone_while_the_next_one_is_proven() -> None:
    cluster = taken_over()
    until(cluster, is_a(Add))
    run([cluster], MINUTE)
    cluster.adobe.delete("uuid-0")
    run([cluster], 2 * DAY)
    assert held(cluster) == {"client_secret": "value-1"}


def test_a_person_replaces_it_by_hand() -> None:
    cluster = taken_over()
    run([cluster], DAY)
    theirs = cluster.adobe.add()
    assert theirs is not None
    cluster.adobe.delete("uuid-0")
    cluster.bootstrap, cluster.bootstrap_version = {"client_id": CLIENT_ID, "client_secret": theirs.value}, 2
    run([cluster], DAY)
    assert held(cluster) == {"client_secret": theirs.value}
    assert cluster.ledger is not None
    assert cluster.ledger.current.uuid == theirs.uuid


def test_all_are_gone() -> None:
    cluster = draining()
    for uuid in uuids(cluster):
        cluster.adobe.delete(uuid)
    cluster.adobe.add()
    run([cluster], 12 * DAY)
    assert reason(cluster) is Reason.CLIENT_SECRET_LOST
    assert cluster.deeds.count("POST") == 1


def test_an_older_managed_secret_is_restored() -> None:
    cluster = draining()
    run([cluster], 4 * DAY)
    first = cluster.backups[0]
    cluster.store(first.annotations, first.data)
    run([cluster], 12 * DAY)
    assert reason(cluster) is Reason.CLIENT_SECRET_LOST
    assert cluster.deeds.count("POST") == 1
    cluster.bootstrap, cluster.bootstrap_version = {"client_id": CLIENT_ID, "client_secret": "value-1"}, 2
    run([cluster], HOUR)
    assert held(cluster) == {"client_secret": "value-1"}


def test_an_older_managed_secret_is_restored_while_its_client_secret_is_alive() -> None:
    cluster = draining()
    first = cluster.backups[0]
    cluster.store(first.annotations, first.data)
    run([cluster], 12 * DAY)
    assert (reason(cluster), len(uuids(cluster))) == (Reason.TWO_CLIENT_SECRETS, 2)


def test_the_list_is_of_another_client() -> None:
    cluster = first_cluster(client_id="f" * 32)
    assert reason(cluster) is Reason.CREDENTIAL_MISMATCH
    assert cluster.secret is None
    cluster = draining()
    cluster.adobe.client_id = "f" * 32
    run([cluster], 12 * DAY)
    assert (reason(cluster), len(uuids(cluster))) == (Reason.CREDENTIAL_MISMATCH, 2)


def test_the_bootstrap_secret_names_another_client() -> None:
    cluster = taken_over()
    cluster.bootstrap, cluster.bootstrap_version = {"client_id": "f" * 32, "client_secret": "x"}, 2
    run([cluster], DAY)
    assert reason(cluster) is Reason.IN_PLACE
    cluster.adobe.delete("uuid-0")
    run([cluster], 2 * DAY)
    assert reason(cluster) is Reason.CREDENTIAL_MISMATCH


def test_two_clusters_have_one_credential() -> None:
    east = first_cluster()
    west = Cluster(east.adobe, dict(east.bootstrap or {}), given=set(east.given))
    for cluster in (east, west):
        cluster.edit(overlap=DAY, interval=10 * DAY)
    west.clock_offset = timedelta(hours=5)
    for cluster in (east, west):
        cluster.settle()
        east.adobe.now += 5 * HOUR
    run([east], 11 * DAY)
    run([east, west], 12 * DAY)
    assert east.works()
    assert west.works()
    assert len(uuids(east)) == 2
    assert {reason(east), reason(west)} == {Reason.OLD_CLIENT_SECRET_IN_USE, Reason.TWO_CLIENT_SECRETS}


def test_the_object_is_made_again() -> None:
    cluster = draining()
    cluster.make_object()
    cluster.edit(overlap=DAY, interval=10 * DAY)
    assert reason(cluster) is Reason.DRAINING
    assert Deed.TAKE_OVER not in cluster.deeds[1:]


def test_the_managed_secret_is_deleted_while_the_new_value_is_on_its_way() -> None:
    cluster = taken_over()
    cluster.take(until(cluster, is_a(Add)), Fault.NONE)
    cluster.secret = None
    cluster.settle()
    assert held(cluster) == {"client_secret": "value-1"}


@pytest.mark.parametrize("steps", range(0, 30, 3))
def test_suspend_begins_nothing_at_any_step(steps: int) -> None:
    cluster = taken_over()
    cluster.request("now")
    run([cluster], 59 * MINUTE)
    for _ in range(steps):
        cluster.turn(most=1)
        cluster.adobe.now += MINUTE
    cluster.edit(suspend=True)
    deeds, live, tokens = list(cluster.deeds), uuids(cluster), cluster.adobe.tokens
    was_on_its_way = cluster.memory.added is not None
    run([cluster], 12 * DAY)
    assert reason(cluster) is Reason.SUSPENDED
    assert (uuids(cluster), cluster.adobe.tokens - tokens <= 50) == (live, True)
    assert cluster.deeds == [*deeds, *([Deed.KEEP_NEXT] if was_on_its_way else [])]
    assert cluster.works()
    cluster.edit(suspend=False)
    run([cluster], 10 * DAY)
    assert cluster.works()


def test_another_object_or_another_credential_is_left_alone() -> None:
    cluster = taken_over()
    cluster.edit(credential_id="999")
    assert reason(cluster) is Reason.SECRET_NOT_OWNED
    assert cluster.secret is not None
    cluster.edit(credential_id="436084")
    cluster.store({}, cluster.secret.data)
    assert reason(cluster) is Reason.SECRET_NOT_OWNED


def test_a_damaged_ledger_is_left_alone() -> None:
    cluster = taken_over()
    assert cluster.secret is not None
    cluster.store({next(iter(cluster.secret.annotations)): "{}"}, cluster.secret.data)
    assert reason(cluster) is Reason.LEDGER_DAMAGED
    assert cluster.deeds == [Deed.TAKE_OVER]


def test_a_value_that_somebody_changed_is_put_back_from_the_bootstrap_secret() -> None:
    cluster = taken_over()
    assert cluster.secret is not None
    cluster.store(cluster.secret.annotations, {**cluster.secret.data, "client_secret": "nonsense", "mine": "stays"})
    run([cluster], 11 * MINUTE)
    assert held(cluster) == {"client_secret": "value-0"}
    assert cluster.secret.data["mine"] == "stays"


def test_management_tokens_are_asked_with_the_new_one_while_the_old_one_drains() -> None:
    cluster = draining()
    uses = len(cluster.adobe.all["uuid-0"].uses)
    run([cluster], DAY)
    assert len(cluster.adobe.all["uuid-0"].uses) == uses
    ask = until(cluster, is_a(AskToken))
    assert isinstance(ask, AskToken)
    assert ask.source is Source.CURRENT


def test_a_secret_that_somebody_changes_back_is_written_more_and_more_slowly() -> None:
    cluster = taken_over()
    run([cluster], HOUR)
    end, waits = cluster.adobe.now + HOUR, []
    while cluster.adobe.now < end:
        assert cluster.secret is not None
        if cluster.secret.data["client_id"] == CLIENT_ID:
            cluster.store(cluster.secret.annotations, {**cluster.secret.data, "client_id": "webhook"})
        decision = cluster.turn(most=1)
        assert cluster.deeds.count(Deed.RESTORE) <= 22
        if isinstance(decision, Wait):
            waits.append(decision.finding.reason)
            cluster.adobe.now = decision.until
    assert set(waits) == {Reason.SECRET_CONTESTED}
    assert cluster.deeds.count(Deed.RESTORE) >= 10
    run([cluster], HOUR)
    assert reason(cluster) is Reason.IN_PLACE


@pytest.mark.parametrize("deed", [Deed.SWITCH_BACK, Deed.TAKE_OVER])
def test_what_is_undone_each_time_is_done_again_slowly(deed: Deed) -> None:
    cluster = draining() if deed is Deed.SWITCH_BACK else taken_over()
    if deed is Deed.SWITCH_BACK:
        cluster.adobe.delete("uuid-1")
    else:
        cluster.secret = None
    cluster.come_to(lambda decision: isinstance(decision, Write) and decision.deed is deed, DAY)
    before, done = cluster.secret, cluster.deeds.count(deed)
    for _ in range(200):
        cluster.turn(most=1)
        if cluster.deeds.count(deed) > done and before is not None:
            cluster.store(before.annotations, before.data)
        elif cluster.deeds.count(deed) > done:
            cluster.secret = None
    assert cluster.deeds.count(deed) == done + 1


def test_a_secret_that_a_person_deletes_right_after_it_was_written_is_told_to_be_deleted() -> None:
    cluster = taken_over()
    run([cluster], HOUR)
    cluster.secret = None
    cluster.come_to(lambda decision: isinstance(decision, Write) and decision.deed is Deed.TAKE_OVER, DAY)
    cluster.turn(most=1)
    cluster.secret = None
    decision = cluster.come_to(lambda decision: isinstance(decision, Wait), DAY)
    assert isinstance(decision, Wait)
    assert decision.finding.reason is Reason.SECRET_CONTESTED
    assert "was deleted right after the operator wrote it" in decision.finding.message
    assert "webhook" not in decision.finding.message
