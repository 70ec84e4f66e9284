"""Each row of the table in docs/design.md, and each state that others make."""

from datetime import timedelta

import pytest

from adobe_ims_operator.api.client_secret_ledger import Adding, Draining, Origin, Orphaned, Proving, Slot, Steady
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.replacement import events
from adobe_ims_operator.core.replacement.decision import Add, AskToken, Decision, Deed, Delete, Wait, Write
from adobe_ims_operator.core.replacement.model import Source
from unit.replacement.world import CLIENT_ID, Cluster, Fault, first_cluster, run

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def taken_over(**adobe: object) -> Cluster:
    cluster = first_cluster(**adobe)
    cluster.edit(overlap=DAY, interval=10 * DAY)
    cluster.settle()
    return cluster


def until(cluster: Cluster, kind: type[Decision]) -> Decision:
    """Let time pass until it decides to do such a thing, which is not done yet."""
    decision = cluster.come_to(lambda decision: isinstance(decision, kind), 30 * DAY)
    assert decision is not None, cluster.deeds
    return decision


def draining(**adobe: object) -> Cluster:
    """A cluster in which a client secret was just replaced."""
    cluster = taken_over(**adobe)
    while not (cluster.ledger and isinstance(cluster.ledger.phase, Draining)):
        run([cluster], HOUR)
    return cluster


def reason(cluster: Cluster) -> Reason:
    return cluster.settle().finding.reason


def held(cluster: Cluster) -> dict[str, str]:
    assert cluster.secret is not None
    return {slot: cluster.secret.data[slot] for slot in Slot if slot in cluster.secret.data}


def uuids(cluster: Cluster) -> list[str]:
    return [value.uuid for value in cluster.adobe.live]


# Take over


def test_the_only_client_secret_is_taken_over() -> None:
    cluster = taken_over()
    assert cluster.ledger is not None
    assert (cluster.ledger.current.uuid, cluster.ledger.current.origin) == ("uuid-0", Origin.ALONE)
    assert held(cluster) == {"client_secret": "value-0"}


def test_of_two_the_one_is_taken_over_whose_last_use_is_our_request() -> None:
    cluster = first_cluster()
    other = cluster.adobe.add()
    assert other is not None
    cluster.adobe.token(other.value)
    cluster.adobe.now += HOUR
    assert reason(cluster) is Reason.TAKING_OVER
    assert cluster.secret is None
    run([cluster], HOUR)
    assert cluster.ledger is not None
    assert (cluster.ledger.current.uuid, cluster.ledger.current.origin) == ("uuid-0", Origin.STAMPED)
    assert reason(cluster) is Reason.TWO_CLIENT_SECRETS
    run([cluster], 30 * DAY)
    assert cluster.deeds == [Deed.TAKE_OVER]


def test_of_two_none_is_taken_over_by_a_use_of_somebody_else() -> None:
    # The stamp of ours lags by a day, and somebody uses the other one just then, once.
    cluster = first_cluster(lags=(DAY, timedelta(0)))
    other = cluster.adobe.add()
    assert other is not None
    cluster.settle()
    cluster.adobe.token(other.value)
    run([cluster], 6 * HOUR)
    assert cluster.secret is None
    run([cluster], 3 * DAY)
    assert cluster.ledger is None or cluster.ledger.current.uuid == "uuid-0"


def test_of_two_that_are_both_used_all_the_time_none_is_taken_over() -> None:
    cluster = first_cluster()
    cluster.adobe.add()
    for _ in range(300):
        for value in cluster.adobe.live:
            cluster.adobe.token(value.value)
        cluster.settle()
        cluster.adobe.now += 3 * MINUTE
    assert cluster.secret is None
    assert reason(cluster) is Reason.TWO_CLIENT_SECRETS


# Add


@pytest.mark.parametrize("fault", [Fault.CRASH_AFTER, Fault.ANSWER_LOST])
def test_one_that_was_added_and_lost_is_deleted_once_it_was_unused_for_the_overlap(fault: Fault) -> None:
    cluster = taken_over()
    cluster.take(until(cluster, Add), fault)
    assert uuids(cluster) == ["uuid-0", "uuid-1"]
    run([cluster], HOUR)
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Orphaned)
    assert not cluster.memory.failures, "what became of the POST is known"
    run([cluster], DAY)
    assert uuids(cluster) == ["uuid-0", "uuid-1"]
    run([cluster], 2 * DAY)
    assert "uuid-1" not in uuids(cluster)
    run([cluster], 5 * DAY)
    assert (len(uuids(cluster)), reason(cluster)) == (1, Reason.IN_PLACE)
    assert cluster.deeds.count("POST") == 2


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.NOT_DONE])
def test_after_a_post_that_was_not_done_there_is_another_a_while_later(fault: Fault) -> None:
    cluster = taken_over()
    cluster.take(until(cluster, Add), fault)
    assert cluster.settle().finding.reason in (Reason.ADDING, Reason.CONSOLE_UNAVAILABLE)
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Adding)
    run([cluster], HOUR)
    assert len(uuids(cluster)) == 2


def test_a_definite_refusal_clears_the_intent() -> None:
    cluster = taken_over()
    cluster.take(until(cluster, Add), Fault.DEFINITE)
    assert reason(cluster) is Reason.MANAGEMENT_NOT_PERMITTED
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Steady)


@pytest.mark.parametrize("used", [False, True])
def test_one_that_a_person_added_while_the_outcome_was_unknown_is_theirs(used: bool) -> None:
    cluster = taken_over()
    cluster.take(until(cluster, Add), Fault.CRASH_BEFORE)
    cluster.adobe.now += MINUTE if used else 3 * MINUTE
    theirs = cluster.adobe.add()
    assert theirs is not None
    if used:
        cluster.adobe.token(theirs.value)
    run([cluster], 12 * DAY)
    assert (len(uuids(cluster)), reason(cluster)) == (2, Reason.TWO_CLIENT_SECRETS)
    assert "POST" not in cluster.deeds


def test_one_that_somebody_else_added_in_between_is_not_followed_by_a_third() -> None:
    cluster = taken_over()
    add = until(cluster, Add)
    cluster.adobe.add()
    cluster.disturbed = True
    cluster.take(add, Fault.NONE)
    run([cluster], 12 * DAY)
    assert (len(uuids(cluster)), reason(cluster)) == (2, Reason.TWO_CLIENT_SECRETS)


def test_post_is_not_sent_by_a_process_that_stood_still_after_the_intent() -> None:
    cluster = taken_over()
    until(cluster, Add)
    cluster.adobe.now += 2 * MINUTE
    decision = until(cluster, Write)
    assert isinstance(decision, Write)
    assert decision.deed is Deed.FORGET_INTENT


def test_nothing_is_added_in_the_first_hour() -> None:
    cluster = taken_over()
    cluster.request("now")
    run([cluster], 50 * MINUTE)
    assert cluster.deeds == [Deed.TAKE_OVER, Deed.CONFIRM]
    run([cluster], HOUR)
    assert "POST" in cluster.deeds


def test_a_request_is_answered_once() -> None:
    cluster = taken_over()
    run([cluster], 2 * HOUR)
    cluster.request("now")
    run([cluster], 9 * DAY)
    assert cluster.deeds.count("POST") == 1
    assert cluster.ledger is not None
    assert cluster.ledger.rotate_request == "now"


def test_a_clock_that_is_wrong_adds_nothing_early() -> None:
    cluster = taken_over()
    cluster.clock_offset = timedelta(days=1000)
    run([cluster], 9 * DAY)
    assert "POST" not in cluster.deeds


# Prove


def test_the_new_one_is_in_place_after_it_was_accepted_twice_ten_minutes_apart() -> None:
    cluster = taken_over(spreads=HOUR)
    until(cluster, Add)
    run([cluster], 50 * MINUTE)
    assert held(cluster) == {"client_secret": "value-0", "client_secret_next": "value-1"}
    run([cluster], 20 * MINUTE)
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Proving)
    assert cluster.ledger.phase.accepted_at is not None
    assert held(cluster)["client_secret"] == "value-0"
    run([cluster], 20 * MINUTE)
    assert held(cluster) == {"client_secret": "value-1", "client_secret_previous": "value-0"}


def test_a_crash_while_it_is_proven_forgets_nothing() -> None:
    cluster = taken_over()
    until(cluster, Add)
    for _ in range(16):
        run([cluster], MINUTE)
        cluster.crash()
    assert held(cluster) == {"client_secret": "value-1", "client_secret_previous": "value-0"}


def test_one_that_is_gone_before_it_is_in_place_is_dropped() -> None:
    cluster = taken_over(spreads=HOUR)
    until(cluster, Add)
    run([cluster], 5 * MINUTE)
    cluster.adobe.delete("uuid-1")
    run([cluster], 2 * HOUR)
    assert Deed.DROP_NEXT in cluster.deeds
    assert cluster.works()


def test_one_whose_value_somebody_removed_before_it_was_in_place_is_an_orphan() -> None:
    cluster = taken_over(spreads=HOUR)
    until(cluster, Add)
    run([cluster], 5 * MINUTE)
    assert cluster.secret is not None
    data = {key: text for key, text in cluster.secret.data.items() if key != Slot.NEXT}
    cluster.store(cluster.secret.annotations, data)
    run([cluster], MINUTE)
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Orphaned)
    run([cluster], 4 * DAY)
    assert "uuid-1" not in uuids(cluster)


# Drain and delete


@pytest.mark.parametrize("lag", [0, 24, 30])
def test_the_old_one_is_deleted_once_nobody_used_it_for_the_overlap(lag: int) -> None:
    cluster = draining(lag=timedelta(hours=lag))
    run([cluster], DAY)
    assert uuids(cluster) == ["uuid-0", "uuid-1"]
    run([cluster], 3 * DAY)
    assert uuids(cluster) == ["uuid-1"]
    assert held(cluster) == {"client_secret": "value-1"}


@pytest.mark.parametrize("lags", [(0, 0), (24, 24), (24, 0), (0, 24)])
def test_who_uses_the_old_one_each_day_keeps_it(lags: tuple[int, int]) -> None:
    cluster = draining(lags=tuple(timedelta(hours=lag) for lag in lags))
    for _ in range(40):
        run([cluster], 23 * HOUR)
        assert cluster.adobe.token("value-0")
    assert reason(cluster) is Reason.OLD_CLIENT_SECRET_IN_USE


def test_one_that_was_unused_long_before_stays_for_the_overlap_all_the_same() -> None:
    cluster = taken_over()
    while not (cluster.ledger and isinstance(cluster.ledger.phase, Draining)):
        run([cluster], HOUR)
    cluster.adobe.all["uuid-0"].uses = [cluster.adobe.now - 60 * DAY]
    run([cluster], DAY)
    assert uuids(cluster) == ["uuid-0", "uuid-1"]


def test_one_without_a_time_of_its_last_use_counts_as_used() -> None:
    cluster = draining()
    cluster.adobe.all["uuid-0"].uses = []
    run([cluster], 12 * DAY)
    assert (uuids(cluster), reason(cluster)) == (["uuid-0", "uuid-1"], Reason.OLD_CLIENT_SECRET_IN_USE)


def test_one_that_was_used_after_the_intent_is_not_deleted() -> None:
    cluster = draining()
    until(cluster, Delete)
    cluster.crash()
    cluster.adobe.token("value-0")
    cluster.adobe.now += MINUTE
    cluster.settle()
    assert cluster.deeds[-1] is Deed.WITHDRAW_DELETE
    assert uuids(cluster) == ["uuid-0", "uuid-1"]


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.ANSWER_LOST, Fault.NOT_DONE])
def test_a_delete_without_an_answer_comes_to_its_end(fault: Fault) -> None:
    cluster = draining()
    cluster.take(until(cluster, Delete), fault)
    run([cluster], HOUR)
    assert uuids(cluster) == ["uuid-1"]
    assert held(cluster) == {"client_secret": "value-1"}
    assert not cluster.memory.failures, "it is over"


def test_keep_deletes_nothing_and_adds_no_third() -> None:
    cluster = draining()
    cluster.edit(old_secret_policy="Keep")
    run([cluster], 30 * DAY)
    assert (uuids(cluster), reason(cluster)) == (["uuid-0", "uuid-1"], Reason.OLD_CLIENT_SECRET_KEPT)
    cluster.adobe.delete("uuid-0")
    run([cluster], 2 * DAY)
    assert len(uuids(cluster)) == 2
    assert "uuid-2" in uuids(cluster)


def test_a_clock_that_is_wrong_deletes_nothing_early() -> None:
    cluster = draining()
    cluster.clock_offset = timedelta(days=1000)
    run([cluster], DAY)
    assert uuids(cluster) == ["uuid-0", "uuid-1"]


# States that others make


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
    until(cluster, Add)
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
    cluster.take(until(cluster, Add), Fault.NONE)
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
    ask = until(cluster, AskToken)
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
