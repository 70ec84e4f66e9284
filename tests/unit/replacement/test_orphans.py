"""What is left at Adobe without a value in the Secret: one that applications use costs nobody a token."""

from collections.abc import Callable
from datetime import timedelta

from adobe_ims_operator.api.client_secret_ledger import Draining, Orphaned, Slot
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.replacement.decision import Add, Decision, Delete
from unit.replacement.world import Cluster, Fault, first_cluster, run

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NEVER = 1000 * DAY
"""How late Adobe shows a use that it never shows."""


def until(cluster: Cluster, fits: Callable[[Decision], bool]) -> Decision:
    decision = cluster.come_to(fits, 60 * DAY)
    assert decision is not None, cluster.deeds
    return decision


def draining(*, overlap: timedelta = DAY, **adobe: object) -> Cluster:
    """A cluster in which a client secret was just replaced."""
    cluster = first_cluster(**adobe)
    cluster.edit(overlap=overlap, interval=20 * DAY)
    while not (cluster.ledger and isinstance(cluster.ledger.phase, Draining)):
        run([cluster], HOUR)
    return cluster


def change(cluster: Cluster, slot: Slot, value: str) -> str:
    """Somebody changes a value in the Secret; the one that was there."""
    assert cluster.secret is not None
    before = cluster.secret.data[slot]
    cluster.store(cluster.secret.annotations, {**cluster.secret.data, slot: value})
    cluster.settle()
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
    cluster = draining(overlap=7 * DAY)
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
        told = cluster.report(cluster.settle())
        assert "old client secret" not in "".join(each.message for each in told.conditions)
    run([cluster], 20 * DAY)
    told = cluster.report(cluster.settle())
    assert told.says("RotationFailing", "True"), "it holds up the next replacement"


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
