"""Events tell of changes of state, once, and of nothing that is routine."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.status import Condition, Status
from adobe_ims_operator.core.events import derive

KEYS = ("old", "new")


def status(
    ready: str = "True/Rotated", failing: str = "False/Rotated", key: str | None = "old", restarted: str = ""
) -> Status:
    pairs = {"Ready": ready, "RotationFailing": failing, "WorkloadsRestarted": restarted}
    conditions = [
        Condition(kind, said.partition("/")[0], said.partition("/")[2], f"about {said}", 1)
        for kind, said in pairs.items()
        if said
    ]
    return Status(conditions=tuple(conditions), client_secret_key=key, expiration_time="2026-11-25T10:00:00Z")


def told(before: Status, after: Status) -> list[tuple[str, bool]]:
    return [(event.reason, event.warning) for event in derive(before, after, KEYS)]


FINE = status()
FAILING = status(failing="True/IMSUnavailable")
OUTAGE = status("False/Expired", "True/IMSUnavailable")
MISSING = status("False/TokenMissing", "True/IMSUnavailable")
SUSPENDED = status("True/Suspended", "False/Suspended")


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (Status(), FINE, [("Rotated", False)]),
        (FINE, FINE, []),
        (FINE, FAILING, [("IMSUnavailable", True)]),
        (FAILING, FAILING, []),
        (FAILING, status(failing="True/IMSResponseInvalid"), []),
        (FAILING, status(failing="True/InvalidClient"), [("InvalidClient", True)]),
        (FAILING, FINE, [("Rotated", False)]),
        (OUTAGE, FINE, [("Rotated", False)]),
        (Status(), MISSING, [("IMSUnavailable", True)]),
        (FAILING, OUTAGE, [("Expired", True)]),
        (FINE, OUTAGE, [("IMSUnavailable", True), ("Expired", True)]),
        (status("False/EarlierSpec"), OUTAGE, [("IMSUnavailable", True), ("Expired", True)]),
        (OUTAGE, OUTAGE, []),
        (FINE, MISSING, [("IMSUnavailable", True), ("TokenMissing", True)]),
        (FINE, SUSPENDED, [("Suspended", False)]),
        (SUSPENDED, SUSPENDED, []),
        (FINE, status("False/EarlierSpec"), [("EarlierSpec", True)]),
        (FINE, status(key="new"), [("ClientSecretStopped", True)]),
        (status(key="new"), FINE, [("ClientSecretWorks", False)]),
        (status(key="gone"), FINE, [("ClientSecretWorks", False)]),
        (FINE, status(restarted="True/Restarted"), []),
        (FINE, status(restarted="False/WorkloadNotFound"), [("WorkloadNotFound", True)]),
        (status(restarted="False/WorkloadNotFound"), status(restarted="False/WorkloadNotFound"), []),
    ],
)
def test_a_change_of_state_is_told_once(before: Status, after: Status, events: list[tuple[str, bool]]) -> None:
    assert told(before, after) == events


conditions = st.builds(
    status,
    st.sampled_from(["True/Rotated", "True/Suspended", "False/Expired", "False/TokenMissing"]),
    st.sampled_from(["False/Rotated", "False/Suspended", "True/IMSUnavailable", "True/InvalidClient"]),
    st.sampled_from(["old", "new", None]),
    st.sampled_from(["", "True/Restarted", "False/WorkloadNotFound"]),
)


@given(conditions)
def test_nothing_is_told_where_nothing_changed(same: Status) -> None:
    assert derive(same, same, KEYS) == []


@given(conditions, conditions)
def test_no_event_is_told_twice(before: Status, after: Status) -> None:
    events = derive(before, after, KEYS)
    assert len(events) == len(set(events))


@pytest.mark.parametrize(
    ("expires", "reason"),
    [("2026-11-25T10:00:00Z", "Expired"), ("2026-11-25T10:00:01Z", "TokenMissing"), (None, "TokenMissing")],
)
def test_a_token_that_is_lost_while_rotation_is_suspended_has_a_warning_of_its_own(
    expires: str | None, reason: str
) -> None:
    lost = Condition("Ready", "False", "Suspended", "lost", 1, "2026-11-25T10:00:00Z")
    after = replace(SUSPENDED, conditions=(lost, *SUSPENDED.conditions[1:]), expiration_time=expires)
    assert told(SUSPENDED, after) == [(reason, True)]
    assert told(after, after) == []
