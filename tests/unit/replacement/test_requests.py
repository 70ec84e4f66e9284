"""A request for a replacement is answered once, also where the managed Secret is lost after it."""

from datetime import timedelta

import pytest

from adobe_ims_operator.api.client_secret_ledger import Draining
from adobe_ims_operator.core.replacement.decision import Add, Deed
from unit.replacement.adobe import CLIENT_ID
from unit.replacement.world import Cluster, Fault, first_cluster, run

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize("two", [False, True])
def test_a_request_that_was_answered_is_not_answered_again_when_the_secret_is_made_again(two: bool) -> None:
    cluster = first_cluster()
    cluster.reports = True
    cluster.edit(overlap=DAY, interval=100 * DAY)
    cluster.settle()
    cluster.request("now")
    run([cluster], 10 * DAY)
    assert cluster.deeds.count("POST") == 1
    assert cluster.secret is not None
    assert cluster.resource.status.last_handled_rotate_request == "now"
    cluster.bootstrap = {"client_id": CLIENT_ID, "client_secret": cluster.secret.data["client_secret"]}
    cluster.bootstrap_version += 1
    cluster.secret = None
    if two:
        cluster.adobe.add()
    run([cluster], HOUR)
    if two:
        cluster.adobe.delete("uuid-2")
    run([cluster], 3 * DAY)
    assert cluster.works()
    assert cluster.deeds.count("POST") == 1
    cluster.request("again")
    run([cluster], DAY)
    assert cluster.deeds.count("POST") == 2


def test_a_secret_that_is_made_again_from_what_adobe_gave_answers_the_request() -> None:
    cluster = first_cluster()
    cluster.edit(overlap=DAY, interval=100 * DAY)
    cluster.settle()
    cluster.request("now")
    add = cluster.come_to(lambda step: isinstance(step, Add), DAY)
    assert add is not None
    cluster.take(add, Fault.NONE)
    cluster.secret = None
    run([cluster], HOUR)
    cluster.adobe.delete("uuid-0")
    run([cluster], 10 * DAY)
    assert Deed.KEEP_ADDED_ALONE in cluster.deeds
    assert cluster.deeds.count("POST") == 1


def test_a_request_that_waits_for_the_old_one_to_go_is_told_until_it_is_answered() -> None:
    cluster = first_cluster()
    cluster.edit(overlap=DAY, interval=100 * DAY)
    cluster.settle()
    cluster.request("now")
    run([cluster], HOUR + DAY / 4)
    assert "another replacement is asked for" not in failing(cluster)
    cluster.request("again")
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Draining)
    assert "another replacement is asked for, which begins once that is over" in failing(cluster)
    run([cluster], 4 * DAY)
    assert cluster.deeds.count("POST") == 2
    assert "another replacement is asked for" not in failing(cluster)


def failing(cluster: Cluster) -> str:
    condition = cluster.report(cluster.settle()).condition("RotationFailing")
    assert condition is not None
    return condition.message
