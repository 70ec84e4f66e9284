"""The follow-up of rotations: what is restarted, how often, and when it is tried again, whatever comes in between."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Workload
from adobe_ims_operator.api.status import Restart, Status
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import RestartAttempt
from adobe_ims_operator.core.restarts import (
    FAILED,
    FREE_ROTATIONS,
    LEAST_PAUSE,
    NOT_FOUND,
    OFTEN,
    PENDING,
    RESTARTED,
    SELDOM,
    SOON,
    STARTED,
    FollowUp,
    Rotation,
    due,
    looked_at,
    mark,
    next_at,
    note,
    report,
    rotation_of,
)
from unit.worlds import NOW, change, facts, observed, spec, token_secret

WEB, LOCKED, JOBS = (Workload("Deployment", name) for name in ("web", "locked", "jobs"))
SECOND = timedelta(seconds=1)
TIME, PERSON, ABSENT = Finding(FAILED, "500"), Finding(Reason.RESTART_REFUSED, "403"), Finding(NOT_FOUND, "404")
PAUSED = Finding(PENDING, "paused")
workloads = st.lists(st.sampled_from([WEB, LOCKED, JOBS]), unique=True).map(tuple)


@dataclass
class Operator:
    """The least that follows rotations up: a status, this process's attempts, and what was asked of the cluster."""

    status: Status = field(default_factory=Status)
    attempts: dict[Workload, RestartAttempt] = field(default_factory=dict)
    asked: list[tuple[str, Workload]] = field(default_factory=list)
    done: list[tuple[str, Workload]] = field(default_factory=list)
    looks: list[Workload] = field(default_factory=list)

    def look(
        self, rotation: Rotation, now: datetime, cluster: dict[Workload, Finding], *, writes: bool = True
    ) -> FollowUp:
        for workload in due(rotation, self.status, self.attempts, now):
            outcome = cluster.get(workload, RESTARTED)
            found = looked_at(rotation, self.status, self.attempts, workload)
            if found is None:
                self.asked.append((rotation.id, workload))
                if outcome in (RESTARTED, PAUSED):
                    self.done.append((rotation.id, workload))
            else:
                self.looks.append(workload)
                if outcome not in (ABSENT, PAUSED):
                    outcome = STARTED if found.reason is NOT_FOUND else RESTARTED
            self.attempts[workload] = note(rotation, workload, outcome, self.attempts.get(workload), now, 0.0)
            if outcome.reason == FAILED:
                break
        follow_up = report(rotation, self.status, self.attempts)
        if writes:
            self.status = replace(self.status, restarts=follow_up.restarts, last_handled_rotation=follow_up.handled)
        return follow_up

    def crash(self) -> None:
        self.attempts = {}


def rotation(*named: Workload, number: int = 1, generation: int = 1) -> Rotation:
    return Rotation(f"{number}-a", NOW, generation, named)


outcomes = st.sampled_from([RESTARTED, TIME, PERSON, ABSENT, PAUSED])
steps = st.lists(
    st.tuples(
        st.sampled_from(["look", "crash", "rotate", "edit"]),
        st.fixed_dictionaries({WEB: outcomes, LOCKED: outcomes, JOBS: outcomes}),
        st.booleans(),
        workloads,
        st.integers(0, 700),
    ),
    max_size=30,
)


@given(workloads, steps)
def test_a_workload_is_restarted_at_most_once_for_a_rotation_unless_what_was_done_could_not_be_written_down(
    named: tuple[Workload, ...], history: list[tuple[str, dict[Workload, Finding], bool, tuple[Workload, ...], int]]
) -> None:
    operator, now, number, generation = Operator(), NOW, 1, 1
    for action, cluster, writes, others, seconds in history:
        now += seconds * SECOND
        match action:
            case "rotate":
                number += 1
            case "edit":
                named, generation = others, generation + 1
            case "crash":
                operator.look(rotation(*named, number=number, generation=generation), now, {})
                operator.crash()
            case _:
                operator.look(rotation(*named, number=number, generation=generation), now, cluster, writes=writes)
    assert len(operator.done) == len(set(operator.done))


@given(workloads, st.fixed_dictionaries({WEB: outcomes, LOCKED: outcomes, JOBS: outcomes}))
def test_once_everything_can_be_restarted_everything_is_and_then_nothing_is_due_any_more(
    named: tuple[Workload, ...], cluster: dict[Workload, Finding]
) -> None:
    operator, turn = Operator(), rotation(*named)
    operator.look(turn, NOW, cluster)
    later = replace(turn, generation=2)
    operator.look(later, NOW + SECOND, {})
    absent = {workload for workload in named if cluster[workload] == ABSENT and workload in operator.looks}
    assert {workload for _, workload in operator.done} == set(named) - absent
    follow_up = operator.look(later, NOW + timedelta(hours=1), {})
    assert next_at(later, operator.status, operator.attempts, NOW) is None
    assert (follow_up.complete, follow_up.handled) == (True, turn.id)


def test_one_that_is_refused_has_no_other_one_restarted_again() -> None:
    operator, turn = Operator(), rotation(WEB, LOCKED)
    for hours in range(5):
        follow_up = operator.look(turn, NOW + timedelta(hours=hours), {LOCKED: PERSON})
        assert follow_up.finding == PERSON
        assert not follow_up.complete
    assert operator.done == [("1-a", WEB)]
    assert operator.asked.count(("1-a", LOCKED)) == 5


def test_after_a_crash_what_the_status_says_is_not_done_again() -> None:
    operator, turn = Operator(), rotation(WEB, LOCKED)
    operator.look(turn, NOW, {LOCKED: PERSON})
    operator.crash()
    operator.look(turn, NOW, {LOCKED: PERSON})
    assert operator.asked == [("1-a", WEB), ("1-a", LOCKED), ("1-a", LOCKED)]


def test_what_could_not_be_written_to_the_status_is_not_done_again_by_the_same_process() -> None:
    operator, turn = Operator(), rotation(WEB)
    for _ in range(3):
        operator.look(turn, NOW, {}, writes=False)
    assert operator.asked == [("1-a", WEB)]


@pytest.mark.parametrize(("outcome", "longest"), [(TIME, 300), (PERSON, 600)])
def test_a_failure_is_tried_again_more_and_more_slowly_and_for_ever(outcome: Finding, longest: int) -> None:
    operator, turn, now = Operator(), rotation(WEB), NOW
    waits = []
    for _ in range(12):
        operator.look(turn, now, {WEB: outcome})
        again = next_at(turn, operator.status, operator.attempts, now)
        assert again is not None
        assert due(turn, operator.status, operator.attempts, again - SECOND) == ()
        waits.append(int((again - now).total_seconds()))
        now = again
    assert waits[:3] == [5, 10, 20]
    assert waits[-1] == longest
    assert len(operator.asked) == 12


@pytest.mark.parametrize("outcome", [ABSENT, PAUSED])
def test_one_that_waits_for_somebody_is_looked_at_each_minute_for_ten_minutes_and_then_hourly(outcome: Finding) -> None:
    operator, turn, now = Operator(), rotation(WEB), NOW
    for number in range(OFTEN + 3):
        operator.look(turn, now, {WEB: outcome})
        again = next_at(turn, operator.status, operator.attempts, now)
        assert again == now + (SOON if number < OFTEN else SELDOM)
        assert due(turn, operator.status, operator.attempts, again - SECOND) == ()
        now = again
    assert operator.asked == [("1-a", WEB)], "it is patched once, and then looked at"
    assert len(operator.looks) == OFTEN + 2


@pytest.mark.parametrize(("outcome", "reason"), [(ABSENT, STARTED.reason), (PAUSED, RESTARTED.reason)])
@pytest.mark.parametrize("by", ["time", "crash", "edit"])
def test_what_one_waited_for_is_seen_by_a_look_and_ends_the_waiting(outcome: Finding, reason: Reason, by: str) -> None:
    operator, turn, now = Operator(), rotation(WEB), NOW
    assert operator.look(turn, now, {WEB: outcome}).finding == outcome
    match by:
        case "time":
            now += SOON
        case "crash":
            operator.crash()
        case _:
            turn = replace(turn, generation=2)
    follow_up = operator.look(turn, now, {})
    assert (len(operator.asked), operator.looks) == (1, [WEB])
    assert follow_up.complete
    assert follow_up.finding is not None
    assert follow_up.finding.reason is reason
    assert next_at(turn, operator.status, operator.attempts, now) is None


def test_the_next_rotation_restarts_one_whose_pods_waited_for_somebody() -> None:
    operator = Operator()
    operator.look(rotation(WEB), NOW, {WEB: PAUSED})
    operator.look(rotation(WEB, number=2), NOW, {WEB: PAUSED})
    assert operator.asked == [("1-a", WEB), ("2-a", WEB)]


@pytest.mark.parametrize("outcome", [TIME, PERSON])
def test_a_changed_spec_brings_another_attempt_at_once_and_only_one(outcome: Finding) -> None:
    operator, turn = Operator(), rotation(WEB)
    operator.look(turn, NOW, {WEB: outcome})
    changed = replace(turn, generation=2)
    operator.look(changed, NOW, {WEB: outcome})
    assert len(operator.asked) == 2
    assert due(changed, operator.status, operator.attempts, NOW) == ()


@pytest.mark.parametrize("outcome", [PERSON, ABSENT])
def test_a_spec_that_keeps_changing_has_the_same_workload_tried_ever_more_slowly(outcome: Finding) -> None:
    operator = Operator()
    for second in range(70):
        operator.look(rotation(WEB, generation=second + 1), NOW + second * SECOND, {WEB: outcome})
    assert len(operator.asked) + len(operator.looks) == FREE_ROTATIONS + 2


def test_workloads_that_chance_spreads_over_twelve_seconds_are_looked_at_together() -> None:
    turn, named = rotation(WEB, LOCKED), {WEB: 0.0, LOCKED: 0.999}
    attempts = {each: note(turn, each, PAUSED, None, NOW, chance) for each, chance in named.items()}
    first = next_at(turn, Status(), attempts, NOW)
    assert first is not None
    assert first < NOW + timedelta(seconds=49)
    assert set(due(turn, Status(), attempts, first)) == {WEB, LOCKED}


def test_the_others_have_their_turn_though_the_first_one_fails_for_the_sake_of_time() -> None:
    operator, turn = Operator(), rotation(WEB, LOCKED, JOBS)
    first = operator.look(turn, NOW, {WEB: TIME})
    assert first.handled is None
    assert next_at(turn, operator.status, operator.attempts, NOW) == NOW
    second = operator.look(turn, NOW, {WEB: TIME})
    assert operator.done == [("1-a", LOCKED), ("1-a", JOBS)]
    assert (second.handled, second.complete, second.finding) == ("1-a", False, TIME)


def test_one_that_joins_the_list_later_is_restarted_for_the_next_rotation() -> None:
    operator = Operator()
    operator.look(rotation(), NOW, {})
    follow_up = operator.look(rotation(WEB, generation=2), NOW, {})
    assert (operator.asked, follow_up.complete) == ([], True)
    assert follow_up.finding is not None
    assert follow_up.finding.reason == "AddedLater"
    operator.look(rotation(WEB, number=2, generation=2), NOW, {})
    assert operator.done == [("2-a", WEB)]


def test_one_that_takes_the_place_of_one_that_failed_is_restarted_at_once() -> None:
    operator = Operator()
    operator.look(rotation(WEB, LOCKED), NOW, {LOCKED: ABSENT})
    operator.look(rotation(WEB, JOBS, generation=2), NOW, {})
    assert operator.done == [("1-a", WEB), ("1-a", JOBS)]


def test_one_that_joins_one_whose_pods_wait_for_somebody_is_restarted_for_the_next_rotation() -> None:
    operator = Operator()
    operator.look(rotation(WEB), NOW, {WEB: PAUSED})
    follow_up = operator.look(rotation(WEB, JOBS, generation=2), NOW, {WEB: PAUSED})
    assert operator.done == [("1-a", WEB)]
    assert (follow_up.handled, follow_up.finding) == ("1-a", PAUSED)


def test_several_reasons_are_one_that_points_to_the_messages() -> None:
    follow_up = Operator().look(rotation(WEB, LOCKED), NOW, {WEB: ABSENT, LOCKED: PERSON})
    assert follow_up.finding == Finding(Reason.RESTART_INCOMPLETE, "404; 403")


SEEN = observed(token_secret(facts(rotation_id="1-a")), spec=spec(restart=(WEB,)))


def test_the_rotation_of_a_good_token_is_followed_up() -> None:
    assert rotation_of(SEEN, NOW) == Rotation("1-a", NOW, SEEN.credential.generation, (WEB,))


@pytest.mark.parametrize(
    "seen",
    [
        replace(SEEN, secret=token_secret(facts())),
        replace(SEEN, secret=None),
        replace(SEEN, secret=token_secret(facts(NOW - timedelta(hours=30), rotation_id="1-a"))),
        replace(SEEN, intact=False),
        change(SEEN, spec=spec(restart=(WEB,), suspend=True)),
    ],
    ids=["an older version's", "no token", "expired", "edited", "suspended"],
)
def test_no_other_token_is_followed_up(seen: object) -> None:
    assert rotation_of(seen, NOW) is None  # type: ignore[arg-type]


@given(st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", fullmatch=True))
def test_the_mark_has_a_name_that_kubernetes_takes_and_that_people_know_beforehand(name: str) -> None:
    prefix, _, last = mark(name, "uid-1", "1-a")[0].partition("/")
    assert prefix == "restart.adobe-ims.dev"
    assert len(last) <= 63
    assert last[0].isalnum()
    assert last[-1].isalnum()
    assert (last == name) is (len(name) <= 63)


def test_long_names_that_begin_alike_have_marks_of_their_own() -> None:
    assert mark("a" * 70, "uid-1", "1-a")[0] != mark("a" * 71, "uid-1", "1-a")[0]


def test_marks_of_two_credentials_or_rotations_differ() -> None:
    assert mark("lightroom", "uid-1", "1-a")[1] == "uid-1.1-a"
    assert len({mark("lightroom", uid, rotated)[1] for uid in ("uid-1", "uid-2") for rotated in ("1-a", "1-b")}) == 4


def test_an_entry_of_an_earlier_rotation_says_nothing_of_this_one() -> None:
    old = Status(restarts=(Restart("Deployment", "web", "0-a", "Restarted"),), last_handled_rotation="0-a")
    assert due(rotation(WEB), old, {}, NOW) == (WEB,)


def test_a_workload_is_not_restarted_for_many_rotations_in_a_moment() -> None:
    known: dict[Workload, RestartAttempt] = {}
    for number in range(FREE_ROTATIONS):
        current = rotation(WEB, number=number)
        assert due(current, Status(), known, NOW) == (WEB,)
        known = {WEB: note(current, WEB, RESTARTED, known.get(WEB), NOW, 0.0)}
    following = rotation(WEB, number=FREE_ROTATIONS)
    assert due(following, Status(), known, NOW) == ()
    assert next_at(following, Status(), known, NOW) == NOW + LEAST_PAUSE
    assert due(following, Status(), known, NOW + LEAST_PAUSE) == (WEB,)
    later = NOW + timedelta(hours=1)
    assert note(following, WEB, RESTARTED, known[WEB], later, 0.0).rotations == 1
