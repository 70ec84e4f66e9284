"""Each row of the table in docs/design.md."""

from datetime import timedelta

import pytest

from adobe_ims_operator.api.client_secret_ledger import Adding, Draining, Origin, Orphaned, Proving, Slot, Steady
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.replacement.decision import Add, Deed, Delete, Write
from unit.replacement.walks import draining, held, is_a, reason, taken_over, until, uuids
from unit.replacement.world import Fault, first_cluster, run

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


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
    cluster.take(until(cluster, is_a(Add)), fault)
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
    cluster.take(until(cluster, is_a(Add)), fault)
    assert cluster.settle().finding.reason in (Reason.ADDING, Reason.CONSOLE_UNAVAILABLE)
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Adding)
    run([cluster], HOUR)
    assert len(uuids(cluster)) == 2


def test_a_definite_refusal_clears_the_intent() -> None:
    cluster = taken_over()
    cluster.take(until(cluster, is_a(Add)), Fault.DEFINITE)
    assert reason(cluster) is Reason.MANAGEMENT_NOT_PERMITTED
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Steady)


@pytest.mark.parametrize("used", [False, True])
def test_one_that_a_person_added_while_the_outcome_was_unknown_is_theirs(used: bool) -> None:
    cluster = taken_over()
    cluster.take(until(cluster, is_a(Add)), Fault.CRASH_BEFORE)
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
    add = until(cluster, is_a(Add))
    cluster.adobe.add()
    cluster.disturbed = True
    cluster.take(add, Fault.NONE)
    run([cluster], 12 * DAY)
    assert (len(uuids(cluster)), reason(cluster)) == (2, Reason.TWO_CLIENT_SECRETS)


def test_post_is_not_sent_by_a_process_that_stood_still_after_the_intent() -> None:
    cluster = taken_over()
    until(cluster, is_a(Add))
    cluster.adobe.now += 2 * MINUTE
    decision = until(cluster, is_a(Write))
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
    until(cluster, is_a(Add))
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
    until(cluster, is_a(Add))
    for _ in range(16):
        run([cluster], MINUTE)
        cluster.crash()
    assert held(cluster) == {"client_secret": "value-1", "client_secret_previous": "value-0"}


def test_one_that_is_gone_before_it_is_in_place_is_dropped() -> None:
    cluster = taken_over(spreads=HOUR)
    until(cluster, is_a(Add))
    run([cluster], 5 * MINUTE)
    cluster.adobe.delete("uuid-1")
    run([cluster], 2 * HOUR)
    assert Deed.DROP_NEXT in cluster.deeds
    assert cluster.works()


def test_one_whose_value_somebody_removed_before_it_was_in_place_is_an_orphan() -> None:
    cluster = taken_over(spreads=HOUR)
    until(cluster, is_a(Add))
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
    until(cluster, is_a(Delete))
    cluster.crash()
    cluster.adobe.token("value-0")
    cluster.adobe.now += MINUTE
    cluster.settle()
    assert cluster.deeds[-1] is Deed.WITHDRAW_DELETE
    assert uuids(cluster) == ["uuid-0", "uuid-1"]


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.ANSWER_LOST, Fault.NOT_DONE])
def test_a_delete_without_an_answer_comes_to_its_end(fault: Fault) -> None:
    cluster = draining()
    cluster.take(until(cluster, is_a(Delete)), fault)
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
