"""What a person changes by hand, while IMS is late or goes back: nothing that works goes, nor what is theirs."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from adobe_ims_operator.api.client_secret_ledger import Held, Origin, Proving
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.status import ROTATION_FAILING
from adobe_ims_operator.core.replacement.decision import AskToken
from adobe_ims_operator.core.replacement.listing import Listing
from adobe_ims_operator.core.stalled import STALLED
from unit.replacement.adobe import CLIENT_ID, START, Adobe, Forgetful
from unit.replacement.walks import give, mistaken, origin, replace_once, write_by_hand
from unit.replacement.world import Fault, cluster_at, first_cluster, run

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize("previous", [{}, {"client_secret_previous": "value-0"}])
def test_what_a_person_puts_in_place_is_not_dropped_while_it_spreads(previous: dict[str, str]) -> None:
    cluster = first_cluster(spreads=4 * MINUTE)
    run([cluster], 2 * HOUR)
    theirs = cluster.adobe.add()
    assert theirs is not None
    write_by_hand(cluster, client_secret=theirs.value, **previous)
    run([cluster], DAY)
    cluster.adobe.delete("uuid-0")
    run([cluster], DAY)
    assert cluster.works(), cluster.settle().finding


@pytest.mark.parametrize("slot", ["client_secret_previous", "client_secret_next"])
def test_a_doubt_drops_no_value_that_works(slot: str) -> None:
    cluster = first_cluster(lag=3650 * DAY)
    run([cluster], 30 * MINUTE)
    cluster.adobe.delete("uuid-0")
    theirs = cluster.adobe.add()
    assert theirs is not None
    write_by_hand(cluster, client_secret="value-0", **{slot: theirs.value})
    run([cluster], HOUR)


def test_a_wrong_clock_deletes_nothing_of_others() -> None:
    adobe = Forgetful(accepts_deleted=2 * HOUR)
    cluster = mistaken(adobe)
    run([cluster], 26 * HOUR)
    cluster.clock_offset = -1000 * HOUR
    cluster.crash()
    run([cluster], 5 * DAY)
    adobe.only = {"value-0"}
    run([cluster], 15 * MINUTE)
    adobe.only = set()
    run([cluster], 10 * DAY)


def test_two_short_moments_in_which_ims_goes_back() -> None:
    adobe = Forgetful(accepts_deleted=2 * HOUR)
    cluster = mistaken(adobe)
    run([cluster], 4 * DAY)
    cluster.request("now")
    assert cluster.ledger is not None
    since = cluster.ledger.current.since
    while adobe.now < since + 6 * HOUR or cluster.ledger.current.since != since:
        since = cluster.ledger.current.since
        run([cluster], 10 * MINUTE)
    adobe.only = {"value-0"}
    run([cluster], 15 * MINUTE)
    adobe.only = set()
    assert cluster.come_to(lambda step: isinstance(step, AskToken), 20 * HOUR)
    adobe.only = {"value-0"}
    run([cluster], 15 * MINUTE)
    adobe.only = set()
    run([cluster], 10 * DAY)
    assert origin(cluster) is not Origin.LASTING


def test_what_was_mistaken_and_is_in_the_bootstrap_secret_is_put_back() -> None:
    cluster = first_cluster()
    run([cluster], 2 * HOUR)
    theirs = cluster.adobe.add()
    assert theirs is not None
    give(cluster, theirs.value)
    ledger = cluster.ledger
    assert ledger is not None
    # By a list that was late.
    held = Held("uuid-0", cluster.digest(theirs.value), Origin.ALONE, since=cluster.adobe.now)
    data = {"client_id": CLIENT_ID, "client_secret": theirs.value}
    cluster.store(replace(ledger, current=held).to_annotations(), data)
    run([cluster], HOUR)
    cluster.adobe.delete("uuid-0")
    write_by_hand(cluster, client_secret=theirs.value + " ")
    run([cluster], 3 * DAY)
    assert cluster.works(), cluster.settle().finding


def test_a_dead_value_among_two_is_asked_with_again() -> None:
    cluster = first_cluster()
    run([cluster], 2 * HOUR)
    adobe = cluster.adobe
    one = adobe.add()
    assert one is not None
    write_by_hand(cluster, client_secret=one.value)
    adobe.delete(one.uuid)
    adobe.add()
    run([cluster], HOUR)
    assert cluster.works(), cluster.settle().finding


def test_a_client_that_ims_refuses_is_told_as_lost_however_often_it_is_looked_at() -> None:
    cluster = first_cluster()
    cluster.reports = True
    replace_once(cluster)
    give(cluster, "what was dead long ago")
    cluster.adobe.refuses |= {"uuid-0", "uuid-1"}
    for _ in range(600):
        run([cluster], MINUTE)  # somebody touches a Secret each minute
    assert cluster.settle().finding.reason is Reason.CLIENT_SECRET_LOST
    assert cluster.resource.status.condition(STALLED) is not None


def test_one_refusal_drops_no_value_that_somebody_moved() -> None:
    cluster = first_cluster()
    replace_once(cluster)
    run([cluster], 3 * HOUR)
    write_by_hand(cluster, client_secret="nonsense", client_secret_previous="value-0", client_secret_next="value-1")
    digest = cluster.digest("value-1")
    ask = cluster.come_to(lambda step: isinstance(step, AskToken) and step.digest == digest, MINUTE)
    assert ask is not None
    cluster.adobe.refuses.add("uuid-1")
    cluster.take(ask, Fault.NONE)
    cluster.adobe.refuses.clear()
    run([cluster], HOUR)
    assert cluster.secret is not None
    assert "value-1" in cluster.secret.data.values(), cluster.settle().finding


def test_a_moved_one_that_adobe_deleted_is_not_asked_with_in_turn_with_the_previous_one() -> None:
    adobe = Forgetful(accepts_deleted=5 * HOUR)
    cluster = cluster_at(adobe)
    replace_once(cluster)
    run([cluster], 2 * HOUR)
    adobe.delete("uuid-1")
    write_by_hand(cluster, client_secret="nonsense", client_secret_previous="value-0", client_secret_next="value-1")
    run([cluster], HOUR)
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == "value-0", cluster.settle().finding


@pytest.mark.parametrize(
    "moved",
    [
        {"client_secret": "value-1", "client_secret_previous": "value-0"},
        {"client_secret": "value-0", "client_secret_previous": "value-1"},
    ],
)
def test_the_next_one_that_somebody_moved_is_not_lost(moved: dict[str, str]) -> None:
    cluster = first_cluster(spreads=30 * MINUTE)
    cluster.edit(overlap=DAY, interval=10 * DAY)
    assert cluster.come_to(lambda _: cluster.ledger is not None and isinstance(cluster.ledger.phase, Proving), 30 * DAY)
    write_by_hand(cluster, **moved)
    run([cluster], HOUR)
    assert cluster.secret is not None
    assert "value-1" in cluster.secret.data.values(), cluster.deeds


@pytest.mark.parametrize("hours", [-13, -26, -30])
def test_a_clock_that_is_some_hours_behind_deletes_nothing_of_others(hours: int) -> None:
    adobe = Forgetful(accepts_deleted=2 * HOUR)
    cluster = mistaken(adobe)
    run([cluster], 26 * HOUR)
    cluster.clock_offset = hours * HOUR
    cluster.crash()
    cluster.request("now")
    run([cluster], 5 * DAY)
    adobe.only = {"value-0"}
    run([cluster], 15 * MINUTE)
    adobe.only = set()
    run([cluster], 10 * DAY)


@dataclass
class Flaps(Adobe):
    """IMS that refuses each third request, and client secrets that end."""

    asked: int = 0
    ends: datetime | None = START + 50 * DAY

    def accepts(self, text: str) -> bool:
        self.asked += 1
        return super().accepts(text) and self.asked % 3 != 0

    def list(self) -> Listing:
        found = super().list()
        return replace(found, secrets=tuple(replace(each, expires_at=self.ends) for each in found.secrets))


def test_one_that_is_due_and_never_certain_is_told() -> None:
    cluster = cluster_at(Flaps(lag=3650 * DAY, ends=None), reports=True)
    cluster.edit(overlap=DAY, interval=10 * DAY)
    for _ in range(14 * 24):
        run([cluster], HOUR)
    failing = cluster.resource.status.condition(ROTATION_FAILING)
    assert failing is not None
    assert failing.status == "True"
    assert "POST" not in cluster.deeds


def test_one_that_ends_tomorrow_and_is_not_replaced_is_told() -> None:
    cluster = cluster_at(Flaps(lag=3650 * DAY), reports=True)
    cluster.edit(overlap=DAY, interval=10 * DAY)
    for _ in range(19 * 24):
        run([cluster], HOUR)
    failing = cluster.resource.status.condition(ROTATION_FAILING)
    assert "POST" in cluster.deeds or (failing is not None and failing.status == "True"), failing


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_key_of_the_bootstrap_secret_that_is_put_right_in_the_spec_is_looked_at(*, is_lost: bool) -> None:
    cluster = first_cluster()
    if is_lost:
        run([cluster], 2 * HOUR)
        cluster.adobe.delete("uuid-0")
    theirs = cluster.adobe.add() if is_lost else cluster.adobe.all["uuid-0"]
    assert theirs is not None
    cluster.bootstrap = {"client_id": CLIENT_ID, "theClientSecret": theirs.value}
    cluster.bootstrap_version += 1
    run([cluster], DAY)
    assert cluster.settle().finding.reason is not Reason.IN_PLACE
    keys = cluster.resource.spec.bootstrap
    cluster.edit(bootstrap=replace(keys, secret_key="theClientSecret"))
    run([cluster], HOUR)
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == theirs.value, cluster.settle().finding
