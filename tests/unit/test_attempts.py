"""What a process remembers: which attempts count, and what ends a wait that an earlier process began."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core import attempts as attempt
from adobe_ims_operator.core.attempts import UNPLANNED_WINDOW
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Attempts, Failure, Inputs, Step, Trouble
from adobe_ims_operator.core.seen_secrets import SeenClientSecret, SeenTokenSecret
from unit.worlds import INPUTS, NOW

DUE, EDITED = Finding(Reason.DUE, "it is due"), Finding(Reason.SECRET_EDITED, "it was edited")
DOWN = Trouble(Finding(Reason.IMS_UNAVAILABLE, "down"), Pace.IMS)
WRONG = Trouble(Finding(Reason.INVALID_CLIENT, "wrong"), Pace.PERSON)
CONFLICT = Trouble(Finding(Reason.SECRET_WRITE_FAILED, "conflict"), Pace.API_SERVER, passing=True)
NONE = Attempts("uid-1")


def fail(before: Attempts, trouble: Trouble, step: Step = Step.ASK, inputs: Inputs = INPUTS) -> Attempts:
    return attempt.failed(before, step, trouble, inputs, NOW, 0.0)


def waits(*troubles: Trouble) -> list[float]:
    found, state = [], NONE
    for trouble in troubles:
        state = fail(state, trouble)
        assert state.failure is not None
        found.append((state.failure.retry_at - NOW).total_seconds())
    return found


def test_only_attempts_that_were_not_due_and_are_no_retry_count() -> None:
    one = attempt.asked(NONE, DUE, INPUTS, NOW)
    assert one.unplanned == 0
    one = fail(attempt.asked(one, EDITED, INPUTS, NOW), DOWN)
    one = attempt.asked(one, EDITED, INPUTS, NOW)
    assert one.unplanned == 1
    assert attempt.asked(one, EDITED, INPUTS._replace(client_digest="client-2"), NOW).unplanned == 2


def test_a_quiet_time_ends_the_count() -> None:
    one = NONE
    for _ in range(5):
        one = attempt.asked(one, EDITED, INPUTS, NOW)
    assert attempt.asked(one, EDITED, INPUTS, NOW + UNPLANNED_WINDOW).unplanned == 1


def test_the_pace_goes_by_the_failures_for_one_reason_and_the_count_by_all() -> None:
    assert waits(*7 * [WRONG], DOWN, DOWN) == [*7 * [600], 5, 10]
    one = fail(fail(fail(NONE, WRONG), WRONG), DOWN)
    assert one.failure is not None
    assert one.failure.count == 3


def test_failures_of_several_kinds_that_time_mends_back_off_together() -> None:
    throttled = Trouble(Finding(Reason.IMS_RATE_LIMITED, "throttled"), Pace.IMS)
    assert waits(*3 * [DOWN, throttled]) == [5, 10, 20, 40, 80, 160]


def test_an_answer_that_names_a_time_is_waited_for_as_it_says() -> None:
    assert waits(replace(DOWN, after=timedelta(seconds=77))) == [77]


def test_what_is_likely_gone_a_moment_later_is_tried_again_at_once_and_then_ever_more_slowly() -> None:
    assert waits(*5 * [CONFLICT]) == [0, 2, 4, 8, 16]


def test_a_failure_of_an_earlier_process_is_one_of_what_is_read_first() -> None:
    recalled = replace(NONE, failure=Failure(Step.ASK, DOWN.finding, 1, 1, Pace.IMS, NOW, None))
    one = attempt.saw_client_secret(recalled, "oauth", SeenClientSecret(7, "client-1", "id"), INPUTS)
    assert one.failure is not None
    assert one.failure.inputs == INPUTS
    one = attempt.saw_client_secret(one, "oauth", SeenClientSecret(8, "client-2", "id"), INPUTS)
    assert one.failure is not None
    assert one.failure.inputs == INPUTS


def test_a_token_that_came_and_one_that_is_written_end_the_failures() -> None:
    failing = fail(NONE, DOWN)
    assert attempt.token_came(failing, NOW).failure is None
    refused = fail(NONE, CONFLICT, Step.WRITE)
    assert attempt.written(refused, 7) == replace(NONE, token_secret=SeenTokenSecret(7, intact=True))


@pytest.mark.parametrize("step", [Step.READ_TOKEN_SECRET, Step.READ_CLIENT_SECRET, Step.ASK])
def test_a_look_that_succeeds_ends_the_failures_of_such_looks_and_of_no_other_step(step: Step) -> None:
    failing = fail(NONE, DOWN, step)
    after = {
        Step.READ_TOKEN_SECRET: attempt.saw_token_secret(failing, SeenTokenSecret(7, intact=True)),
        Step.READ_CLIENT_SECRET: attempt.saw_client_secret(
            failing, "oauth", SeenClientSecret(7, "client-1", "id"), INPUTS
        ),
    }
    for looked_at, one in after.items():
        assert (one.failure is None) is (looked_at is step)


def test_a_secret_that_could_not_be_deleted_is_remembered_until_it_is() -> None:
    trouble = Trouble(Finding(Reason.OLD_SECRET_NOT_DELETED, "no"), Pace.REFUSED_WRITE)
    one = attempt.clean_up_failed(attempt.clean_up_failed(NONE, trouble, NOW, 0.0), trouble, NOW, 0.0)
    assert one.clean_up is not None
    assert (one.clean_up.count, one.clean_up.retry_at) == (2, NOW + timedelta(seconds=10))
    assert attempt.cleaned_up(one) == NONE


def test_a_token_that_is_due_sooner_than_the_one_before_said_is_not_planned() -> None:
    came = attempt.token_came(NONE, NOW + timedelta(hours=23))
    assert attempt.asked(came, DUE, INPUTS, NOW + timedelta(hours=23)).unplanned == 0
    one = attempt.asked(came, DUE, INPUTS, NOW)
    assert (one.unplanned, one.last_unplanned) == (1, NOW)


def test_of_a_token_that_is_due_and_does_not_come_each_asking_with_another_client_secret_counts_but_the_first() -> None:
    one, counts = NONE, []
    for number in range(4):
        inputs = INPUTS._replace(client_digest=f"client-{number}")
        one = fail(attempt.asked(one, DUE, inputs, NOW), WRONG, inputs=inputs)
        one = fail(attempt.asked(one, DUE, inputs, NOW), WRONG, inputs=inputs)  # a retry
        counts.append(one.unplanned)
        gone = Trouble(Finding(Reason.CLIENT_SECRET_NOT_FOUND, "gone"), Pace.PERSON)
        one = fail(one, gone, Step.READ_CLIENT_SECRET, inputs)
        one = attempt.saw_client_secret(one, "oauth", SeenClientSecret(number, f"client-{number}", "id"), inputs)
    assert counts == [0, 1, 2, 3]
    later = NOW + timedelta(hours=23)
    assert attempt.asked(attempt.token_came(one, later), DUE, INPUTS, later).unplanned == 3


def test_a_token_that_is_asked_for_after_one_that_could_not_be_written_counts() -> None:
    refused = fail(NONE, Trouble(Finding(Reason.SECRET_WRITE_REFUSED, "no"), Pace.REFUSED_WRITE), Step.WRITE)
    assert attempt.asked(refused, EDITED, INPUTS, NOW).unplanned == 1
