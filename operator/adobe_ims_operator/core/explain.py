"""What happens next to one credential and why, in words for a person; and how it stands, from its status alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from adobe_ims_operator.api.reasons import Reason, Unreported, parse_reason
from adobe_ims_operator.api.resource import Credential
from adobe_ims_operator.api.status import READY, ROTATION_FAILING
from adobe_ims_operator.api.times import moment_or_none, to_rfc3339
from adobe_ims_operator.core import policy
from adobe_ims_operator.core.decision import Ask, Decision, Look, Refuse, Take, Wait, Write, WriteMetadata
from adobe_ims_operator.core.model import Observed

LATE = timedelta(minutes=5)
"""How long after the time that a status names for the next attempt an operator at work has reported another."""


class Action(StrEnum):
    """What is done next."""

    NOTHING = "Nothing"
    ROTATE = "Rotate"
    RETRY = "Retry"
    READ = "Read"
    WRITE = "Write"


@dataclass(frozen=True, slots=True)
class Next:
    """The next step; `at` is None where it waits for a change."""

    action: Action
    at: datetime | None
    reason: str
    message: str


def check_the_operator(program: str) -> str:
    """What to do where the operator should have reported something, for a person who called that program."""
    return f"check that the operator runs: {program} check"


def next_step(observed: Observed, decision: Decision, now: datetime, program: str) -> Next:
    """Say what follows from a decision that was made at `now`; `program` is what a person called."""
    match decision:
        case Wait(finding=finding, attempt_at=None) if finding is policy.FRESH and observed.source is not None:
            message = f"the token is replaced when AdobeIMSCredential {observed.source.key} holds another"
            return Next(Action.ROTATE, None, Reason.SOURCE_ROTATED, message)
        case Refuse(finding=finding) | Wait(finding=finding, attempt_at=None):
            return Next(Action.NOTHING, None, finding.reason, f"nothing, until this changes: {finding.message}")
        case Wait(finding=finding, attempt_at=at) if finding is policy.FRESH:
            return Next(Action.ROTATE, at, Reason.DUE, f"the token is replaced at {_moment(at)}, when it is due")
        case Wait(finding=finding, attempt_at=at):
            return Next(Action.RETRY, at, finding.reason, f"the next attempt is at {_moment(at)}: {finding.message}")
        case Look() | Ask() | Take() | Write() | WriteMetadata():
            action, what = _step(decision, observed)
            message = f"now {what}: {decision.need.message}; if this stays, {check_the_operator(program)}"
            return Next(action, now, decision.need.reason, message)


def _step(decision: Look | Ask | Take | Write | WriteMetadata, observed: Observed) -> tuple[Action, str]:
    match decision:
        case Ask():
            endpoint = observed.spec.endpoint or "the default endpoint of the operator"
            return Action.ROTATE, f"{endpoint} is asked for a token"
        case Take(source=source):
            return Action.ROTATE, f"the token of AdobeIMSCredential {source.key} is taken"
        case Look(step=step):
            return Action.READ, f"the operator is to {step.value}"
        case Write():
            return Action.WRITE, "the token is written"
        case WriteMetadata():
            return Action.WRITE, f"the metadata of Secret {observed.spec.secret.name} is written"


def _moment(at: datetime | None) -> str:
    return "an unknown time" if at is None else to_rfc3339(at)


@dataclass(frozen=True, slots=True)
class Summary:
    """How a credential stands, as its status and the time of day say it."""

    ready: bool
    failing: bool
    reason: str
    """A `Reason` or an `Unreported`, or what an operator of another version reported."""
    message: str
    cause: str | None = None
    """The reason why it can't be rotated, where the operator reports one; None where it reports none."""

    @property
    def well(self) -> bool:
        """Whether nobody has to look at it."""
        return self.ready and not self.failing


def summarize(credential: Credential, now: datetime, program: str) -> Summary:
    """Sum up a status; one that no operator keeps up to date is not believed beyond the times that it names.

    Args:
        program: what a person called.
    """
    status, advice = credential.status, check_the_operator(program)
    ready, failing = status.condition(READY), status.condition(ROTATION_FAILING)
    if ready is None:
        old = now - credential.created > LATE
        message = "no operator has reported on it yet" + (f"; {advice}" if old else "")
        return Summary(ready=False, failing=old, reason=Unreported.UNOBSERVED, message=message)
    is_ready, is_failing = ready.status == "True", failing is not None and failing.status == "True"
    why = failing.reason if is_failing and failing is not None else None
    expires = moment_or_none(status.expiration_time)
    if is_ready and expires is not None and expires <= now:
        message = f"the token expired at {to_rfc3339(expires)}, and no operator has reported it; {advice}"
        return Summary(ready=False, failing=True, reason=Reason.EXPIRED, message=message, cause=why)
    due = moment_or_none(status.next_rotation_time)
    if due is not None and due + LATE < now:
        message = f"the attempt that was due at {to_rfc3339(due)} is not reported; {advice}"
        return Summary(ready=is_ready, failing=True, reason=Unreported.OVERDUE, message=message, cause=why)
    cause = failing if is_failing and failing is not None else ready
    message = ready.message if not is_ready and cause is failing and cause.message in ready.message else cause.message
    return Summary(is_ready, is_failing, status.reason or cause.reason, message, why)


def is_reported(credential: Credential, reason: Reason) -> bool:
    """Whether the operator reported, of the present generation, that this keeps it from rotating."""
    failing = credential.status.condition(ROTATION_FAILING)
    if failing is None or failing.status != "True":
        return False
    return failing.observed_generation == credential.generation and parse_reason(failing.reason) is reason
