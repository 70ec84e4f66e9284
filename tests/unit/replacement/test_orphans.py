"""What is left at Adobe without a value in the Secret: one that applications use costs nobody a token."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adobe_ims_operator.api.client_secret_ledger import Orphaned, Slot
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.replacement import events
from adobe_ims_operator.core.replacement.decision import Add, Deed, Delete, List, Write
from unit.replacement.walks import come_to_drain, draining, until
from unit.replacement.world import Cluster, Fault, first_cluster, run

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NEVER = 1000 * DAY
"""How late Adobe shows a use that it never shows."""


def change(cluster: Cluster, slot: Slot, value: str) -> str:
    """Somebody changes a value in the Secret; the one that was there."""
    assert cluster.secret is not None
    before = cluster.secret.data[slot]
    cluster.store(cluster.secret.annotations, {**cluster.secret.data, slot: value})
    run([cluster], 11 * MINUTE)  # in which it may be a new one that IMS does not know yet
    return before


def test_one_that_was_in_place_counts_as_used_where_adobe_shows_no_time_of_use() -> None:
    cluster = draining(lags=(timedelta(0), NEVER))
    value = change(cluster, Slot.CURRENT, "a typo")
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Orphaned)
    for _ in range(8 * 24):
        assert cluster.adobe.token(value)
        run([cluster], HOUR)
    assert cluster.settle().finding.reason is Reason.OLD_CLIENT_SECRET_IN_USE
    assert "uuid-1" in {each.uuid for each in cluster.adobe.live}


def test_the_overlap_that_was_promised_counts_for_one_whose_value_was_changed() -> None:
    cluster = first_cluster()
    cluster.edit(overlap=7 * DAY, interval=20 * DAY)
    come_to_drain(cluster)
    cluster.edit(overlap=DAY)
    value = change(cluster, Slot.CURRENT, "a typo")
    assert cluster.adobe.token(value)
    used_at = cluster.adobe.now
    until(cluster, lambda decision: isinstance(decision, Delete))
    assert cluster.adobe.now - used_at >= 8 * DAY


def test_the_overlap_of_the_spec_is_promised_where_the_next_one_takes_its_place() -> None:
    cluster = first_cluster()
    cluster.edit(overlap=7 * DAY, interval=20 * DAY)
    until(cluster, lambda _: cluster.ledger is not None and Slot.NEXT in cluster.ledger.held)
    cluster.turn()
    change(cluster, Slot.CURRENT, "a typo")
    cluster.edit(overlap=DAY)
    changed_at = cluster.adobe.now
    until(cluster, lambda decision: isinstance(decision, Delete))
    assert cluster.adobe.now - changed_at >= 8 * DAY


def added_and_lost(cluster: Cluster) -> None:
    """POST is sent, and its answer never comes."""
    cluster.take(until(cluster, lambda decision: isinstance(decision, Add)), Fault.CRASH_AFTER)
    run([cluster], HOUR)


def test_one_that_may_be_anothers_is_never_called_the_old_one() -> None:
    cluster = first_cluster()
    cluster.edit(overlap=DAY, interval=10 * DAY)
    added_and_lost(cluster)
    for policy in ("Delete", "Keep"):
        cluster.edit(old_secret_policy=policy)
        finding = cluster.settle().finding
        assert finding.reason is Reason.ADDED_CLIENT_SECRET_UNKNOWN
        assert ("is kept" in finding.message) is (policy == "Keep")
        assert "If it is yours, ask IMS for a token with it" in finding.message
        status = cluster.report(cluster.settle())
        assert "old client secret" not in "".join(each.message for each in status.conditions)
    run([cluster], 20 * DAY)
    assert cluster.report(cluster.settle()).says("RotationFailing", "True"), "it holds up the next replacement"


@pytest.mark.parametrize("used", [True, False])
def test_a_persons_that_was_created_when_no_answer_came_is_left_alone_if_it_is_used(*, used: bool) -> None:
    cluster = first_cluster()
    cluster.edit(overlap=DAY, interval=10 * DAY)
    cluster.take(until(cluster, lambda decision: isinstance(decision, Add)), Fault.CRASH_BEFORE)
    cluster.adobe.now += MINUTE
    theirs = cluster.adobe.add()
    assert theirs is not None
    run([cluster], HOUR)
    assert cluster.settle().finding.reason is Reason.ADDED_CLIENT_SECRET_UNKNOWN
    if used:
        cluster.adobe.token(theirs.value)
    run([cluster], 5 * DAY)
    assert (theirs.deleted_at is None) is used


def test_one_that_is_certainly_ours_is_told_as_added_by_this_operator() -> None:
    cluster = first_cluster()
    cluster.edit(overlap=DAY, interval=10 * DAY)
    until(cluster, lambda _: cluster.ledger is not None and Slot.NEXT in cluster.ledger.held)
    cluster.turn()
    change(cluster, Slot.NEXT, "a typo")
    run([cluster], MINUTE)
    message = cluster.settle().finding.message
    assert message.startswith("this operator added client secret uuid-1, and its value was lost before it was in place")


def test_one_that_was_in_place_is_told_as_the_old_one() -> None:
    cluster = draining()
    change(cluster, Slot.CURRENT, "a typo")
    finding = cluster.settle().finding
    assert (finding.reason, "the old client secret uuid-1" in finding.message) == (Reason.DRAINING, True)
    cluster.edit(old_secret_policy="Keep")
    assert cluster.settle().finding.reason is Reason.OLD_CLIENT_SECRET_KEPT


def told(cluster: Cluster, duration: timedelta) -> list[str]:
    """What the Events say of the writes of a while."""
    found: list[str] = []
    end = cluster.adobe.now + duration
    while (left := end - cluster.adobe.now) > timedelta():
        write = cluster.come_to(lambda decision: isinstance(decision, Write), left)
        if isinstance(write, Write):
            found += [f"{e.reason}: {e.note}" for e in events.of_write(write, cluster.ledger, cluster.memory)]
            cluster.take(write, Fault.NONE)
    return found


def test_the_event_says_that_the_old_one_is_valid_whose_value_was_changed() -> None:
    cluster = first_cluster()
    cluster.edit(overlap=DAY, interval=20 * DAY)
    until(cluster, lambda _: cluster.ledger is not None and Slot.NEXT in cluster.ledger.held)
    cluster.turn()
    assert cluster.secret is not None
    cluster.store(cluster.secret.annotations, {**cluster.secret.data, Slot.CURRENT: "a typo"})
    assert told(cluster, 5 * DAY) == [
        "Replaced: client secret uuid-1 is in place; the value of the old one, uuid-0, is not in the Secret any more; "
        "unless somebody deleted it, it stays valid while it is used",
        "OldClientSecretDeleted: the old client secret uuid-0 is deleted",
    ]


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("changed", "somebody deleted client secret uuid-1, or changed its value in the Secret"),
        ("swapped", "somebody put the value before that of client secret uuid-1 back"),
    ],
)
def test_the_event_says_why_the_one_before_is_in_place_again(how: str, why: str) -> None:
    cluster = draining()
    assert cluster.secret is not None
    data = dict(cluster.secret.data)
    if how == "changed":
        data[Slot.CURRENT] = "a typo"
    else:
        data[Slot.CURRENT], data[Slot.PREVIOUS] = data[Slot.PREVIOUS], data[Slot.CURRENT]
    cluster.store(cluster.secret.annotations, data)
    assert told(cluster, 12 * HOUR) == [f"SwitchedBack: {why}; the one before it, uuid-0, is in place again"]


def test_the_events_say_that_somebody_deleted_the_one_in_place() -> None:
    cluster = draining()
    cluster.adobe.delete("uuid-1")
    assert told(cluster, 12 * HOUR) == [
        "SwitchedBack: IMS refuses the client secret in place; the previous one, uuid-0, is back in place",
        "OldClientSecretGone: the old client secret uuid-1 was deleted by somebody else",
    ]


def test_a_moment_that_is_corrected_is_nobodys_change() -> None:
    cluster = draining()
    ledger = cluster.ledger
    assert ledger is not None
    assert cluster.secret is not None
    ahead = replace(ledger, current=replace(ledger.current, since=cluster.adobe.now + 30 * DAY))
    cluster.store(ahead.to_annotations(), cluster.secret.data)
    cluster.crash()
    assert told(cluster, HOUR) == []
    assert Deed.CORRECT in cluster.deeds


def test_before_any_is_in_place_none_is_called_so() -> None:
    cluster = first_cluster()
    until(cluster, lambda decision: isinstance(decision, List))
    cluster.adobe.all["uuid-0"].created_at = cluster.adobe.now + HOUR
    finding = cluster.settle().finding
    assert finding.reason is Reason.CLIENT_SECRET_UNLISTED
    assert "in place" not in finding.message
    assert "()" not in finding.message
