"""What others took away, or wrote meanwhile, costs no client secret."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adobe_ims_operator.api.client_secret_ledger import Adding, Draining, Steady
from adobe_ims_operator.api.client_secret_status import OLD_CLIENT_SECRET_IN_USE
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.replacement import attempts, keep
from adobe_ims_operator.core.replacement.decision import Add, Decision, Deed, Delete, List, Wait
from unit.replacement.adobe import CLIENT_ID
from unit.replacement.walks import held, is_write, until, write_by_hand
from unit.replacement.world import Cluster, Fault, first_cluster, run

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def begun() -> Cluster:
    cluster = first_cluster()
    cluster.reports = True
    cluster.edit(overlap=7 * DAY, interval=20 * DAY)
    return cluster


def is_draining(decision: Decision) -> bool:
    return isinstance(decision, Wait) and decision.finding.reason is Reason.DRAINING


def test_a_secret_that_lost_its_ledger_is_not_to_be_deleted_before_its_value_is_copied() -> None:
    cluster = begun()
    until(cluster, is_write(Deed.DROP_PREVIOUS))
    run([cluster], DAY)
    assert cluster.secret is not None
    cluster.store({}, cluster.secret.data)
    for _ in range(3):
        finding = cluster.settle().finding
        assert finding.reason is Reason.LEDGER_DAMAGED
        assert "copy client_secret" in finding.message
        run([cluster], DAY)


def test_what_another_process_kept_is_not_written_over_a_later_intent() -> None:
    cluster = begun()
    cluster.take(until(cluster, is_write(Deed.KEEP_NEXT)), Fault.ANSWER_LOST)
    before = cluster.memory
    cluster.crash()
    for _ in range(2):
        until(cluster, is_write(Deed.PROMOTE))
        run([cluster], 12 * DAY)
    cluster.take(until(cluster, lambda decision: isinstance(decision, Add)), Fault.CRASH_AFTER)
    cluster.memory = attempts.begin(cluster.resource.uid, before)
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Adding)
    cluster.adobe.now += HOUR
    deeds = len(cluster.deeds)
    cluster.settle()
    assert cluster.memory.added is None
    assert cluster.deeds[deeds:] == [Deed.NOTE_ORPHAN]


def test_what_another_process_deleted_is_not_written_over_a_later_one_without_a_value() -> None:
    cluster = begun()
    cluster.take(until(cluster, lambda decision: isinstance(decision, Add)), Fault.NONE)
    before = cluster.memory
    cluster.crash()
    cluster.take(until(cluster, lambda decision: isinstance(decision, Delete)), Fault.NONE)
    cluster.take(until(cluster, lambda decision: isinstance(decision, Add)), Fault.CRASH_AFTER)
    run([cluster], HOUR)
    cluster.memory = attempts.begin(cluster.resource.uid, before)
    run([cluster], DAY)
    assert Deed.KEEP_NEXT not in cluster.deeds
    assert until(cluster, lambda decision: isinstance(decision, Delete)) == Delete("uuid-2")


def test_what_another_process_kept_and_dropped_is_not_made_a_secret_of() -> None:
    cluster = begun()
    cluster.take(until(cluster, is_write(Deed.KEEP_NEXT)), Fault.ANSWER_LOST)
    before = cluster.memory
    cluster.crash()
    for _ in range(2):
        until(cluster, is_write(Deed.PROMOTE))
        run([cluster], 12 * DAY)
    assert cluster.secret is not None
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Steady)
    cluster.memory = attempts.begin(cluster.resource.uid, before)
    cluster.bootstrap = {"client_id": CLIENT_ID, "client_secret": cluster.secret.data["client_secret"]}
    cluster.bootstrap_version += 1
    cluster.secret = None
    run([cluster], HOUR)
    assert Deed.KEEP_ADDED_ALONE not in cluster.deeds
    assert cluster.works()


def test_what_is_kept_is_remembered_no_more() -> None:
    cluster = begun()
    cluster.take(until(cluster, is_write(Deed.KEEP_NEXT)), Fault.ANSWER_LOST)
    run([cluster], MINUTE)
    assert cluster.memory.added is None


def old_in_use(cluster: Cluster) -> str:
    """What the status says of the use of the old client secret."""
    condition = cluster.resource.status.condition(OLD_CLIENT_SECRET_IN_USE)
    assert condition is not None
    return condition.message


def test_a_shorter_overlap_is_for_the_next_replacement() -> None:
    cluster = begun()
    until(cluster, is_draining)
    ledger = cluster.ledger
    assert ledger is not None
    assert isinstance(ledger.phase, Draining)
    run([cluster], DAY)
    used_at = cluster.adobe.now
    cluster.adobe.all[ledger.phase.previous.uuid].uses.append(used_at)
    run([cluster], 5 * DAY)
    assert "nobody used it for spec.overlap" in old_in_use(cluster)
    cluster.edit(overlap=DAY)
    run([cluster], HOUR)
    promised = "nobody used it for 168h, as spec.overlap was when it was replaced"
    assert promised in old_in_use(cluster)
    run([cluster], 2 * DAY)
    assert promised in old_in_use(cluster)
    until(cluster, lambda decision: isinstance(decision, Delete))
    assert cluster.adobe.now - used_at >= 8 * DAY


@pytest.mark.parametrize("works", [True, False])
def test_a_person_swaps_the_two_values_by_hand(works: bool) -> None:
    cluster = begun()
    until(cluster, is_draining)
    run([cluster], HOUR)
    assert cluster.secret is not None
    data = dict(cluster.secret.data)
    data["client_secret"], data["client_secret_previous"] = data["client_secret_previous"], data["client_secret"]
    cluster.store(cluster.secret.annotations, data)
    if not works:
        cluster.adobe.refuses.add("uuid-0")
    cluster.settle()
    ledger = cluster.ledger
    assert ledger is not None
    assert isinstance(ledger.phase, Draining), "both values are there still"
    expected = ("uuid-0", "uuid-1") if works else ("uuid-1", "uuid-0")
    assert (ledger.current.uuid, ledger.phase.previous.uuid) == expected
    assert {cluster.secret.data["client_secret"], cluster.secret.data["client_secret_previous"]} == {
        "value-0",
        "value-1",
    }
    cluster.adobe.refuses.clear()
    run([cluster], 12 * DAY)
    assert [value.uuid for value in cluster.adobe.live] == [expected[0]]


def moved(cluster: Cluster, names: dict[str, str]) -> None:
    """A person moves values to other keys of the managed Secret."""
    assert cluster.secret is not None
    data = cluster.secret.data
    there = {key: value for key, value in data.items() if key not in names}
    cluster.store(cluster.secret.annotations, {**there, **{names[key]: data[key] for key in names}})


@pytest.mark.parametrize("suspend", [False, True])
def test_what_a_person_swaps_right_after_the_old_one_was_deleted_is_not_dropped_in_its_place(suspend: bool) -> None:
    cluster = begun()
    cluster.take(until(cluster, lambda decision: isinstance(decision, Delete)), Fault.NONE)
    moved(cluster, {"client_secret": "client_secret_previous", "client_secret_previous": "client_secret"})
    cluster.edit(suspend=suspend)
    cluster.settle()
    assert cluster.secret is not None
    assert cluster.secret.data == {"client_id": CLIENT_ID, "client_secret": "value-1"}


@pytest.mark.parametrize("fault", [Fault.DEFINITE, Fault.NONE])
def test_what_a_person_moves_to_another_key_is_put_back_by_the_next_write(fault: Fault) -> None:
    cluster = begun()
    cluster.take(until(cluster, lambda decision: isinstance(decision, Add)), fault)
    moved(cluster, {"client_secret": "client_secret_next"})
    cluster.settle()
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == "value-0"
    assert cluster.secret.data.get("client_secret_next") == (None if fault is Fault.DEFINITE else "value-1")


@pytest.mark.parametrize("beside", [{}, {"client_secret_previous": "strange"}])
def test_one_in_place_that_is_under_the_key_of_the_next_one_is_not_written_over(beside: dict[str, str]) -> None:
    cluster = begun()
    until(cluster, is_write(Deed.DROP_PREVIOUS))
    cluster.adobe.spreads = 40 * MINUTE
    cluster.take(until(cluster, lambda decision: isinstance(decision, Add)), Fault.NONE)
    # As the data alone of a backup of the replacement before has them.
    write_by_hand(cluster, client_secret="value-0", client_secret_next="value-1", **beside)
    cluster.settle()
    assert cluster.deeds[-1] is Deed.KEEP_NEXT
    assert held(cluster) == {
        "client_secret": "value-0",
        "client_secret_previous": "value-1",
        "client_secret_next": "value-2",
    }
    run([cluster], 15 * MINUTE)
    assert held(cluster) == {"client_secret": "value-1", "client_secret_next": "value-2"}
    run([cluster], 2 * HOUR)
    assert held(cluster) == {"client_secret": "value-2", "client_secret_previous": "value-1"}


def test_what_somebody_wrote_under_the_key_of_the_next_one_gives_way_to_it() -> None:
    cluster = begun()
    cluster.take(until(cluster, lambda decision: isinstance(decision, Add)), Fault.NONE)
    write_by_hand(cluster, client_secret="value-0", client_secret_next="theirs")
    cluster.settle()
    assert held(cluster) == {
        "client_secret": "value-0",
        "client_secret_previous": "theirs",
        "client_secret_next": "value-1",
    }


@pytest.mark.parametrize("key", ["client_secret_previous", "client_secret_next"])
@pytest.mark.parametrize("drains", [False, True])
def test_one_in_place_that_a_person_moves_to_another_key_is_not_lost(key: str, drains: bool) -> None:
    cluster = begun()
    until(cluster, is_draining if drains else is_write(Deed.DROP_PREVIOUS))
    cluster.settle()
    assert cluster.ledger is not None
    before = cluster.ledger
    moved(cluster, {"client_secret": key})
    assert cluster.settle().finding.reason is (Reason.DRAINING if drains else Reason.IN_PLACE)
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == "value-1"
    assert cluster.ledger == before


def test_what_was_just_deleted_is_no_stranger_in_a_list_that_is_late() -> None:
    cluster = begun()
    delete = until(cluster, lambda decision: isinstance(decision, Delete))
    late = cluster.adobe.list()
    cluster.take(delete, Fault.NONE)
    until(cluster, lambda decision: isinstance(decision, List))
    cluster.memory = attempts.listed(cluster.memory, replace(late, at=cluster.adobe.now), cluster.now)
    assert cluster.settle().finding.reason is Reason.IN_PLACE
    run([cluster], HOUR)
    cluster.adobe.add()
    run([cluster], DAY)
    assert cluster.settle().finding.reason is Reason.TWO_CLIENT_SECRETS


def test_a_person_swaps_the_current_and_the_next_one_by_hand() -> None:
    cluster = first_cluster(spreads=2 * HOUR)
    cluster.edit(overlap=7 * DAY, interval=20 * DAY)
    until(cluster, lambda decision: isinstance(decision, Add))
    until(cluster, lambda decision: isinstance(decision, Wait) and decision.finding.reason is Reason.PROVING)
    cluster.bootstrap = {"client_id": CLIENT_ID, "client_secret": "dead"}
    cluster.bootstrap_version += 1
    assert cluster.secret is not None
    data, swapped = cluster.secret.data, dict(cluster.secret.data)
    swapped["client_secret"], swapped["client_secret_next"] = data["client_secret_next"], data["client_secret"]
    cluster.store(cluster.secret.annotations, swapped)
    assert cluster.settle().finding.reason is Reason.PROVING
    assert cluster.secret.data == data
    run([cluster], 3 * HOUR)
    assert cluster.secret.data["client_secret"] == "value-1"
    assert cluster.secret.data["client_secret_previous"] == "value-0"


def test_what_was_given_to_an_object_that_went_with_its_secret_is_not_for_another_of_its_name() -> None:
    cluster = begun()
    until(cluster, is_write(Deed.KEEP_NEXT))
    assert cluster.memory.added is not None
    cluster.secret = None
    cluster.resource = replace(cluster.resource, uid="of-another")
    cluster.memory = attempts.begin("of-another", cluster.memory)
    cluster.settle()
    assert cluster.memory.added is None
    assert Deed.KEEP_ADDED_ALONE not in cluster.deeds


@pytest.mark.parametrize("later", [MINUTE, HOUR])
def test_what_adobe_gave_is_not_forgotten_for_a_replacement_of_a_backup(later: timedelta) -> None:
    cluster = begun()
    until(cluster, is_write(Deed.PROMOTE))
    backup = cluster.backups[-1]
    cluster.settle()
    cluster.take(until(cluster, lambda decision: isinstance(decision, Add)), Fault.NONE)
    cluster.take(until(cluster, is_write(Deed.KEEP_NEXT)), Fault.NOT_DONE)
    cluster.adobe.now += later
    cluster.store(backup.annotations, backup.data)
    promotions = cluster.deeds.count(Deed.PROMOTE)
    cluster.settle()
    assert cluster.deeds.count(Deed.PROMOTE) == promotions + 1
    run([cluster], 2 * DAY)
    assert cluster.deeds.count(Deed.KEEP_NEXT) == 2
    assert held(cluster) == {"client_secret": "value-2", "client_secret_previous": "value-1"}


def test_what_adobe_gave_and_a_later_replacement_began_without_is_told_as_given_up() -> None:
    cluster = begun()
    cluster.take(until(cluster, is_write(Deed.KEEP_NEXT)), Fault.ANSWER_LOST)
    before = cluster.memory
    assert keep.given_up(cluster.observe()) is None
    cluster.crash()
    for _ in range(2):
        until(cluster, is_write(Deed.PROMOTE))
        run([cluster], 12 * DAY)
    cluster.memory = attempts.begin(cluster.resource.uid, before)
    decision = cluster.turn()
    assert keep.given_up(cluster.observe()) is None  # it is no longer at Adobe, by one list alone
    assert cluster.memory.added is not None
    cluster.report(decision)
    cluster.adobe.now += DAY
    cluster.turn()
    assert keep.given_up(cluster.observe()) == "uuid-1"
    assert Deed.KEEP_NEXT not in cluster.deeds[-3:]
