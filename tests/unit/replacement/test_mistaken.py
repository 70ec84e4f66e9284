"""A dead value that was taken for the one that Adobe lists: nothing of others goes, and a person can mend it."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from adobe_ims_operator.api.client_secret_ledger import Origin
from adobe_ims_operator.api.reasons import Reason
from unit.replacement.adobe import CLIENT_ID, Adobe, Forgetful
from unit.replacement.walks import give, mistaken, origin
from unit.replacement.world import Cluster, cluster_at, run

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_somebody_elses_is_not_deleted_where_ims_goes_back_for_a_quarter_of_an_hour() -> None:
    adobe = Forgetful(accepts_deleted=2 * HOUR)
    cluster = mistaken(adobe)
    run([cluster], 5 * DAY)
    assert cluster.settle().finding.reason is Reason.CLIENT_SECRET_LOST
    adobe.only = {"value-0"}
    run([cluster], 15 * MINUTE)
    adobe.only = set()
    run([cluster], 10 * DAY)  # DELETE of uuid-1


@dataclass
class Replicas(Adobe):
    """IMS of which one replica of two accepts for 30 hours what was deleted, and the other not at all."""

    asked: int = 0

    def accepts(self, text: str) -> bool:
        value, self.asked = self.by_value(text), self.asked + 1
        if value is None or value.deleted_at is None:
            return super().accepts(text)
        return self.asked % 2 == 0 and self.now < value.deleted_at + 30 * HOUR


def test_what_was_refused_again_and_again_did_not_last() -> None:
    cluster = mistaken(Replicas())
    run([cluster], 2 * DAY)
    assert origin(cluster) is not Origin.LASTING


@pytest.mark.parametrize("went_back", [True, False])
def test_what_a_person_gives_as_the_message_says_is_taken_over(went_back: bool) -> None:
    adobe = Forgetful(accepts_deleted=2 * HOUR if went_back else 27 * HOUR)
    cluster = mistaken(adobe)
    run([cluster], 3 * DAY)
    if went_back:
        adobe.only = {"value-0"}
        run([cluster], 15 * MINUTE)
        adobe.only = set()
        run([cluster], 21 * HOUR)
    assert "and it is taken over" in cluster.settle().finding.message
    give(cluster, "value-1")
    run([cluster], 10 * DAY)
    assert cluster.works(), cluster.settle().finding


def test_clusters_that_were_made_at_once_confirm_no_dead_value() -> None:
    adobe = Forgetful(accepts_deleted=20 * MINUTE)
    east = mistaken(adobe)
    west = Cluster(adobe, {"client_id": CLIENT_ID, "client_secret": "value-1"}, name="west")
    east.passes = west.passes = timedelta(milliseconds=300)
    run([east, west], 2 * HOUR)
    give(east, "value-1")
    run([east, west], 10 * DAY)
    assert east.works(), east.settle().finding


@pytest.mark.parametrize("lag", [11, 15, 60])
def test_clusters_that_were_made_at_once_take_over_their_own(lag: int) -> None:
    adobe = Adobe(lags=(lag * MINUTE, timedelta(0)))
    values = [value for value in (adobe.add(), adobe.add()) if value is not None]
    adobe.now += 20 * DAY
    clusters = [Cluster(adobe, {"client_id": CLIENT_ID, "client_secret": value.value}) for value in values]
    run(clusters, 3 * DAY)
    for cluster, value in zip(clusters, values, strict=True):
        assert cluster.ledger is None or cluster.ledger.current.uuid == value.uuid


def test_the_other_clusters_is_not_deleted() -> None:
    adobe = Forgetful(accepts_deleted=5 * HOUR)
    east = mistaken(adobe)
    west = Cluster(adobe, {"client_id": CLIENT_ID, "client_secret": "value-1"}, name="west")
    west.edit(interval=365 * DAY, overlap=DAY)
    run([east, west], 19 * MINUTE)
    east.request("now")
    run([east, west], 3 * HOUR)
    run([east], 12 * DAY)  # west is switched off; DELETE of uuid-1


def test_what_a_person_gives_is_in_place_soon_though_somebody_uses_it_all_the_time() -> None:
    adobe = Forgetful(accepts_deleted=40 * MINUTE)
    cluster = cluster_at(adobe)
    run([cluster], HOUR)
    theirs = adobe.add()
    assert theirs is not None
    adobe.delete("uuid-0")
    give(cluster, theirs.value)
    end = adobe.now + 40 * MINUTE
    while adobe.now < end or (not cluster.works() and adobe.now < end + 3 * HOUR):
        adobe.token(theirs.value)
        run([cluster], 3 * SECOND)
    assert adobe.now - end < 25 * MINUTE


def test_a_client_in_use_costs_few_tokens() -> None:
    adobe = Adobe()
    cluster = cluster_at(adobe)
    end, uses = adobe.now + 26 * HOUR, 0
    while adobe.now < end:
        uses += adobe.token("value-0")
        run([cluster], 20 * SECOND)
    assert adobe.tokens - uses <= 20
