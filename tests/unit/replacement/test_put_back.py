"""What is put back, dropped or forgotten: no value that works, and none that Adobe gave, goes for a dead one."""

from datetime import timedelta

import pytest

from adobe_ims_operator.api.client_secret_ledger import Orphaned
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Trouble
from adobe_ims_operator.core.replacement import attempts
from adobe_ims_operator.core.replacement.decision import Add, AskToken, Delete, List
from adobe_ims_operator.core.replacement.model import Step
from unit.replacement.adobe import Divided
from unit.replacement.walks import draining, held, is_a, replace_once, until, write_by_hand
from unit.replacement.world import Fault, cluster_at, first_cluster, run

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOT_READ = Trouble(Finding(Reason.SECRET_READ_FAILED, "the API server did not give it"), Pace.API_SERVER)


@pytest.mark.parametrize("later", [timedelta(0), HOUR])
def test_what_is_put_back_works(later: timedelta) -> None:
    cluster = first_cluster()
    run([cluster], 2 * HOUR)
    cluster.adobe.delete("uuid-0")
    cluster.adobe.now += later
    theirs = cluster.adobe.add()
    assert theirs is not None
    write_by_hand(cluster, client_secret=theirs.value, client_secret_previous="value-0")
    run([cluster], DAY)


def test_what_is_put_back_from_the_bootstrap_secret_works() -> None:
    cluster = first_cluster(spreads=4 * MINUTE)
    run([cluster], 2 * HOUR)
    cluster.adobe.delete("uuid-0")
    cluster.adobe.now += HOUR
    theirs = cluster.adobe.add()
    assert theirs is not None
    write_by_hand(cluster, client_secret=theirs.value)
    run([cluster], DAY)


def test_a_person_who_does_as_the_operator_does_loses_nothing() -> None:
    cluster = first_cluster()
    run([cluster], 2 * HOUR)
    theirs = cluster.adobe.add()
    assert theirs is not None
    write_by_hand(cluster, client_secret=theirs.value, client_secret_previous="value-0")
    run([cluster], DAY)
    cluster.adobe.delete("uuid-0")
    run([cluster], DAY)
    assert cluster.works(), cluster.settle().finding


@pytest.mark.parametrize("spreads", [timedelta(0), 4 * MINUTE])
def test_what_a_person_adds_within_the_overlap_and_writes_in_place_stays(spreads: timedelta) -> None:
    cluster = first_cluster(spreads=spreads)
    replace_once(cluster)
    run([cluster], 3 * HOUR)
    cluster.adobe.delete("uuid-1")
    theirs = cluster.adobe.add()
    assert theirs is not None
    write_by_hand(cluster, client_secret=theirs.value, client_secret_previous="value-0")
    run([cluster], 2 * DAY)
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == theirs.value, cluster.settle().finding


def test_an_answer_that_is_lost_after_a_read_that_failed_leaves_no_stranger() -> None:
    cluster = first_cluster()
    cluster.edit(overlap=DAY, interval=10 * DAY)
    assert cluster.come_to(lambda step: isinstance(step, Add), 30 * DAY)
    # As AtAdobe._see_the_object does where the API server does not give the object.
    refused = attempts.add_refused(cluster.memory)
    cluster.memory = attempts.failed(refused, cluster.observe(), Step.ADD, NOT_READ, cluster.now, 0.0)
    add = cluster.come_to(lambda step: isinstance(step, Add), MINUTE)
    assert add is not None
    cluster.take(add, Fault.ANSWER_LOST)
    run([cluster], HOUR)
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Orphaned), cluster.settle().finding


def test_one_list_and_one_refusal_drop_no_value_that_adobe_gave() -> None:
    cluster = cluster_at(adobe := Divided())
    replace_once(cluster)
    run([cluster], 3 * HOUR)
    ask = cluster.come_to(lambda step: isinstance(step, AskToken), 2 * DAY)
    assert ask is not None
    adobe.refuses.add("uuid-1")
    cluster.take(ask, Fault.NONE)
    adobe.refuses.clear()
    ask = cluster.come_to(lambda step: isinstance(step, AskToken), MINUTE)
    assert ask is not None
    cluster.take(ask, Fault.NONE)
    found = cluster.come_to(lambda step: isinstance(step, List), MINUTE)
    assert found is not None
    adobe.disagrees, adobe.lists = True, 0
    cluster.take(found, Fault.NONE)
    adobe.disagrees = False
    run([cluster], HOUR)
    assert cluster.secret is not None
    assert "value-1" in cluster.secret.data.values()


@pytest.mark.parametrize("key", ["client_secret_next", "client_secret_previous"])
@pytest.mark.parametrize("renames", [False, True])
def test_the_overlap_begins_again_where_the_previous_one_stood_in_place(key: str, *, renames: bool) -> None:
    cluster = draining()
    run([cluster], DAY)
    cluster.edit(suspend=True)
    write_by_hand(cluster, **{"client_secret": "value-0", key: "value-1"})
    if key == "client_secret_previous":
        cluster.adobe.refuses.add("uuid-0")  # else it is the current one from here on
    run([cluster], 5 * DAY)
    cluster.edit(suspend=False)
    if renames:
        assert cluster.secret is not None
        cluster.store(cluster.secret.annotations, {**cluster.secret.data, "client_id": "somebody's"})
    left_at = cluster.adobe.now
    cluster.settle()
    assert held(cluster) == {"client_secret": "value-1", "client_secret_previous": "value-0"}
    assert cluster.ledger is not None
    assert cluster.ledger.current.since >= left_at
    cluster.adobe.refuses.clear()
    until(cluster, is_a(Delete))
    assert cluster.adobe.now >= left_at + 2 * DAY
