"""One list that lacks an entry is no proof that it is gone."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from adobe_ims_operator.api.client_secret_ledger import Draining, Slot
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.replacement.decision import Deed, Write
from adobe_ims_operator.core.replacement.listing import Listing
from unit.replacement.adobe import Adobe
from unit.replacement.walks import come_to_drain, until
from unit.replacement.world import Cluster, cluster_at, run

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass
class Lacking(Adobe):
    """Adobe whose next lists lack some entries."""

    lacks: set[str] = field(default_factory=set)
    lists: int = 0
    """How many still lack them."""

    def list(self) -> Listing:
        found, lacks = super().list(), self.lists > 0
        self.lists -= 1
        return (
            found if not lacks else replace(found, secrets=tuple(e for e in found.secrets if e.uuid not in self.lacks))
        )


def begun(**adobe: object) -> tuple[Lacking, Cluster]:
    cluster = cluster_at(made := Lacking(**adobe))  # type: ignore[arg-type]
    cluster.edit(overlap=7 * DAY, interval=20 * DAY)
    return made, cluster


def in_drain(**adobe: object) -> tuple[Lacking, Cluster]:
    made, cluster = begun(**adobe)
    come_to_drain(cluster)
    return made, cluster


def test_the_old_one_stays_where_one_list_lacks_it() -> None:
    adobe, cluster = in_drain()
    adobe.lacks, adobe.lists = {"uuid-0"}, 1
    run([cluster], 2 * DAY)
    assert adobe.lists <= 0
    assert cluster.secret is not None
    assert Slot.PREVIOUS in cluster.secret.data
    adobe.delete("uuid-0")
    run([cluster], DAY)
    assert Deed.DROP_PREVIOUS in cluster.deeds


def test_the_next_one_stays_where_one_list_lacks_it() -> None:
    adobe, cluster = begun(spreads=HOUR)
    until(cluster, lambda decision: isinstance(decision, Write) and decision.deed is Deed.KEEP_NEXT)
    run([cluster], 9 * MINUTE)
    adobe.lacks, adobe.lists = {"uuid-1"}, 1
    run([cluster], 2 * HOUR)
    assert adobe.lists <= 0
    assert Deed.DROP_NEXT not in cluster.deeds
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Draining)


def test_the_current_one_is_known_still_where_one_list_lacks_it_and_ims_refuses_it() -> None:
    adobe, cluster = in_drain()
    run([cluster], 19 * HOUR)
    adobe.refuses, adobe.lacks, adobe.lists = {"uuid-1"}, {"uuid-1"}, 1
    until(cluster, lambda decision: isinstance(decision, Write) and decision.deed is Deed.SWITCH_BACK)
    adobe.refuses = set()
    run([cluster], 12 * DAY)
    assert next(value.uuid for value in adobe.live) == "uuid-0"
    assert cluster.settle().finding.reason is not Reason.TWO_CLIENT_SECRETS


@pytest.mark.parametrize("after", [30 * MINUTE, 5 * HOUR])
def test_the_previous_one_is_back_soon_after_a_list_lacks_the_current_one(after: timedelta) -> None:
    adobe, cluster = in_drain()
    run([cluster], after)
    adobe.delete("uuid-1")
    run([cluster], 6 * HOUR + 20 * MINUTE)
    assert Deed.SWITCH_BACK in cluster.deeds
    run([cluster], HOUR)
    assert cluster.settle().finding.reason is Reason.IN_PLACE
