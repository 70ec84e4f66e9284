"""What Adobe gave and is in memory alone: it is told before all else, and given up by no mend."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from adobe_ims_operator.core.replacement import attempts
from adobe_ims_operator.core.replacement.decision import Add, Deed
from adobe_ims_operator.core.replacement.model import Step
from unit.replacement.walks import draining, report, taken_over
from unit.replacement.world import DOWN, Cluster, Fault, run

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def damaged(cluster: Cluster) -> None:
    assert cluster.secret is not None
    cluster.store({next(iter(cluster.secret.annotations)): "{}"}, cluster.secret.data)


def another_s(cluster: Cluster) -> None:
    assert cluster.secret is not None
    cluster.store({}, cluster.secret.data)


def refused(cluster: Cluster) -> None:
    cluster.memory = attempts.failed(cluster.memory, cluster.observe(), Step.WRITE, DOWN, cluster.now, 0.0)


@pytest.mark.parametrize("meddle", [damaged, another_s, refused])
def test_what_adobe_gave_and_can_not_be_written_is_told_before_all_else(meddle: Callable[[Cluster], None]) -> None:
    cluster = draining()
    run([cluster], 5 * DAY)
    add = cluster.come_to(lambda decision: isinstance(decision, Add), 30 * DAY)
    assert add is not None
    cluster.take(add, Fault.NONE)
    meddle(cluster)
    status = report(cluster)
    failing = status.condition("RotationFailing")
    assert failing is not None
    assert (failing.status, failing.reason, status.reason) == ("True", "AddedClientSecretNotKept", failing.reason)
    assert "Adobe gave client secret uuid-2" in failing.message
    assert cluster.memory.added is not None


def test_to_mend_what_keeps_a_secret_from_being_written_gives_up_nothing_that_adobe_gave() -> None:
    cluster = taken_over()
    add = cluster.come_to(lambda decision: isinstance(decision, Add), 30 * DAY)
    assert add is not None
    cluster.take(add, Fault.NONE)
    cluster.store({}, {"password": "somebody else's"})
    failing = report(cluster).condition("RotationFailing")
    assert failing is not None
    assert failing.reason == "AddedClientSecretNotKept"
    assert "make this object again" not in failing.message
    assert "delete it, and leave this object as it is" in failing.message
    cluster.secret = None
    run([cluster], HOUR)
    assert cluster.works()
    assert Deed.KEEP_ADDED_ALONE in cluster.deeds


def test_what_adobe_gave_and_is_written_is_not_told() -> None:
    cluster = taken_over()
    add = cluster.come_to(lambda decision: isinstance(decision, Add), 30 * DAY)
    assert add is not None
    cluster.take(add, Fault.NONE)
    cluster.turn(Fault.ANSWER_LOST, most=1)
    assert cluster.memory.added is not None
    assert report(cluster).reason == DOWN.finding.reason
    run([cluster], MINUTE)
    assert report(cluster).reason == "Proving"
