"""A value that was taken over while Adobe listed one alone: nothing is done with that one before it is certain."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adobe_ims_operator.api.client_secret_ledger import Adding, Draining, Held, Ledger, Origin
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.status import ROTATION_FAILING
from adobe_ims_operator.core.replacement.decision import Add, Deed, Write
from unit.replacement.adobe import CLIENT_ID, Adobe, Divided, Forgetful
from unit.replacement.walks import origin
from unit.replacement.world import Cluster, Fault, cluster_at, run

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NEVER = timedelta(days=3650)


def write_ledger(cluster: Cluster, ledger: Ledger) -> None:
    assert cluster.secret is not None
    cluster.store(ledger.to_annotations(), cluster.secret.data)


def test_two_requests_that_adobe_shows_make_it_certain_in_a_quarter_of_an_hour() -> None:
    cluster = cluster_at(Adobe())
    cluster.settle()
    assert origin(cluster) is Origin.ALONE
    run([cluster], 15 * MINUTE)
    assert origin(cluster) is Origin.STAMPED
    assert cluster.adobe.tokens == 2


@pytest.mark.parametrize("lag", [10 * MINUTE, 3 * HOUR])
def test_stamps_that_lag_make_it_certain_later(lag: timedelta) -> None:
    cluster = cluster_at(Adobe(lag=lag))
    run([cluster], 30 * MINUTE + 8 * lag)
    assert origin(cluster) is Origin.STAMPED


def test_without_stamps_nothing_is_added_before_ims_accepted_it_a_day_later() -> None:
    cluster = cluster_at(Adobe(lag=NEVER))
    cluster.settle()
    cluster.request("now")
    run([cluster], 24 * HOUR)
    finding = cluster.settle().finding
    assert (finding.reason, origin(cluster)) == (Reason.TAKING_OVER, Origin.ALONE)
    assert "uuid-0" in finding.message
    write = cluster.come_to(lambda decision: isinstance(decision, Write), 3 * HOUR)
    assert isinstance(write, Write)
    assert (write.deed, write.ledger.current.origin) == (Deed.CONFIRM, Origin.LASTING)
    run([cluster], HOUR)
    assert "POST" in cluster.deeds


def test_a_process_that_starts_in_between_finds_it_out_by_itself() -> None:
    cluster = cluster_at(Adobe(), reports=True)
    cluster.settle()
    for _ in range(3):
        run([cluster], 5 * MINUTE)
        cluster.crash()
    assert origin(cluster) is Origin.ALONE
    run([cluster], 15 * MINUTE)
    assert origin(cluster) is Origin.STAMPED


@pytest.mark.parametrize("every", [None, 40 * timedelta(seconds=1), HOUR])
def test_one_of_somebody_else_is_never_deleted_though_ims_accepts_for_hours_what_was_deleted(
    every: timedelta | None,
) -> None:
    adobe = Forgetful(accepts_deleted=5 * HOUR)
    dead, theirs = adobe.add(), adobe.add()
    assert dead is not None
    assert theirs is not None
    adobe.now += 20 * DAY
    adobe.delete(dead.uuid)
    cluster = Cluster(adobe, {"client_id": CLIENT_ID, "client_secret": dead.value})
    cluster.edit(interval=4 * DAY, overlap=DAY)
    cluster.request("now")
    end = adobe.now + 6 * HOUR
    while adobe.now < end:
        run([cluster], HOUR if every is None else every)
        if every is not None:
            adobe.token(theirs.value)
    run([cluster], 40 * DAY)
    assert adobe.live == [theirs]
    assert "POST" not in cluster.deeds
    assert cluster.settle().finding.reason in (Reason.CLIENT_SECRET_LOST, Reason.INVALID_CLIENT)


def replaced_by_hand(adobe: Forgetful, *, after: timedelta) -> Cluster:
    """What a person added is in place, and the bootstrap Secret holds again what was deleted long ago."""
    dead, theirs = adobe.add(), adobe.add()
    assert dead is not None
    assert theirs is not None
    adobe.delete(dead.uuid)
    adobe.now += 20 * DAY
    cluster = Cluster(adobe, {"client_id": CLIENT_ID, "client_secret": theirs.value})
    run([cluster], after)
    cluster.bootstrap, cluster.bootstrap_version = {"client_id": CLIENT_ID, "client_secret": dead.value}, 2
    adobe.only = {dead.value}
    return cluster


@pytest.mark.parametrize(
    ("after", "lag", "lasts"),
    [(11 * MINUTE, NEVER, 40 * MINUTE), (HOUR, timedelta(0), 3 * DAY), (2 * DAY, NEVER, 3 * DAY)],
)
def test_an_ims_that_goes_back_overwrites_nothing(after: timedelta, lag: timedelta, lasts: timedelta) -> None:
    adobe = Forgetful(lag=lag)
    cluster = replaced_by_hand(adobe, after=after)
    assert cluster.works()
    run([cluster], lasts)
    assert cluster.works()
    assert cluster.settle().finding.reason is Reason.CLIENT_SECRET_REFUSED
    adobe.only = set()
    run([cluster], HOUR)
    assert cluster.settle().finding.reason is Reason.IN_PLACE


@pytest.mark.parametrize(("lag", "most"), [(timedelta(0), 30 * MINUTE), (NEVER, 80 * MINUTE)])
def test_what_was_mistaken_gives_way_to_what_a_person_gives(lag: timedelta, most: timedelta) -> None:
    adobe = Forgetful(lag=lag, accepts_deleted=20 * MINUTE)
    dead, theirs = adobe.add(), adobe.add()
    assert dead is not None
    assert theirs is not None
    adobe.now += 20 * DAY
    adobe.delete(dead.uuid)
    if not lag:
        adobe.token(theirs.value)
    cluster = Cluster(adobe, {"client_id": CLIENT_ID, "client_secret": dead.value})
    run([cluster], 70 * MINUTE)
    assert origin(cluster) is Origin.ALONE
    cluster.bootstrap, cluster.bootstrap_version = {"client_id": CLIENT_ID, "client_secret": theirs.value}, 2
    run([cluster], most)
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == theirs.value


def test_what_a_person_put_in_its_place_at_adobe_is_not_taken_for_it() -> None:
    adobe = Forgetful(accepts_deleted=40 * MINUTE)
    cluster = cluster_at(adobe)
    run([cluster], HOUR)
    assert origin(cluster) is Origin.STAMPED
    theirs = adobe.add()
    assert theirs is not None
    adobe.delete("uuid-0")
    cluster.bootstrap, cluster.bootstrap_version = {"client_id": CLIENT_ID, "client_secret": theirs.value}, 2
    run([cluster], 35 * MINUTE)
    assert cluster.ledger is not None
    assert cluster.ledger.current.uuid == "uuid-0"
    run([cluster], 30 * MINUTE)
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == theirs.value


def draining(cluster: Cluster) -> tuple[Ledger, Draining]:
    cluster.edit(interval=10 * DAY, overlap=DAY)
    run([cluster], 11 * DAY)
    ledger = cluster.ledger
    assert ledger is not None
    assert isinstance(ledger.phase, Draining)
    return ledger, ledger.phase


def uncertain(held: Held) -> Held:
    return replace(held, origin=Origin.ALONE)


def test_an_old_one_that_may_be_somebody_elses_is_left_to_a_person() -> None:
    cluster = cluster_at(Adobe(), reports=True)
    ledger, phase = draining(cluster)
    write_ledger(cluster, replace(ledger, phase=replace(phase, previous=uncertain(phase.previous))))
    run([cluster], 9 * DAY)
    finding = cluster.settle().finding
    assert (finding.reason, "DELETE" in cluster.deeds) == (Reason.OLD_CLIENT_SECRET_KEPT, False)
    assert "compare" in finding.message
    run([cluster], 2 * DAY)
    failing = cluster.resource.status.condition(ROTATION_FAILING)
    assert failing is not None
    assert failing.status == "True", "the next one is due"
    cluster.adobe.delete("uuid-0")
    run([cluster], DAY)
    assert cluster.deeds.count("POST") == 2


def test_a_current_one_that_may_be_somebody_elses_is_not_deleted_where_the_previous_takes_its_place() -> None:
    cluster = cluster_at(Adobe())
    ledger, _ = draining(cluster)
    write_ledger(cluster, replace(ledger, current=uncertain(ledger.current)))
    assert cluster.secret is not None
    cluster.store(cluster.secret.annotations, {**cluster.secret.data, "client_secret": "nonsense"})
    run([cluster], 40 * DAY)
    assert "DELETE" not in cluster.deeds
    assert cluster.settle().finding.reason is Reason.TWO_CLIENT_SECRETS


def test_lists_that_never_agree_reach_the_status() -> None:
    cluster = cluster_at(adobe := Divided(), reports=True)
    run([cluster], HOUR)
    cluster.request("now")
    assert cluster.come_to(lambda decision: isinstance(decision, Add), HOUR) is not None
    cluster.take(Add(), Fault.NOT_DONE)
    theirs = adobe.add()
    assert theirs is not None
    adobe.token(theirs.value)
    adobe.disagrees = True
    run([cluster], 20 * MINUTE)
    assert cluster.settle().finding.reason is Reason.ADDING
    run([cluster], 2 * HOUR)
    failing = cluster.resource.status.condition(ROTATION_FAILING)
    assert failing is not None
    assert (failing.status, failing.reason) == ("True", "ConsoleResponseInvalid")
    assert "do not agree" in failing.message
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Adding)
    adobe.disagrees = False
    run([cluster], HOUR)
    assert cluster.settle().finding.reason is Reason.TWO_CLIENT_SECRETS
