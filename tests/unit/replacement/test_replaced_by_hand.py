"""A person adds a client secret, writes it in place and deletes ours, in either order: theirs is not overwritten."""

from datetime import timedelta

import pytest

from adobe_ims_operator.core.replacement.decision import Delete
from unit.replacement.world import Cluster, first_cluster, run

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def held_for_two_hours(*, lag: timedelta = timedelta(0), spreads: timedelta) -> tuple[Cluster, str]:
    """A cluster whose current one is held for a while, and the value of one that a person added just now."""
    cluster = first_cluster(lag=lag, forgets=HOUR)
    run([cluster], 2 * HOUR)
    cluster.adobe.spreads = spreads
    theirs = cluster.adobe.add()
    assert theirs is not None
    return cluster, theirs.value


def write(cluster: Cluster, value: str) -> None:
    assert cluster.secret is not None
    cluster.store(cluster.secret.annotations, {**cluster.secret.data, "client_secret": value})


def assert_is_taken_over(cluster: Cluster, value: str) -> None:
    for _ in range(40):
        run([cluster], MINUTE)
        assert cluster.secret is not None
        assert value in cluster.secret.data.values()
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == value
    run([cluster], 2 * DAY)
    assert cluster.works()


@pytest.mark.parametrize("minutes", [0, 3, 6, 8, 9])
@pytest.mark.parametrize("restarts", [True, False])
def test_one_that_is_not_certain_is_deleted_before_theirs_is_written(minutes: int, *, restarts: bool) -> None:
    cluster, theirs = held_for_two_hours(lag=23 * HOUR, spreads=15 * MINUTE)
    run([cluster], MINUTE)
    cluster.adobe.delete("uuid-0")
    if restarts:
        cluster.crash()
    run([cluster], minutes * MINUTE)
    write(cluster, theirs)
    assert_is_taken_over(cluster, theirs)


@pytest.mark.parametrize("minutes", [1, 3, 6, 9])
@pytest.mark.parametrize("spreads", [9, 11, 12, 15])
def test_one_that_is_certain_is_deleted_after_theirs_was_written(minutes: int, spreads: int) -> None:
    cluster, theirs = held_for_two_hours(spreads=spreads * MINUTE)
    write(cluster, theirs)
    run([cluster], minutes * MINUTE)
    cluster.adobe.delete("uuid-0")
    assert_is_taken_over(cluster, theirs)


@pytest.mark.parametrize("spreads", [12, 15])
@pytest.mark.parametrize("minutes", [1, 4])
def test_the_first_one_was_deleted_a_moment_ago_and_ims_still_accepts_it(minutes: int, spreads: int) -> None:
    cluster = first_cluster(forgets=HOUR)
    cluster.edit(overlap=DAY, interval=100 * DAY)
    run([cluster], 2 * HOUR)
    cluster.request("now")
    assert cluster.come_to(lambda step: isinstance(step, Delete), 10 * DAY)
    run([cluster], MINUTE)
    cluster.adobe.spreads = spreads * MINUTE
    theirs = cluster.adobe.add()
    assert theirs is not None
    cluster.adobe.delete("uuid-1")
    cluster.request("again")
    run([cluster], minutes * MINUTE)
    write(cluster, theirs.value)
    assert_is_taken_over(cluster, theirs.value)


def test_another_one_that_was_given_and_deleted_does_not_take_the_place_of_theirs() -> None:
    cluster, former = held_for_two_hours(spreads=timedelta(0))
    assert cluster.secret is not None
    cluster.store(cluster.secret.annotations, {**cluster.secret.data, "client_secret_previous": former})
    run([cluster], 5 * MINUTE)
    cluster.adobe.delete("uuid-1")
    cluster.adobe.spreads = 15 * MINUTE
    theirs = cluster.adobe.add()
    assert theirs is not None
    cluster.adobe.delete("uuid-0")
    cluster.edit(overlap=2 * DAY)
    cluster.crash()
    run([cluster], 2 * MINUTE)
    write(cluster, theirs.value)
    assert_is_taken_over(cluster, theirs.value)
