"""What a person wrote in place of the current one, or moved to another key, is not lost to any write of ours."""

from datetime import timedelta

import pytest

from adobe_ims_operator.api.client_secret_ledger import Draining, Proving
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.replacement.decision import Add, Delete, Write
from unit.replacement.walks import replace_once, write_by_hand
from unit.replacement.world import Cluster, Fault, first_cluster, run

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def in_proof(spreads: timedelta = timedelta(0)) -> Cluster:
    cluster = first_cluster(spreads=spreads)
    cluster.edit(overlap=DAY, interval=10 * DAY)
    assert cluster.come_to(lambda _: cluster.ledger is not None and isinstance(cluster.ledger.phase, Proving), 30 * DAY)
    run([cluster], MINUTE)
    return cluster


def about_to_add() -> tuple[Cluster, Add]:
    cluster = first_cluster()
    cluster.edit(overlap=DAY, interval=10 * DAY)
    add = cluster.come_to(lambda step: isinstance(step, Add), 30 * DAY)
    assert isinstance(add, Add)
    return cluster, add


def deny_a_write(cluster: Cluster) -> None:
    write = cluster.come_to(lambda step: isinstance(step, Write), MINUTE)
    assert write is not None
    cluster.take(write, Fault.NOT_DONE)


def add_by_hand(cluster: Cluster) -> str:
    theirs = cluster.adobe.add()
    assert theirs is not None
    return theirs.value


def assert_stays(cluster: Cluster, value: str, *moments: timedelta) -> None:
    for passed in moments:
        run([cluster], passed)
        assert cluster.secret is not None
        assert cluster.secret.data["client_secret"] == value, cluster.settle().finding


@pytest.mark.parametrize("deleted", ["uuid-0", "uuid-1"])
def test_while_the_next_one_is_proven(deleted: str) -> None:
    cluster = in_proof()
    cluster.adobe.delete(deleted)
    theirs = add_by_hand(cluster)
    write_by_hand(cluster, client_secret=theirs, client_secret_previous="value-0")
    assert_stays(cluster, theirs, 2 * MINUTE, HOUR, DAY)


@pytest.mark.parametrize("deletes", [True, False])
def test_without_a_client_id(*, deletes: bool) -> None:
    cluster = first_cluster()
    run([cluster], 2 * HOUR)
    theirs = add_by_hand(cluster)
    if deletes:
        cluster.adobe.delete("uuid-0")
    assert cluster.secret is not None
    cluster.store(cluster.secret.annotations, {"client_secret": theirs, "client_secret_previous": "value-0"})
    assert_stays(cluster, theirs, 2 * MINUTE, HOUR, DAY)
    assert "client_id" in cluster.secret.data


def test_while_what_adobe_gave_can_not_be_kept() -> None:
    cluster, add = about_to_add()
    cluster.take(add, Fault.NONE)
    deny_a_write(cluster)
    cluster.adobe.delete("uuid-1")
    theirs = add_by_hand(cluster)
    write_by_hand(cluster, client_secret=theirs, client_secret_previous="value-0")
    assert_stays(cluster, theirs, 30 * MINUTE, DAY)


def test_while_the_limit_keeps_one_from_being_added() -> None:
    cluster, add = about_to_add()
    theirs = add_by_hand(cluster)
    cluster.take(add, Fault.DEFINITE)
    write_by_hand(cluster, client_secret=theirs, client_secret_previous="value-0")
    assert_stays(cluster, theirs, 2 * MINUTE, HOUR, DAY)


def test_while_the_deletion_can_not_be_noted() -> None:
    cluster = first_cluster()
    replace_once(cluster)
    cluster.edit(overlap=DAY, interval=30 * DAY)
    delete = cluster.come_to(lambda step: isinstance(step, Delete), 10 * DAY)
    assert delete is not None
    cluster.take(delete, Fault.NONE)
    deny_a_write(cluster)
    theirs = add_by_hand(cluster)
    write_by_hand(cluster, client_secret=theirs, client_secret_previous="value-1")
    assert_stays(cluster, theirs, 30 * MINUTE, DAY)


def test_while_it_spreads_and_the_latest_list_is_older() -> None:
    cluster = first_cluster(spreads=4 * MINUTE)
    run([cluster], 18 * MINUTE)
    theirs = add_by_hand(cluster)
    write_by_hand(cluster, client_secret=theirs)
    assert_stays(cluster, theirs, MINUTE, HOUR)
    cluster.adobe.delete("uuid-0")
    assert_stays(cluster, theirs, HOUR, DAY)


@pytest.mark.parametrize("late", [20, 120, 480])
def test_while_lists_are_late_too(late: int) -> None:
    cluster = first_cluster()
    run([cluster], 2 * HOUR)
    cluster.adobe.spreads = cluster.adobe.lists_late = timedelta(seconds=late)
    theirs = add_by_hand(cluster)
    write_by_hand(cluster, client_secret=theirs)
    cluster.settle()
    cluster.adobe.delete("uuid-0")
    assert_stays(cluster, theirs, MINUTE, HOUR, DAY)


def test_what_was_put_back_and_deleted_at_that_time_is_soon_told_as_lost() -> None:
    cluster = first_cluster()
    run([cluster], 2 * HOUR)
    write_by_hand(cluster, client_secret="a typo")
    assert cluster.come_to(lambda step: isinstance(step, Write), 15 * MINUTE)
    cluster.turn()
    cluster.adobe.delete("uuid-0")
    run([cluster], 15 * MINUTE)
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == "value-0"
    assert cluster.settle().finding.reason is Reason.CLIENT_SECRET_LOST


def test_the_current_one_that_somebody_moved_drains_where_the_next_one_takes_its_place() -> None:
    cluster = in_proof()
    cluster.adobe.refuses.add("uuid-0")
    write_by_hand(cluster, client_secret="a typo", client_secret_previous="value-0", client_secret_next="value-1")
    run([cluster], 30 * MINUTE)
    cluster.adobe.refuses.clear()
    run([cluster], HOUR)
    assert cluster.secret is not None
    assert (cluster.secret.data["client_secret"], cluster.secret.data["client_secret_previous"]) == (
        "value-1",
        "value-0",
    )


def test_the_previous_one_takes_the_place_of_a_deleted_one_from_under_any_key() -> None:
    cluster = first_cluster()
    replace_once(cluster)
    run([cluster], 3 * HOUR)
    write_by_hand(cluster, client_secret="value-1", client_secret_previous="a typo", client_secret_next="value-0")
    cluster.bootstrap = None
    cluster.adobe.delete("uuid-1")
    run([cluster], HOUR)
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == "value-0", cluster.settle().finding


def test_after_a_wrong_one_was_put_right() -> None:
    cluster = first_cluster(spreads=4 * MINUTE)
    run([cluster], 5 * DAY)
    write_by_hand(cluster, client_secret="a typo")
    run([cluster], 15 * MINUTE)
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == "value-0"
    theirs = add_by_hand(cluster)
    write_by_hand(cluster, client_secret=theirs)
    assert_stays(cluster, theirs, MINUTE, HOUR)


def test_the_next_one_that_a_person_puts_in_place_while_it_spreads() -> None:
    cluster = in_proof(4 * MINUTE)
    write_by_hand(cluster, client_secret="value-1")
    assert_stays(cluster, "value-1", 2 * MINUTE, HOUR)
    cluster.adobe.delete("uuid-0")
    assert_stays(cluster, "value-1", HOUR, DAY)


def test_an_orphan_that_a_person_puts_back_while_ims_refuses_it_once() -> None:
    cluster = first_cluster()
    replace_once(cluster)
    run([cluster], 3 * HOUR)
    write_by_hand(cluster, client_secret="a typo", client_secret_previous="value-0")
    run([cluster], 2 * HOUR)
    cluster.adobe.refuses.add("uuid-1")
    write_by_hand(cluster, client_secret="value-1")
    cluster.turn()
    cluster.adobe.refuses.clear()
    assert_stays(cluster, "value-1", HOUR, DAY)


@pytest.mark.parametrize(
    "edited",
    [
        {"client_secret": "a typo", "client_secret_previous": "value-1"},
        {"client_secret_previous": "value-1"},
        {"client_secret": "value-1", "client_secret_previous": "a typo"},
        {"client_secret": "value-1", "client_secret_previous": "a typo", "client_id": "another"},
        {"client_secret": "value-0", "client_secret_previous": "value-1", "client_id": "another"},
        {"client_secret": "value-1"},
    ],
)
def test_whatever_is_edited_within_the_overlap_all_is_well_after_it(edited: dict[str, str]) -> None:
    cluster = first_cluster()
    replace_once(cluster)
    run([cluster], 3 * HOUR)
    cluster.edit(interval=90 * DAY)
    write_by_hand(cluster, **edited)
    run([cluster], 7 * DAY)
    assert cluster.works(), cluster.settle().finding
    assert cluster.ledger is not None
    assert not isinstance(cluster.ledger.phase, Draining)
    assert cluster.secret is not None
    left = {key for key, value in cluster.secret.data.items() if value != "a typo"}
    assert left == {"client_id", "client_secret"}


def test_what_was_in_place_for_a_while_is_not_deleted_within_the_overlap() -> None:
    cluster = in_proof()
    cluster.edit(suspend=True)
    run([cluster], 3 * DAY)
    write_by_hand(cluster, client_secret="value-1")
    run([cluster], HOUR)
    write_by_hand(cluster, client_secret="value-0")
    cluster.edit(suspend=False)
    run([cluster], 20 * HOUR)
    assert "uuid-1" in {each.uuid for each in cluster.adobe.live}


@pytest.mark.parametrize("beside", [{"client_secret_next": "value-0"}, {}], ids=["moved", "in the bootstrap Secret"])
def test_a_dead_one_is_not_put_back_where_another_value_is_under_another_key(beside: dict[str, str]) -> None:
    cluster = first_cluster()
    run([cluster], 2 * HOUR)
    cluster.adobe.delete("uuid-0")
    theirs = add_by_hand(cluster)
    write_by_hand(cluster, client_secret_previous=theirs, **beside)
    run([cluster], DAY)
    assert cluster.secret is not None
    assert theirs in cluster.secret.data.values(), cluster.settle().finding


def assert_kept(cluster: Cluster, value: str) -> None:
    run([cluster], 3 * HOUR)
    assert cluster.secret is not None
    assert value in cluster.secret.data.values(), cluster.settle().finding


def test_under_another_key_while_what_was_known_a_moment_ago_says_that_the_current_one_works() -> None:
    cluster = first_cluster()
    run([cluster], 2 * HOUR)
    cluster.crash()
    run([cluster], 3 * MINUTE)
    cluster.adobe.delete("uuid-0")
    theirs = add_by_hand(cluster)
    write_by_hand(cluster, client_secret_previous=theirs)
    assert_kept(cluster, theirs)


@pytest.mark.parametrize("beside", [{"client_secret": "value-0"}, {}])
def test_under_the_key_of_the_next_one(beside: dict[str, str]) -> None:
    cluster = in_proof()
    cluster.adobe.delete("uuid-0")
    theirs = add_by_hand(cluster)
    write_by_hand(cluster, client_secret_next=theirs, **beside)
    assert_kept(cluster, theirs)


@pytest.mark.parametrize("key", ["client_secret_previous", "client_secret_next"])
@pytest.mark.parametrize("beside", [{"client_secret": "value-0"}, {}])
@pytest.mark.parametrize("deleted", ["uuid-0", "uuid-1"])
@pytest.mark.parametrize("late", [0, 3])
def test_under_any_key_while_the_next_one_is_proven(deleted: str, beside: dict[str, str], key: str, late: int) -> None:
    cluster = in_proof()
    cluster.adobe.lists_late = late * MINUTE
    cluster.adobe.delete(deleted)
    theirs = add_by_hand(cluster)
    write_by_hand(cluster, **beside, **{key: theirs})
    assert_kept(cluster, theirs)
    run([cluster], DAY)
    assert_kept(cluster, theirs)


def test_a_current_one_that_a_person_kept_beside_theirs_comes_back() -> None:
    cluster = first_cluster()
    replace_once(cluster)
    cluster.edit(interval=90 * DAY)
    run([cluster], 10 * DAY)
    theirs = add_by_hand(cluster)
    write_by_hand(cluster, client_secret=theirs, client_secret_previous="value-1")
    run([cluster], HOUR)
    assert cluster.ledger is not None
    assert cluster.ledger.current.uuid == "uuid-2"
    cluster.adobe.delete("uuid-2")
    run([cluster], DAY)
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == "value-1", cluster.settle().finding


@pytest.mark.parametrize("late", [0, 5])
def test_while_the_old_one_is_seen_to_be_gone(late: int) -> None:
    cluster = first_cluster()
    replace_once(cluster)
    run([cluster], 3 * HOUR)
    cluster.edit(interval=90 * DAY)
    cluster.adobe.lists_late = late * MINUTE
    cluster.adobe.delete("uuid-0")
    while cluster.settle().finding.reason is not Reason.DRAINING or len(cluster.adobe.list().secrets) == 2:
        run([cluster], MINUTE)
    run([cluster], 6 * MINUTE)
    theirs = add_by_hand(cluster)
    write_by_hand(cluster, client_secret="value-1", client_secret_previous=theirs)
    run([cluster], DAY)
    cluster.adobe.delete("uuid-1")
    run([cluster], DAY)
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == theirs, cluster.settle().finding


def second_time(phase: type) -> Cluster:
    """In the middle of the second replacement, by which what is in the bootstrap Secret is dead."""
    cluster = first_cluster()
    replace_once(cluster)
    cluster.edit(overlap=DAY, interval=10 * DAY)

    def is_reached(_: object) -> bool:
        ledger = cluster.ledger
        is_second = ledger is not None and "uuid-2" in {held.uuid for held in ledger.held.values()}
        return is_second and isinstance(ledger.phase if ledger else None, phase)

    assert cluster.come_to(is_reached, 60 * DAY)
    run([cluster], HOUR if phase is Draining else MINUTE)
    return cluster


def test_the_next_one_alone_put_in_place_is_never_called_lost() -> None:
    cluster = second_time(Proving)
    write_by_hand(cluster, client_secret="value-2")
    for _ in range(60):
        run([cluster], MINUTE)
        told = cluster.report(cluster.settle())
        assert "was lost" not in "".join(each.message for each in told.conditions)
    assert cluster.ledger is not None
    assert cluster.ledger.current.uuid == "uuid-2"
    run([cluster], 5 * DAY)
    assert [each.uuid for each in cluster.adobe.live] == ["uuid-2"]


def test_the_previous_one_alone_put_back_is_known_and_the_other_one_drains() -> None:
    cluster = second_time(Draining)
    write_by_hand(cluster, client_secret="value-1")
    run([cluster], 2 * MINUTE)
    assert cluster.ledger is not None
    assert cluster.ledger.current.uuid == "uuid-1"
    run([cluster], 5 * DAY)
    assert [each.uuid for each in cluster.adobe.live] == ["uuid-1"]
    assert cluster.settle().finding.reason is Reason.IN_PLACE


@pytest.mark.parametrize("lag", [timedelta(0), 23 * HOUR])
def test_no_message_tells_anybody_to_use_what_is_not_in_place(lag: timedelta) -> None:
    cluster = second_time(Draining)
    run([cluster], 5 * DAY)
    for value in cluster.adobe.all.values():
        value.lag = lag
    theirs = add_by_hand(cluster)
    write_by_hand(cluster, client_secret=theirs, client_secret_previous="value-2")
    for _ in range(50):
        run([cluster], MINUTE)
        cluster.adobe.token("value-2")
        told = cluster.report(cluster.settle())
        text = "".join(each.message for each in told.conditions)
        assert "in Secret oauth" not in text
        assert "unless IMS accepts the new value" not in text


def test_the_overlap_that_was_promised_holds_for_what_leaves_its_place_by_a_swap() -> None:
    cluster = second_time(Draining)
    cluster.edit(overlap=7 * DAY, interval=90 * DAY)
    write_by_hand(cluster, client_secret="value-1", client_secret_previous="value-2")
    run([cluster], HOUR)
    assert cluster.ledger is not None
    assert cluster.ledger.current.uuid == "uuid-1"
    cluster.edit(overlap=DAY)
    run([cluster], 6 * DAY)
    assert "uuid-2" in {each.uuid for each in cluster.adobe.live}


def test_beside_two_that_were_deleted_while_the_next_one_was_proven() -> None:
    cluster = in_proof()
    cluster.adobe.delete("uuid-0")
    cluster.adobe.delete("uuid-1")
    theirs = add_by_hand(cluster)
    write_by_hand(cluster, client_secret="value-0", client_secret_next="value-1", client_secret_previous=theirs)
    assert_kept(cluster, theirs)


@pytest.mark.parametrize("beside", [{}, {"client_secret_next": "a typo"}, {"client_secret": "a typo"}])
def test_the_next_one_that_somebody_moved_alone_is_put_back_and_proven(beside: dict[str, str]) -> None:
    cluster = in_proof()
    write_by_hand(cluster, client_secret_previous="value-1", **beside)
    run([cluster], 3 * DAY)
    assert cluster.works(), cluster.settle().finding
