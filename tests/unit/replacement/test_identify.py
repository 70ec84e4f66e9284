"""Which uuid at Adobe a value has: what may show another's is no proof."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from adobe_ims_operator.api.client_secret_ledger import Origin
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.replacement.decision import Deed, Wait
from unit.replacement.adobe import CLIENT_ID, Adobe, Late
from unit.replacement.world import Cluster, cluster_at, first_cluster, run

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def replaced_by_hand(hides: timedelta) -> Cluster:
    """A person added a second one just now, and that is what the bootstrap Secret holds."""
    adobe = Late(hides=hides)
    first = adobe.add()
    assert first is not None
    adobe.now += 20 * DAY
    second = adobe.add()
    assert second is not None
    adobe.now += 30 * SECOND
    return Cluster(adobe, {"client_id": CLIENT_ID, "client_secret": second.value})


def test_a_list_that_is_late_with_a_new_one_identifies_none() -> None:
    cluster = replaced_by_hand(2 * MINUTE)
    assert cluster.settle().finding.reason is Reason.TAKING_OVER
    run([cluster], HOUR)
    assert cluster.ledger is not None
    assert (cluster.ledger.current.uuid, cluster.ledger.current.origin) == ("uuid-1", Origin.STAMPED)


def test_one_alone_without_a_stamp_is_taken_over_after_ten_minutes_of_lists() -> None:
    adobe = Adobe(lag=DAY)
    value = adobe.add()
    assert value is not None
    adobe.now += 30 * DAY
    cluster = Cluster(adobe, {"client_id": CLIENT_ID, "client_secret": value.value})
    decision = cluster.settle()
    assert decision.finding.reason is Reason.TAKING_OVER
    assert "lists one" in decision.finding.message
    run([cluster], 9 * MINUTE)
    assert cluster.deeds == []
    run([cluster], 6 * MINUTE)
    assert cluster.ledger is not None
    assert cluster.ledger.current.origin is Origin.ALONE


def test_what_was_mistaken_is_identified_again_and_no_person_is_told_to_delete_it() -> None:
    cluster = replaced_by_hand(15 * MINUTE)
    run([cluster], 21 * HOUR)
    assert cluster.ledger is not None
    assert cluster.ledger.current.uuid == "uuid-0", "all lists of ten minutes lacked the other"
    finding = cluster.settle().finding
    assert finding.reason is Reason.TWO_CLIENT_SECRETS
    assert "but not" not in finding.message
    cluster.adobe.delete("uuid-0")
    run([cluster], DAY)
    assert cluster.ledger.current.uuid == "uuid-1"
    assert cluster.settle().finding.reason is Reason.IN_PLACE


def test_one_that_was_deleted_is_not_taken_for_the_one_that_is_left() -> None:
    adobe = Adobe()
    value = adobe.add()
    assert value is not None
    cluster = Cluster(adobe, {"client_id": CLIENT_ID, "client_secret": value.value})
    run([cluster], 21 * HOUR)
    adobe.add()
    adobe.delete("uuid-0")
    run([cluster], 2 * DAY)
    assert cluster.settle().finding.reason is Reason.CLIENT_SECRET_LOST
    assert cluster.deeds == [Deed.TAKE_OVER, Deed.CONFIRM]


@pytest.mark.parametrize("rescued", [False, True])
def test_one_that_was_deleted_meanwhile_is_not_taken_over_as_the_one_that_is_left(*, rescued: bool) -> None:
    cluster = first_cluster(lags=(3 * HOUR,))
    if rescued:  # what is in place is gone, and a person gave the other one
        run([cluster], HOUR)
    assert cluster.adobe.add() is not None
    cluster.adobe.now += DAY
    if rescued:
        cluster.adobe.delete("uuid-0")
        theirs = cluster.adobe.add()
        assert theirs is not None
        cluster.bootstrap = {"client_id": CLIENT_ID, "client_secret": theirs.value}
        cluster.bootstrap_version += 1
    assert cluster.come_to(lambda step: isinstance(step, Wait) and step.finding.reason is Reason.TAKING_OVER, DAY)
    cluster.adobe.now += 5 * MINUTE
    cluster.adobe.delete("uuid-2" if rescued else "uuid-0")
    run([cluster], HOUR)
    assert cluster.deeds == ([Deed.TAKE_OVER, Deed.DOUBT] if rescued else [])
    assert cluster.settle().finding.reason is (Reason.CLIENT_SECRET_LOST if rescued else Reason.INVALID_CLIENT)


def test_one_that_was_deleted_a_moment_before_is_refused_an_hour_later() -> None:
    # Somebody uses the other one all the time, also when we ask.
    cluster = first_cluster()
    other = cluster.adobe.add()
    assert other is not None
    cluster.adobe.now += MINUTE
    cluster.adobe.delete("uuid-0")
    cluster.adobe.token(other.value)
    cluster.settle()
    assert cluster.deeds == [Deed.TAKE_OVER]
    run([cluster], HOUR)
    assert cluster.settle().finding.reason is Reason.CLIENT_SECRET_LOST


def test_two_clusters_that_ask_at_once_take_over_no_others() -> None:
    # Each stamp is shown at another moment, so that the first list shows one of them alone.
    adobe = Adobe(lags=(125 * SECOND, 115 * SECOND))
    clusters = []
    for name in ("east", "west"):
        value = adobe.add()
        assert value is not None
        adobe.now += 20 * DAY
        clusters.append(Cluster(adobe, {"client_id": CLIENT_ID, "client_secret": value.value}, name=name))
    run(clusters, 3 * HOUR)
    for cluster, uuid in zip(clusters, ("uuid-0", "uuid-1"), strict=True):
        assert cluster.ledger is None or cluster.ledger.current.uuid == uuid


@pytest.mark.parametrize(
    ("lag", "most"),
    [(12 * MINUTE, 2 * HOUR), (30 * MINUTE, 3 * HOUR), (HOUR, 5 * HOUR), (10 * HOUR, 26 * HOUR), (23 * HOUR, 2 * DAY)],
)
def test_of_two_one_is_taken_over_though_its_stamp_lags(lag: timedelta, most: timedelta) -> None:
    cluster = first_cluster(lags=(lag,))
    cluster.adobe.add()
    run([cluster], most)
    assert cluster.ledger is not None
    assert (cluster.ledger.current.uuid, cluster.ledger.current.origin) == ("uuid-0", Origin.STAMPED)
    assert cluster.adobe.tokens <= 6, "one that asks too often never sees its own request"


def test_what_a_person_gave_is_in_place_within_two_days_though_stamps_lag() -> None:
    cluster = first_cluster(lags=(23 * HOUR,))
    cluster.settle()
    run([cluster], 2 * HOUR)
    cluster.adobe.delete("uuid-0")
    theirs, _ = cluster.adobe.add(), cluster.adobe.add()
    assert theirs is not None
    run([cluster], DAY)
    cluster.bootstrap = {"client_id": CLIENT_ID, "client_secret": theirs.value}
    cluster.bootstrap_version += 1
    run([cluster], 2 * DAY)
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == theirs.value


def test_a_use_of_somebody_else_at_the_moment_of_an_earlier_request_is_no_proof() -> None:
    cluster = first_cluster(lags=(21 * HOUR, timedelta(0)))
    other = cluster.adobe.add()
    assert other is not None
    cluster.settle()
    cluster.adobe.token(other.value)
    for _ in range(3 * 24 * 6):
        run([cluster], 10 * MINUTE)
        assert cluster.ledger is None or cluster.ledger.current.uuid == "uuid-0"
    assert cluster.ledger is not None


@dataclass
class Backward(Adobe):
    """Adobe whose IMS may go back to what it knew before a replacement; its list does not."""

    goes_back: bool = False

    def accepts(self, text: str) -> bool:
        return text == "value-0" if self.goes_back else super().accepts(text)


def replaced(adobe: Backward) -> Cluster:
    """The first client secret was replaced and deleted, and its value is in the bootstrap Secret still."""
    cluster = cluster_at(adobe)
    cluster.edit(overlap=DAY, interval=10 * DAY)
    run([cluster], 13 * DAY)
    assert [value.uuid for value in adobe.live] == ["uuid-1"]
    return cluster


def test_an_ims_that_goes_back_does_not_put_what_was_deleted_in_place_of_what_adobe_gave() -> None:
    adobe = Backward()
    cluster = replaced(adobe)
    adobe.goes_back = True
    run([cluster], DAY)
    assert cluster.settle().finding.reason is Reason.CLIENT_SECRET_REFUSED
    assert cluster.works()
    adobe.goes_back = False
    run([cluster], HOUR)
    assert cluster.settle().finding.reason is Reason.IN_PLACE
    assert Deed.TAKE_OVER not in cluster.deeds[1:]


def test_what_was_deleted_is_not_taken_for_what_adobe_gave_where_somebody_put_it_back() -> None:
    adobe = Backward()
    cluster = replaced(adobe)
    adobe.goes_back = True
    assert cluster.secret is not None
    cluster.store(cluster.secret.annotations, {**cluster.secret.data, "client_secret": "value-0"})
    run([cluster], 2 * HOUR)
    assert cluster.settle().finding.reason is Reason.CLIENT_SECRET_UNLISTED
    adobe.goes_back = False
    run([cluster], HOUR)
    assert cluster.settle().finding.reason is Reason.CLIENT_SECRET_LOST
    assert cluster.ledger is not None
    assert cluster.ledger.current.origin is Origin.ADDED
