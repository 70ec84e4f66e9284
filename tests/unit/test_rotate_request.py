"""What became of a request to rotate is read from the status, and no failure of before counts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adobe_ims_operator.api.resource import Credential
from adobe_ims_operator.api.status import Condition, Status
from adobe_ims_operator.core.rotate_request import GRACE, State, progress
from unit.worlds import credential, spec

PROGRAM = "kubectl adobe-ims"
FAILING = Condition("RotationFailing", "True", "IMSUnavailable", "no answer", observed_generation=3)
BEFORE = Status(3, failures=2, next_rotation_time="2026-11-24T10:00:00Z", conditions=(FAILING,))


def asked(status: Status = BEFORE, **changes: object) -> Credential:
    return replace(credential(rotate_request="now", status=status), **changes)  # type: ignore[arg-type]


def test_a_refusal_of_before_counts_once_the_operator_had_time_to_take_it_back() -> None:
    refused = replace(BEFORE, next_rotation_time=None)
    assert progress(asked(refused), "now", refused, GRACE - timedelta(seconds=1), PROGRAM).state is State.WAITING
    assert progress(asked(refused), "now", refused, GRACE, PROGRAM).state is State.FAILED


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (asked(), State.WAITING),
        (asked(Status()), State.WAITING),
        (asked(replace(BEFORE, last_handled_rotate_request="now")), State.ROTATED),
        (asked(replace(BEFORE, failures=3)), State.FAILED),
        (asked(replace(BEFORE, next_rotation_time="2026-11-24T10:05:00Z")), State.FAILED),
        (asked(replace(BEFORE, next_rotation_time=None)), State.FAILED),
        (asked(replace(BEFORE, conditions=(replace(FAILING, last_transition_time="later"),))), State.FAILED),
        (asked(replace(BEFORE, failures=3), generation=4), State.WAITING),
        (asked(rotate_request="another"), State.SUPERSEDED),
        (asked(spec=spec(suspend=True)), State.FAILED),
        (asked(Status(3, conditions=(replace(FAILING, status="False"),))), State.WAITING),
    ],
    ids=str,
)
def test_the_state_of_a_request(found: Credential, state: State) -> None:
    assert progress(found, "now", BEFORE, timedelta(), PROGRAM).state is state
