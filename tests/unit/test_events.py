"""Events tell of changes of state, once, and of nothing that is routine."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Workload
from adobe_ims_operator.api.status import Condition, Status
from adobe_ims_operator.core.events import Regarding, derive, of_restart, of_workload, of_write, to_json
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.restarts import RESTARTED, Rotation
from unit.worlds import NOW, credential, facts, observed, token_secret

KEYS = ("old", "new")


def status(
    ready: str = "True/Rotated",
    failing: str = "False/Rotated",
    key: str | None = "old",
    restarted: str = "",
    rotations: int = 0,
) -> Status:
    pairs = {"Ready": ready, "RotationFailing": failing, "WorkloadsRestarted": restarted}
    conditions = [
        Condition(kind, said.partition("/")[0], said.partition("/")[2], f"about {said}", 1)
        for kind, said in pairs.items()
        if said
    ]
    return Status(
        rotations=rotations,
        conditions=tuple(conditions),
        client_secret_key=key,
        expiration_time="2026-11-25T10:00:00Z",
    )


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
        (FINE, status(key="new", rotations=1), [("ClientSecretStopped", True)]),
        (FINE, status(key="new"), []),
        (Status(), status(key="new"), [("Rotated", False), ("ClientSecretStopped", True)]),
        (status(key="new", rotations=1), FINE, [("ClientSecretWorks", False)]),
        (status(key="gone", rotations=1), FINE, [("ClientSecretWorks", False)]),
        (FINE, status(restarted="True/Restarted"), []),
        (FINE, status(restarted="False/WorkloadNotFound"), [("WorkloadNotFound", True)]),
        (status(restarted="False/WorkloadNotFound"), status(restarted="False/WorkloadNotFound"), []),
        (FINE, status(restarted="False/RestartPending"), [("RestartPending", False)]),
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


HAD_ONE = Status(secret_name="lightroom-token", last_rotation_time="2026-11-24T10:00:00Z")
EDITED, MISSING_SECRET, DUE = (
    Finding(reason, str(reason)) for reason in (Reason.SECRET_EDITED, Reason.SECRET_MISSING, Reason.DUE)
)


@pytest.mark.parametrize(
    ("before", "need", "answered", "request_now", "reasons"),
    [
        (Status(), MISSING_SECRET, None, "", []),
        (Status(), MISSING_SECRET, None, "first", []),
        (HAD_ONE, MISSING_SECRET, None, "", ["SecretMissing"]),
        (replace(HAD_ONE, secret_name="of-before"), MISSING_SECRET, None, "", []),
        (HAD_ONE, EDITED, "", "", ["SecretEdited"]),
        (HAD_ONE, Finding(Reason.FACTS_DAMAGED, ""), None, "", ["FactsDamaged"]),
        (HAD_ONE, DUE, "one", "one", []),
        (HAD_ONE, DUE, "one", "two", ["Requested"]),
        (HAD_ONE, EDITED, "one", "two", ["SecretEdited", "Requested"]),
    ],
)
def test_a_write_that_heals_or_was_requested_is_told(
    before: Status, need: Finding, answered: str | None, request_now: str, reasons: list[str]
) -> None:
    secret = None if answered is None else token_secret(facts(rotate_request=answered))
    seen = observed(secret, status=before)
    assert [event.reason for event in of_write(seen, facts(rotate_request=request_now), need)] == reasons


def test_an_event_on_a_workload_has_the_same_name_for_one_rotation_and_another_for_the_next() -> None:
    def name(rotation_id: str, kind: str = "Deployment") -> str:
        workload = Workload(kind, "web")  # type: ignore[arg-type]
        event = of_restart(Regarding(credential().key, credential().uid), Rotation(rotation_id, NOW, 1, ()), RESTARTED)
        about = of_workload(workload, "photos", "uid-of-web")
        written: str = to_json(event, about, NOW, "operator-1")["metadata"]["name"]
        return written

    assert name("1-a") == name("1-a")
    assert len({name("1-a"), name("2-a"), name("1-a", "StatefulSet")}) == 3
