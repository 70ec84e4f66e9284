"""A process that starts asks for nothing before it is time, unless something is to be done."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from adobe_ims_operator.api.times import from_rfc3339, to_rfc3339
from unit.replacement.adobe import CLIENT_ID
from unit.replacement.world import Cluster, first_cluster, run

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def steady() -> Cluster:
    cluster = first_cluster()
    cluster.reports = True
    cluster.edit(overlap=DAY, interval=10 * DAY)
    run([cluster], 2 * HOUR)
    return cluster


def asked(cluster: Cluster) -> bool:
    """Whether a turn asks IMS."""
    before = cluster.adobe.tokens
    cluster.settle()
    return cluster.adobe.tokens > before


def set_check(cluster: Cluster, text: str | None) -> None:
    cluster.resource = replace(cluster.resource, status=replace(cluster.resource.status, last_check_time=text))


def test_a_process_that_starts_asks_for_nothing_that_was_asked_a_moment_ago() -> None:
    cluster = steady()
    status = cluster.resource.status
    for _ in range(10):
        cluster.crash()
        assert not asked(cluster)
        assert cluster.resource.status == status
        cluster.adobe.now += HOUR
    run([cluster], 8 * HOUR)
    assert cluster.resource.status == status
    run([cluster], 2 * HOUR)
    assert cluster.resource.status.last_check_time != status.last_check_time


def test_it_is_still_replaced_in_time_though_the_process_starts_each_day() -> None:
    cluster = steady()
    for _ in range(26):
        run([cluster], 11 * HOUR)
        cluster.crash()
    assert cluster.deeds.count("POST") == 1


def test_the_status_is_written_once_in_twenty_hours() -> None:
    cluster = steady()
    seen = []
    for _ in range(7 * 24):
        run([cluster], HOUR)
        seen.append(cluster.resource.status)
    assert len(set(seen)) <= 7 * 24 / 20 + 2


def edit(cluster: Cluster) -> None:
    cluster.edit(overlap=2 * DAY)


def request(cluster: Cluster) -> None:
    cluster.request("now")


def wait_until_due(cluster: Cluster) -> None:
    cluster.adobe.now += 10 * DAY
    set_check(cluster, to_rfc3339(cluster.adobe.now - HOUR))


def wait_for_long(cluster: Cluster) -> None:
    cluster.adobe.now += 21 * HOUR


def change_the_value(cluster: Cluster) -> None:
    assert cluster.secret is not None
    cluster.store(cluster.secret.annotations, {**cluster.secret.data, "client_secret": "nonsense"})


def fill_the_bootstrap_secret(cluster: Cluster) -> None:
    cluster.bootstrap, cluster.bootstrap_version = {"client_id": CLIENT_ID, "client_secret": "other"}, 2


def restore_another(cluster: Cluster) -> None:
    first = cluster.backups[0]
    cluster.request("now")
    run([cluster], 6 * DAY)
    cluster.request("")
    assert len(cluster.adobe.live) == 1
    cluster.crash()
    assert not asked(cluster)
    cluster.store(first.annotations, first.data)


@pytest.mark.parametrize(
    "change",
    [
        edit,
        request,
        wait_until_due,
        wait_for_long,
        change_the_value,
        fill_the_bootstrap_secret,
        restore_another,
    ],
)
def test_what_is_new_or_due_is_asked_for_at_once(change: Callable[[Cluster], None]) -> None:
    cluster = steady()
    cluster.crash()
    assert not asked(cluster)
    change(cluster)
    assert asked(cluster)


def test_where_not_all_is_as_it_should_be_there_is_no_check() -> None:
    cluster = steady()
    assert cluster.resource.status.last_check_time is not None
    cluster.adobe.add()
    run([cluster], DAY)
    status = cluster.resource.status
    assert (status.reason, status.last_check_time) == ("TwoClientSecrets", None)
    cluster.crash()
    assert asked(cluster)


@pytest.mark.parametrize("ago", [-DAY, -MINUTE, 21 * HOUR, None], ids=str)
def test_a_process_that_starts_believes_no_check_that_lies_ahead_or_is_old(ago: timedelta | None) -> None:
    cluster = steady()
    set_check(cluster, None if ago is None else to_rfc3339(cluster.adobe.now - ago))
    cluster.crash()
    assert asked(cluster)


def test_what_is_written_into_the_status_later_puts_off_no_look_and_is_put_right() -> None:
    cluster = steady()
    cluster.adobe.now += 10 * HOUR
    cluster.crash()
    assert not asked(cluster)
    told = cluster.resource.status.last_check_time
    for _ in range(7):
        set_check(cluster, to_rfc3339(cluster.adobe.now))
        assert not asked(cluster)
        assert cluster.resource.status.last_check_time == told
        cluster.adobe.now += HOUR
    set_check(cluster, to_rfc3339(cluster.adobe.now))
    cluster.adobe.now += 3 * HOUR
    assert asked(cluster)


def test_a_later_check_than_the_one_that_this_process_made_is_put_right() -> None:
    cluster = steady()
    told, (*_, asked_at) = cluster.resource.status.last_check_time, cluster.adobe.all["uuid-0"].uses
    cluster.adobe.now += 5 * HOUR
    forged = to_rfc3339(cluster.adobe.now)
    set_check(cluster, forged)
    assert not asked(cluster)
    # It asked once more after the one that was told of, to be certain of what it took over.
    assert told is not None
    assert from_rfc3339(told) < asked_at
    assert cluster.resource.status.last_check_time == to_rfc3339(asked_at)


def test_a_check_of_before_counts_for_no_longer_as_our_wall_clock_is_set_back() -> None:
    cluster = steady()
    cluster.crash()
    assert not asked(cluster)
    cluster.adobe.now += 21 * HOUR
    cluster.clock_offset = -10 * HOUR
    assert asked(cluster)
