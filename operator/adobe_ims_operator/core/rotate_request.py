"""What became of a request to rotate, as the status of a credential says it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Credential
from adobe_ims_operator.api.status import ROTATION_FAILING, Status
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.taking import request_refused

GRACE = timedelta(seconds=15)
"""How long a failure of before may stand after a request, as what it is about may just have been mended."""


class State(StrEnum):
    """How far a request is."""

    WAITING = "Waiting"
    ROTATED = "Rotated"
    FAILED = "Failed"
    SUPERSEDED = "Superseded"
    NOT_REQUESTED = "NotRequested"
    """The request could not be made, or would have done nothing."""
    SKIPPED = "Skipped"
    """It would have done nothing, and nobody named this credential."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a request is, and what the status says about it."""

    state: State
    message: str = ""


def suspended(program: str) -> str:
    """Why nothing is rotated, and what to do, for a person who called that program."""
    return f"rotation is suspended; run {program} resume"


def progress(credential: Credential, request: str, before: Status, waited: timedelta, program: str) -> Progress:
    """How far a request is.

    Args:
        request: the value of the annotation that was set.
        before: the status when it was set; a failure that stood there then is none of this request's.
        waited: how long ago it was set.
        program: what a person called.
    """
    status = credential.status
    if status.last_handled_rotate_request == request and credential.spec.taken_from is None:
        return Progress(State.ROTATED, f"Secret {credential.spec.secret.name} holds a new token")
    if credential.rotate_request != request:
        return Progress(State.SUPERSEDED, "another request took its place before it was answered")
    if (refusal := _refusal(credential, program)) is not None:
        return Progress(State.FAILED, refusal.message)
    failing = status.condition(ROTATION_FAILING)
    if failing is None or failing.status != "True" or failing.observed_generation != credential.generation:
        return Progress(State.WAITING)
    # An attempt writes another time for the next one. Where none is to come, the operator waits for a change, and
    # does not report again a refusal that stands.
    refused = status.next_rotation_time is None and waited >= GRACE
    if refused or _attempts(status) != _attempts(before):
        return Progress(State.FAILED, f"{failing.reason}: {failing.message}")
    return Progress(State.WAITING)


def _attempts(status: Status) -> tuple[object, ...]:
    failing = status.condition(ROTATION_FAILING)
    return (
        status.failures,
        status.next_rotation_time,
        failing and (failing.status, failing.reason, failing.last_transition_time),
    )


def why_not_to_ask(credential: Credential, program: str) -> str:
    """Why a request would do nothing; empty where it would."""
    refusal = _refusal(credential, program)
    return "" if refusal is None else f"{refusal.reason}: {refusal.message}"


def _refusal(credential: Credential, program: str) -> Finding | None:
    if credential.spec.suspend:
        return Finding(Reason.SUSPENDED, suspended(program))
    if credential.spec.taken_from is not None:
        return Finding(Reason.REQUEST_REFUSED, request_refused(credential.spec.taken_from))
    return None
