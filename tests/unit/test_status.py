"""The status as a report: what it says in each state, and that it stays the same where nothing changed."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Workload
from adobe_ims_operator.api.status import Condition, Status
from adobe_ims_operator.core.decision import Ask, Refuse, Wait
from adobe_ims_operator.core.model import Observed, Step
from adobe_ims_operator.core.policy import decide
from adobe_ims_operator.core.status import LATE, NEW, derive, is_worth_writing, when_to_report
from unit import worlds
from unit.worlds import INPUTS, NOW, change, facts, failure, observed, spec, token_secret

HOUR = timedelta(hours=1)
FAILED: dict[str, Any] = {"failure": failure(NOW + HOUR)}
FRESH = observed(token_secret(facts()))


def report(seen: Observed, now: datetime = NOW, before: Status = Status()) -> Status:  # noqa: B008 - it is frozen
    return derive(seen, decide(seen, now), before, now)


def conditions(status: Status) -> dict[str, tuple[str, str]]:
    return {condition.type: (condition.status, condition.reason) for condition in status.conditions}


@pytest.mark.parametrize(
    ("seen", "ready", "failing"),
    [
        (FRESH, ("True", "Rotated"), ("False", "Rotated")),
        (change(FRESH, spec=spec(suspend=True)), ("True", "Suspended"), ("False", "Suspended")),
        (observed(None, spec=spec(suspend=True)), ("False", "Suspended"), ("False", "Suspended")),
        (
            change(
                FRESH,
                inputs=INPUTS._replace(rotate_request="x"),
                **FAILED,
            ),
            ("True", "Rotated"),
            ("True", "IMSUnavailable"),
        ),
        (observed(None, **FAILED), ("False", "TokenMissing"), ("True", "IMSUnavailable")),
        (
            replace(FRESH, client=None),
            ("True", "Rotated"),
            ("True", "ClientSecretNotFound"),
        ),
        (
            observed(token_secret(facts(NOW - 30 * HOUR)), **FAILED),
            ("False", "Expired"),
            ("True", "IMSUnavailable"),
        ),
        (observed(None, throttled_until=NOW + HOUR), ("False", "TokenMissing"), ("True", "IMSRateLimited")),
        (
            change(
                FRESH,
                inputs=INPUTS._replace(spec_digest="spec-2"),
                **FAILED,
            ),
            ("False", "EarlierSpec"),
            ("True", "IMSUnavailable"),
        ),
        (
            observed(token_secret(facts()), intact=False, **FAILED),
            ("False", "TokenMissing"),
            ("True", "IMSUnavailable"),
        ),
        (
            observed(token_secret(facts(credential_uid="uid-0"), credential_uid="uid-0"), **FAILED),
            ("False", "TokenMissing"),
            ("True", "IMSUnavailable"),
        ),
        (change(FRESH, failure=failure(NOW + HOUR)), ("True", "Rotated"), ("False", "Rotated")),
    ],
)
def test_warning_and_outage_are_told_apart(seen: Observed, ready: tuple[str, str], failing: tuple[str, str]) -> None:
    found = conditions(report(seen))
    assert (found["Ready"], found["RotationFailing"]) == (ready, failing)


@given(worlds.anything, worlds.instants)
def test_ready_is_true_only_with_a_token_that_lives_and_is_of_this_spec(seen: Observed, now: datetime) -> None:
    decision = decide(seen, now)
    if isinstance(decision, Wait | Refuse):
        status = derive(seen, decision, Status(), now)
        ready = conditions(status)["Ready"][0] == "True"
        if ready:
            assert seen.facts is not None
            assert now < seen.facts.expires_at
            assert seen.is_of_this_spec
            assert seen.intact


@given(worlds.anything, worlds.instants)
def test_a_status_that_was_reported_is_not_reported_again(seen: Observed, now: datetime) -> None:
    decision = decide(seen, now)
    if isinstance(decision, Wait | Refuse):
        first = derive(seen, decision, Status(), now)
        assert derive(seen, decision, first, now + timedelta(seconds=5)) == first


UNROLLED = Condition("WorkloadsRestarted", "False", "WorkloadNotFound", "there is no Deployment web", 3, "then")
WITH_RESTART = {"spec": spec(restart=(Workload("Deployment", "web"),))}


@pytest.mark.parametrize(
    ("seen", "before", "reason"),
    [
        (FRESH, Status(), "Rotated"),
        (change(FRESH, spec=spec(suspend=True)), Status(), "Suspended"),
        (observed(None, **FAILED), Status(), "TokenMissing"),
        (replace(FRESH, client=None), Status(), "ClientSecretNotFound"),
        (change(FRESH, **WITH_RESTART), Status(conditions=(UNROLLED,)), "WorkloadNotFound"),
        (change(FRESH, **WITH_RESTART), Status(conditions=(replace(UNROLLED, status="True"),)), "Rotated"),
        (change(replace(FRESH, client=None), **WITH_RESTART), Status(conditions=(UNROLLED,)), "ClientSecretNotFound"),
    ],
    ids=["fine", "suspended", "outage", "failing", "not restarted", "restarted", "failing and not restarted"],
)
def test_the_reason_is_that_of_what_is_worst(seen: Observed, before: Status, reason: str) -> None:
    assert report(seen, before=before).reason == reason


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


def test_the_request_that_was_answered_is_told_unless_an_older_version_answered_it() -> None:
    answered = observed(token_secret(facts(rotate_request="release-42")))
    assert report(answered).last_handled_rotate_request == "release-42"
    older = replace(report(answered), last_handled_rotate_request=None)
    assert report(answered, before=older) == older, "an upgrade writes nothing for it"
    again = observed(token_secret(replace(facts(rotate_request="release-42"), rotations=2)))
    assert report(again, before=older).last_handled_rotate_request == "release-42"
    assert report(FRESH, before=report(answered)).last_handled_rotate_request is None


def test_a_failure_of_what_is_no_longer_wanted_is_not_counted() -> None:
    assert report(change(FRESH, failure=failure(NOW + HOUR, count=3))).failures == 0


def test_the_version_of_an_edited_secret_is_not_noted_lest_a_restart_takes_it_for_intact() -> None:
    edited = observed(token_secret(facts()), intact=False, **FAILED)
    assert report(edited).secret_version is None


def test_of_two_rotations_within_a_second_the_version_of_the_second_is_noted() -> None:
    before = report(FRESH)
    again = observed(token_secret(replace(facts(), rotations=2), version=202))
    assert report(again, before=before).secret_version == "202"


ASKING = observed(token_secret(facts(NOW - 23 * HOUR)), asking_since=NOW)
DELETED = observed(None, asking_since=NOW)
TOLD = report(FRESH)
EXPIRES = NOW + HOUR - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("seen", "before", "now", "at"),
    [
        (ASKING, TOLD, NOW, EXPIRES),
        (ASKING, TOLD, EXPIRES, EXPIRES),
        (DELETED, TOLD, NOW, NOW + LATE),
        (change(DELETED, seen_at=NOW - HOUR), Status(), NOW, NOW - HOUR + NEW),
        (change(observed(None), seen_at=NOW), Status(), NOW, NOW + NEW),
        (DELETED, report(observed(None)), NOW, None),
        (observed(None), TOLD, NOW, None),
    ],
    ids=["still valid", "expired", "lost", "never reported", "never reported and not asking", "reported", "not asking"],
)
def test_what_is_reported_while_ims_is_asked(
    seen: Observed, before: Status, now: datetime, at: datetime | None
) -> None:
    assert when_to_report(seen, before, now) == at


@given(worlds.anything, worlds.instants, st.booleans(), st.sampled_from([Status(), Status(observed_generation=-1)]))
def test_a_new_credential_is_reported_soon_whatever_it_waits_for_and_since_when(
    seen: Observed, now: datetime, asks: bool, before: Status
) -> None:
    seen = change(seen, asking_since=now if asks else None, seen_at=now - NEW)
    decision = decide(seen, now)
    if isinstance(decision, Ask | Wait | Refuse):
        assert when_to_report(seen, before, now) == now
        assert is_worth_writing(seen, decision, before, derive(seen, decision, before, now), now)


@pytest.mark.parametrize("in_flight", [True, False])
def test_that_a_token_expired_is_reported_at_that_moment_while_ims_is_asked(in_flight: bool) -> None:
    for now, worth in ((EXPIRES - timedelta(seconds=1), False), (EXPIRES, True)):
        seen = replace(ASKING, in_flight=in_flight)
        decision = decide(seen, now)
        assert isinstance(decision, Ask | Wait)
        after = derive(seen, decision, TOLD, now)
        assert is_worth_writing(seen, decision, TOLD, after, now) is worth
        assert (conditions(after)["Ready"] == ("False", "Expired")) is worth


@pytest.mark.parametrize(("seconds", "worth"), [(1, False), (29, False), (30, True), (3600, True)])
def test_only_a_long_wait_for_a_throttled_client_is_reported_by_those_that_were_not_throttled_themselves(
    seconds: int, worth: bool
) -> None:
    until = NOW + timedelta(seconds=seconds)
    waiting = observed(token_secret(facts(NOW - 23 * HOUR)), throttled_until=until)
    before = report(replace(waiting, throttled_until=NOW + 2 * HOUR), NOW - HOUR)
    decision = decide(waiting, NOW)
    assert is_worth_writing(waiting, decision, before, derive(waiting, decision, before, NOW), NOW) is worth
    throttled = change(waiting, failure=failure(until, Reason.IMS_RATE_LIMITED))
    decision = decide(throttled, NOW)
    assert is_worth_writing(throttled, decision, before, derive(throttled, decision, before, NOW), NOW)


def test_the_first_conflict_of_a_row_is_no_news_and_the_second_is() -> None:
    for count, failing in ((1, "False"), (2, "True")):
        conflict = replace(failure(NOW + HOUR, Reason.SECRET_WRITE_FAILED, count, Step.WRITE), passing=True)
        status = report(observed(None, held=worlds.held(), failure=conflict))
        assert conditions(status)["RotationFailing"][0] == failing


def test_an_old_secret_that_is_not_deleted_is_reported_although_the_new_one_holds_a_token() -> None:
    kept = failure(NOW + HOUR, Reason.OLD_SECRET_NOT_DELETED, 3, Step.CLEAN_UP)
    status = report(change(FRESH, clean_up=kept))
    assert conditions(status) == {"Ready": ("True", "Rotated"), "RotationFailing": ("True", "OldSecretNotDeleted")}
    assert status.failures == 3
