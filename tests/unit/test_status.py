"""The status as a report: what it says in each state, and that it stays the same where nothing changed."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from adobe_ims_operator.api.resource import Condition, Status
from adobe_ims_operator.core.model import Finding, Observed
from adobe_ims_operator.core.policy import Action, Decision, decide
from adobe_ims_operator.core.status import derive, is_alike
from unit import worlds
from unit.worlds import INPUTS, NOW, facts, failure, observed, spec, token_secret

HOUR = timedelta(hours=1)
FAILED: dict[str, Any] = {"failure": failure(NOW + HOUR), "last_failure": failure(NOW + HOUR)}
FRESH = observed(token_secret(facts()))


def report(seen: Observed, now: datetime = NOW, before: Status = Status()) -> Status:  # noqa: B008 - it is frozen
    return derive(seen, decide(seen, now), before, now)


def conditions(status: Status) -> dict[str, tuple[str, str]]:
    return {condition.type: (condition.status, condition.reason) for condition in status.conditions}


@pytest.mark.parametrize(
    ("seen", "ready", "failing"),
    [
        (FRESH, ("True", "Rotated"), ("False", "Rotated")),
        (replace(FRESH, spec=spec(suspend=True)), ("True", "Suspended"), ("False", "Suspended")),
        (observed(None, spec=spec(suspend=True)), ("False", "Suspended"), ("False", "Suspended")),
        (
            replace(
                FRESH,
                inputs=INPUTS._replace(rotate_request="x"),
                **FAILED,
            ),
            ("True", "Rotated"),
            ("True", "IMSUnavailable"),
        ),
        (observed(None, **FAILED), ("False", "IMSUnavailable"), ("True", "IMSUnavailable")),
        (
            replace(FRESH, client=None),
            ("True", "Rotated"),
            ("True", "ClientSecretNotFound"),
        ),
        (
            observed(token_secret(facts(NOW - 30 * HOUR)), **FAILED),
            ("False", "IMSUnavailable"),
            ("True", "IMSUnavailable"),
        ),
        (observed(None, endpoint_opens_at=NOW + HOUR), ("False", "IMSRateLimited"), ("False", "IMSRateLimited")),
        (
            replace(
                FRESH,
                inputs=INPUTS._replace(spec_digest="spec-2"),
                **FAILED,
            ),
            ("False", "IMSUnavailable"),
            ("True", "IMSUnavailable"),
        ),
        (
            observed(token_secret(facts()), secret_intact=False, **FAILED),
            ("False", "IMSUnavailable"),
            ("True", "IMSUnavailable"),
        ),
        (
            observed(token_secret(facts(), credential_uid="uid-0"), predecessor_uid="uid-0", **FAILED),
            ("False", "IMSUnavailable"),
            ("True", "IMSUnavailable"),
        ),
        (replace(FRESH, last_failure=failure(NOW + HOUR)), ("True", "Rotated"), ("False", "Rotated")),
    ],
)
def test_warning_and_outage_are_told_apart(seen: Observed, ready: tuple[str, str], failing: tuple[str, str]) -> None:
    assert conditions(report(seen)) == {"Ready": ready, "RotationFailing": failing}


@given(worlds.anything, worlds.instants)
def test_ready_is_true_only_with_a_token_that_lives_and_is_of_this_spec(seen: Observed, now: datetime) -> None:
    decision = decide(seen, now)
    if decision.action is Action.WAIT:
        status = derive(seen, decision, Status(), now)
        ready = conditions(status)["Ready"][0] == "True"
        if ready:
            assert seen.facts is not None
            assert now < seen.facts.expires_at
            assert seen.facts.spec_digest == seen.inputs.spec_digest
            assert seen.secret_intact


@given(worlds.anything, worlds.instants)
def test_a_status_that_was_reported_is_not_reported_again(seen: Observed, now: datetime) -> None:
    decision = decide(seen, now)
    if decision.action is Action.WAIT:
        first = derive(seen, decision, Status(), now)
        assert derive(seen, decision, first, now + timedelta(seconds=5)) == first


def test_the_time_of_a_transition_moves_only_with_the_status() -> None:
    before = report(FRESH)
    failing = report(replace(FRESH, client=None), NOW + HOUR, before)
    ready, rotation = (failing.condition(kind) for kind in ("Ready", "RotationFailing"))
    assert ready is not None
    assert rotation is not None
    assert ready.last_transition_time == "2026-11-24T10:00:00Z"
    assert rotation.last_transition_time == "2026-11-24T11:00:00Z"


def test_conditions_of_others_are_kept() -> None:
    theirs = Condition("Audited", "True", "Fine", "", None, "2026-01-01T00:00:00Z")
    assert theirs in report(FRESH, before=Status(conditions=(theirs,))).conditions


def test_times_are_those_of_the_secret() -> None:
    status = report(FRESH)
    assert status.last_rotation_time == "2026-11-24T10:00:00Z"
    assert status.next_rotation_time == "2026-11-25T09:00:00Z"
    assert status.expiration_time == "2026-11-25T09:59:59Z"
    assert (status.rotations, status.failures, status.secret_version) == (1, 0, "101")


def test_a_change_of_the_secrets_metadata_alone_changes_no_status() -> None:
    before = report(FRESH)
    labelled = observed(token_secret(facts(), version=202))
    assert report(labelled, before=before) == before


def test_a_failure_of_what_is_no_longer_wanted_is_not_counted() -> None:
    assert report(replace(FRESH, last_failure=failure(NOW + HOUR, count=3))).failures == 0


def test_the_version_of_an_edited_secret_is_not_noted_lest_a_restart_takes_it_for_intact() -> None:
    edited = observed(token_secret(facts()), secret_intact=False, **FAILED)
    assert report(edited).secret_version is None


def test_of_two_rotations_within_a_second_the_version_of_the_second_is_noted() -> None:
    before = report(FRESH)
    again = observed(token_secret(replace(facts(), rotations=2), version=202))
    assert report(again, before=before).secret_version == "202"


REFUSED = replace(FRESH, inputs=INPUTS._replace(rotate_request="x"), **FAILED)
WAITING = Decision(Action.WAIT, Finding("IMSRateLimited", "left alone until then"), NOW, NOW + HOUR, in_line=True)


@pytest.mark.parametrize(
    ("before", "alike"),
    [
        (Status(), True),
        (report(FRESH), True),
        (report(REFUSED), False),
        (derive(observed(None), WAITING, Status(), NOW), False),
        (derive(replace(FRESH, generation=2), WAITING, Status(), NOW), False),
    ],
    ids=["never told", "only why and when", "failing before", "no token before", "another generation"],
)
def test_a_wait_in_line_is_like_what_was_told_where_nothing_but_its_length_changed(before: Status, alike: bool) -> None:
    assert is_alike(before, derive(FRESH, WAITING, before, NOW)) is alike
