"""Stalled: only what a person must mend, only where it stays, never beside a good token, and gone with its cause."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.status import Condition, Status
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core import attempts as attempt
from adobe_ims_operator.core import stalled
from adobe_ims_operator.core.decision import Ask, Decision, Wait
from adobe_ims_operator.core.model import Endpoint, Observed
from adobe_ims_operator.core.policy import decide
from adobe_ims_operator.core.stalled import FOR_A_PERSON, PATIENCE
from adobe_ims_operator.core.status import derive, is_worth_writing
from unit import worlds
from unit.worlds import ENDPOINT, INPUTS, NOW, change, facts, failure, observed, spec, token_secret

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
WRONG: dict[str, Any] = {"failure": failure(NOW + HOUR, Reason.INVALID_CLIENT)}


def turn(seen: Observed, now: datetime) -> tuple[Observed, Decision]:
    """Decide and note as one turn of a worker does."""
    decision = decide(seen, now)
    return replace(seen, attempts=stalled.note(seen.attempts, seen, decision, now)), decision


def status_of(seen: Observed, now: datetime, before: Status = Status()) -> Status:  # noqa: B008 - it is frozen
    noted, decision = turn(seen, now)
    return derive(noted, decision, before, now)


def after_patience(seen: Observed) -> Condition | None:
    """Stalled where the same was found at first and after a while."""
    noted, _ = turn(seen, NOW)
    return status_of(noted, NOW + PATIENCE).condition("Stalled")


@given(worlds.anything, worlds.instants)
def test_what_is_ready_or_may_mend_itself_is_never_stalled(seen: Observed, now: datetime) -> None:
    status = status_of(seen, now)
    condition = status.condition("Stalled")
    if condition is not None:
        assert condition.status == "True"
        assert not status.says("Ready", "True")
        assert seen.spec.suspend or condition.reason in FOR_A_PERSON


@pytest.mark.parametrize("reason", sorted(FOR_A_PERSON - {Reason.SPEC_INVALID}))
def test_what_only_a_person_can_mend_stalls_once_it_was_found_for_a_while(reason: Reason) -> None:
    seen, _ = turn(observed(None, failure=failure(NOW + HOUR, reason)), NOW)
    assert stalled.next_at(seen.attempts, NOW) == NOW + PATIENCE
    assert status_of(seen, NOW + PATIENCE - SECOND).condition("Stalled") is None
    condition = status_of(seen, NOW + PATIENCE).condition("Stalled")
    assert condition is not None
    assert (condition.status, condition.reason, condition.message) == ("True", reason, "it did not work")
    assert stalled.next_at(seen.attempts, NOW + PATIENCE) is None


def test_a_refusal_stalls_likewise_and_what_may_appear_by_itself_does_not() -> None:
    assert after_patience(observed(None, endpoint=Endpoint(ENDPOINT, allowed=False))) is not None
    assert after_patience(replace(observed(None), client=None)) is None
    assert after_patience(observed(None, failure=failure(NOW + HOUR))) is None


@pytest.mark.parametrize("earlier", [False, True])
def test_suspended_without_a_token_of_this_spec_stalls_at_once(earlier: bool) -> None:
    seen = observed(token_secret(facts(spec_digest="spec-0")) if earlier else None, spec=spec(suspend=True))
    condition = status_of(seen, NOW).condition("Stalled")
    assert condition is not None
    assert condition.reason == "Suspended"
    assert status_of(observed(token_secret(facts()), spec=spec(suspend=True)), NOW).condition("Stalled") is None


def test_patience_begins_again_where_the_finding_or_the_inputs_change() -> None:
    seen, _ = turn(observed(None, **WRONG), NOW)
    scope = change(seen, failure=failure(NOW + HOUR, Reason.INVALID_SCOPE))
    other = INPUTS._replace(client_digest="client-2")
    client = change(seen, inputs=other, failure=replace(failure(NOW + HOUR, Reason.INVALID_CLIENT), inputs=other))
    for changed in (scope, client):
        assert status_of(changed, NOW + HOUR / 2).condition("Stalled") is None


@pytest.mark.parametrize("in_flight", [False, True])
def test_it_goes_at_once_when_a_person_changes_the_inputs_and_stays_through_a_retry(in_flight: bool) -> None:
    seen, _ = turn(observed(None, **WRONG), NOW)
    stuck = status_of(seen, NOW + PATIENCE)
    retried = replace(change(seen, failure=failure(NOW, Reason.INVALID_CLIENT)), in_flight=in_flight)
    fixed = replace(change(seen, inputs=INPUTS._replace(client_digest="client-2")), in_flight=in_flight)
    for asking, stays in ((retried, True), (fixed, False)):
        asking = replace(asking, asking_since=NOW + PATIENCE)  # noqa: PLW2901 - both wait for IMS
        noted, decision = turn(asking, NOW + PATIENCE)
        assert isinstance(decision, Wait if in_flight else Ask)
        after = derive(noted, decision, stuck, NOW + PATIENCE)
        assert after.says("Stalled", "True") is stays
        assert is_worth_writing(noted, decision, stuck, after, NOW + PATIENCE) is not stays


def restarted(status: Status, **changes: Any) -> Observed:
    """What another process observes of a credential with that status."""
    seen = observed(None, status=status, **changes)
    return replace(seen, attempts=attempt.recall(seen.credential, NOW))


def test_a_restart_neither_takes_it_back_nor_says_it_again() -> None:
    seen, _ = turn(observed(None, **WRONG), NOW)
    stuck = status_of(seen, NOW + PATIENCE)
    assert status_of(restarted(stuck), NOW + PATIENCE + SECOND, stuck) == stuck
    assert not status_of(restarted(stuck, generation=4), NOW + PATIENCE + SECOND, stuck).says("Stalled", "True")


def test_an_upgrade_says_it_with_the_first_report() -> None:
    failing = Condition("RotationFailing", "True", "InvalidClient", "it did not work", 3, to_rfc3339(NOW - HOUR))
    status = Status(3, next_rotation_time=to_rfc3339(NOW + HOUR), conditions=(failing,))
    assert status_of(restarted(status), NOW, status).says("Stalled", "True")


def test_a_moment_that_lies_ahead_does_not_put_it_off_for_ever() -> None:
    seen = observed(None, **WRONG)
    ahead, _ = turn(seen, NOW + 10 * HOUR)
    back, _ = turn(ahead, NOW)
    assert status_of(back, NOW + PATIENCE).says("Stalled", "True")
