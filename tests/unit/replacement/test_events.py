"""What is told of a replacement by Events."""

from datetime import timedelta

import pytest

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.events import Event
from adobe_ims_operator.core.replacement import events
from adobe_ims_operator.core.replacement.decision import Add, Deed, Delete, Write
from unit.replacement.walks import draining, taken_over
from unit.replacement.world import Cluster, Fault, first_cluster

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def of_steps(cluster: Cluster, duration: timedelta) -> list[Event]:
    """The Events of the writes in a while."""
    found: list[Event] = []
    end = cluster.adobe.now + duration
    while (left := end - cluster.adobe.now) > timedelta():
        write = cluster.come_to(lambda decision: isinstance(decision, Write), left)
        if isinstance(write, Write):
            found += events.of_write(write, cluster.ledger, cluster.memory)
            cluster.take(write, Fault.NONE)
    return found


def test_a_replacement_is_told_by_events() -> None:
    cluster = first_cluster()
    cluster.edit(overlap=DAY, interval=10 * DAY)
    found = of_steps(cluster, 15 * DAY)
    assert [event.reason for event in found] == [
        Reason.TAKEN_OVER,
        Reason.REPLACED,
        Reason.OLD_CLIENT_SECRET_DELETED,
    ]
    assert not any("value-" in event.note for event in found)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, [Reason.OLD_CLIENT_SECRET_GONE]), (1, [Reason.SWITCHED_BACK, Reason.OLD_CLIENT_SECRET_GONE])],
)
def test_what_somebody_else_deleted_is_told_by_events(number: int, expected: list[Reason]) -> None:
    cluster = draining()
    cluster.adobe.delete(f"uuid-{number}")
    assert [event.reason for event in of_steps(cluster, DAY)] == expected


def test_a_next_one_that_somebody_else_deleted_is_told_by_an_event() -> None:
    cluster = taken_over(spreads=HOUR)
    add = cluster.come_to(lambda decision: isinstance(decision, Add), 30 * DAY)
    assert add is not None
    cluster.take(add, Fault.NONE)
    cluster.adobe.delete("uuid-1")
    assert [event.reason for event in of_steps(cluster, 2 * HOUR)] == [Reason.NEXT_CLIENT_SECRET_GONE]


def test_a_delete_without_an_answer_is_told_as_ours() -> None:
    cluster = draining()
    delete = cluster.come_to(lambda decision: isinstance(decision, Delete), 30 * DAY)
    assert delete is not None
    cluster.take(delete, Fault.CRASH_AFTER)
    assert cluster.deeds[-1] == "DELETE" or Deed.INTEND_TO_DELETE in cluster.deeds
    assert [event.reason for event in of_steps(cluster, HOUR)] == [Reason.OLD_CLIENT_SECRET_DELETED]
