"""What is not of this moment is no evidence: an old answer of a proxy, and a Date that is wrong once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from adobe_ims_operator.api.client_secret_ledger import Adding, Proving
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.replacement import attempts
from adobe_ims_operator.core.replacement.decision import AskToken, Deed, Delete, List
from adobe_ims_operator.core.replacement.listing import Listing
from unit.replacement.adobe import START
from unit.replacement.walks import come_to_drain, is_write, proxied, until
from unit.replacement.world import Cluster, Fault, first_cluster, run

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_an_old_list_deletes_nothing() -> None:
    adobe, cluster = proxied()
    old = come_to_drain(cluster)
    until(cluster, is_write(Deed.INTEND_TO_DELETE))
    kept = adobe.list()
    cluster.crash()
    adobe.now += 3 * DAY
    adobe.all[old].uses.append(adobe.now - timedelta(days=1.5))
    adobe.change = lambda _: kept
    assert cluster.come_to(lambda decision: isinstance(decision, Delete), 3 * HOUR) is None
    assert cluster.settle().finding.reason is Reason.CONSOLE_RESPONSE_INVALID
    adobe.change = None
    run([cluster], DAY)
    assert cluster.settle().finding.reason is Reason.OLD_CLIENT_SECRET_IN_USE


def test_a_list_that_goes_back_is_none() -> None:
    adobe, cluster = proxied()
    cluster.settle()
    cluster.memory = attempts.listed(cluster.memory, replace(adobe.list(), at=adobe.now - MINUTE), cluster.now)
    assert cluster.memory.listed is None
    assert cluster.settle().finding.reason is Reason.CONSOLE_RESPONSE_INVALID


def test_a_list_of_another_year_is_none_and_the_next_one_counts() -> None:
    adobe, cluster = proxied()
    listing = until(cluster, lambda decision: isinstance(decision, List))
    adobe.change = lambda found: replace(found, at=START + 3650 * DAY)
    cluster.take(listing, Fault.NONE)
    adobe.change = None
    assert cluster.settle().finding.reason is Reason.CONSOLE_RESPONSE_INVALID
    run([cluster], HOUR)
    assert cluster.ledger is not None
    assert cluster.ledger.current.since <= adobe.now


@pytest.mark.parametrize("deed", [Deed.TAKE_OVER, Deed.INTEND_TO_ADD, Deed.KEEP_NEXT, Deed.PROMOTE])
def test_a_moment_of_the_ledger_that_lies_ahead_is_corrected(deed: Deed) -> None:
    adobe, cluster = proxied()
    cluster.take(until(cluster, is_write(deed)), Fault.NONE)
    ledger, ahead, phase = cluster.ledger, START + 3650 * DAY, None
    assert ledger is not None
    assert cluster.secret is not None
    phase = ledger.phase
    if isinstance(phase, Proving):
        phase = replace(phase, next=replace(phase.next, since=ahead))
    elif isinstance(phase, Adding):
        phase = replace(phase, at=ahead)
    changed = replace(ledger, current=replace(ledger.current, since=ahead), phase=phase)
    cluster.store(changed.to_annotations(), cluster.secret.data)
    cluster.crash()
    run([cluster], 2 * DAY)
    assert cluster.ledger is not None
    assert cluster.ledger.current.since <= adobe.now
    run([cluster], 60 * DAY)
    assert cluster.deeds.count("DELETE") >= 1


def accepted_ahead(cluster: Cluster, ask: AskToken, ahead: timedelta) -> None:
    assert cluster.adobe.token("value-1")
    date: datetime = cluster.adobe.now + ahead
    cluster.memory = attempts.accepted(cluster.memory, cluster.observe(), ask.digest, date, cluster.now)


@pytest.mark.parametrize("crashes", [False, True])
def test_one_date_of_ims_that_is_ahead_puts_nothing_in_place_early(crashes: bool) -> None:
    cluster = first_cluster()
    cluster.edit(interval=20 * DAY)
    cluster.take(until(cluster, is_write(Deed.NOTE_ACCEPTED)), Fault.NONE)
    noted_at = cluster.adobe.now.replace(microsecond=0)  # as a Date header tells it
    if crashes:
        cluster.crash()
    else:
        cluster.adobe.now += 2 * MINUTE
    ledger = cluster.ledger
    assert ledger is not None
    assert isinstance(ledger.phase, Proving)
    cluster.turn(most=1)
    accepted_ahead(cluster, AskToken(None, ledger.phase.next.digest), 11 * HOUR)  # type: ignore[arg-type]
    until(cluster, is_write(Deed.PROMOTE))
    assert cluster.adobe.now - noted_at >= 10 * MINUTE


@pytest.mark.parametrize("late", [11 * MINUTE, 3 * HOUR])
def test_a_first_acceptance_that_is_noted_late_is_noted_once(late: timedelta) -> None:
    cluster = first_cluster()
    cluster.edit(interval=20 * DAY)
    note = until(cluster, is_write(Deed.NOTE_ACCEPTED))
    cluster.adobe.now += late
    cluster.take(note, Fault.NONE)
    noted_at, seen = cluster.adobe.now, len(cluster.deeds)
    until(cluster, is_write(Deed.PROMOTE))
    assert timedelta() <= cluster.adobe.now - noted_at - 10 * MINUTE < 2 * MINUTE
    assert {Deed.NOTE_ACCEPTED, Deed.NOTE_REFUSED}.isdisjoint(cluster.deeds[seen:])


def test_a_list_from_before_the_token_answer_is_none() -> None:
    adobe, cluster = proxied()
    listing = until(cluster, lambda decision: isinstance(decision, List))
    adobe.change = lambda found: replace(found, at=found.at - MINUTE)
    cluster.take(listing, Fault.NONE)
    assert cluster.settle().finding.reason is Reason.CONSOLE_RESPONSE_INVALID


def ahead_by(ahead: timedelta) -> Callable[[Listing], Listing]:
    """What shows each use as so much later than it was."""

    def change(found: Listing) -> Listing:
        uses = [entry.last_use for entry in found.secrets]
        moved = [use + ahead if isinstance(use, datetime) else use for use in uses]
        both = zip(found.secrets, moved, strict=True)
        return replace(found, secrets=tuple(replace(entry, last_use=use) for entry, use in both))

    return change


@pytest.mark.parametrize("seconds", [3, 7, 60])
def test_stamps_that_are_a_little_ahead_of_the_date_hold_up_nothing(seconds: int) -> None:
    adobe, cluster = proxied()
    cluster.passes = timedelta(milliseconds=700)
    adobe.change = ahead_by(timedelta(seconds=seconds))
    come_to_drain(cluster)
    run([cluster], 10 * DAY)
    assert cluster.deeds.count("DELETE") == 1
    assert cluster.deeds.count(Deed.WITHDRAW_DELETE) == 0


def test_stamps_that_are_far_ahead_of_the_date_delete_nothing() -> None:
    adobe, cluster = proxied()
    come_to_drain(cluster)
    adobe.change = ahead_by(HOUR)
    run([cluster], 7 * DAY)
    assert Deed.INTEND_TO_DELETE not in cluster.deeds
    assert "DELETE" not in cluster.deeds


def test_the_overlap_begins_when_the_new_one_is_in_place_however_long_the_write_was_held_up() -> None:
    cluster = first_cluster(lags=(8 * HOUR, timedelta(0)))
    cluster.edit(overlap=DAY, interval=10 * DAY)
    cluster.come_to(is_write(Deed.PROMOTE), 60 * DAY)
    assert cluster.secret is not None
    old = cluster.secret.data["client_secret"]
    cluster.adobe.now += 19 * HOUR
    cluster.settle()
    ledger, in_place_at = cluster.ledger, cluster.adobe.now
    assert ledger is not None
    assert ledger.current.since == ledger.rotated_at
    assert in_place_at - ledger.current.since < SECOND
    run([cluster], 23.5 * HOUR)
    assert cluster.adobe.token(old), "somebody read it a moment before it was replaced"
    used_at = cluster.adobe.now
    assert cluster.come_to(lambda step: isinstance(step, Delete), 10 * DAY)
    assert cluster.adobe.now - used_at >= DAY


def test_the_overlap_of_a_swap_by_hand_begins_when_it_is_written() -> None:
    cluster = first_cluster()
    cluster.edit(overlap=DAY, interval=10 * DAY)
    assert cluster.come_to(is_write(Deed.PROMOTE), 60 * DAY)
    cluster.settle()
    assert cluster.secret is not None
    data = dict(cluster.secret.data)
    data["client_secret"], data["client_secret_previous"] = data["client_secret_previous"], data["client_secret"]
    cluster.store(cluster.secret.annotations, data)
    assert cluster.come_to(is_write(Deed.SWITCH_BACK), MINUTE)
    cluster.adobe.now += 9 * MINUTE
    cluster.settle()
    assert cluster.ledger is not None
    assert cluster.ledger.current.uuid == "uuid-0"
    assert cluster.adobe.now - cluster.ledger.current.since < SECOND
