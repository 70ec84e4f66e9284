"""What the status of an object says whose turn ended by a defect of the operator.

It follows from the status before and from nothing that a turn is made from, since that is what failed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Credential
from adobe_ims_operator.api.status import READY, ROTATION_FAILING, UNOBSERVED, Condition, Status
from adobe_ims_operator.api.times import moment_or_none, to_rfc3339
from adobe_ims_operator.core.events import Event
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.status import MAX_CONDITIONS, OURS


def finding(error: Exception) -> Finding:
    """Describe a defect by its type. Its own text may quote what it failed on."""
    message = (
        f"a defect of the operator ({type(error).__name__}) ends each attempt; look into the operator's log, which "
        f"says where it is, and report it. The operator tries again each minute"
    )
    return Finding(Reason.OPERATOR_DEFECT, message)


def status_of(credential: Credential, found: Finding, now: datetime, again_at: datetime) -> Status:
    """The status of a credential; the token in the Secret may have expired meanwhile.

    What generation was observed stays, so that who waits for the present one goes on to wait.
    """
    before = credential.status
    ready, expires_at = before.condition(READY), moment_or_none(before.expiration_time)
    if ready is not None and ready.status == "True" and expires_at is not None and expires_at <= now:
        expired = f"the token expired at {before.expiration_time}; {found.reason}: {found.message}"
        moment = to_rfc3339(expires_at)
        ready = replace(ready, status="False", reason=Reason.EXPIRED, message=expired, last_transition_time=moment)
    elif ready is not None and ready.status == "True":
        ready = replace(ready, message=f"all was well when it was looked at last; {found.message}")
    elif ready is not None:
        ready = replace(ready, message=found.message)
    return replace(
        before,
        observed_generation=observed(before.observed_generation),
        reason=found.reason,
        next_rotation_time=to_rfc3339(again_at),
        failures=failures(before.conditions, before.failures),
        conditions=conditions(before.conditions, ready, OURS, found, credential.generation, now),
    )


def observed(generation: int | None) -> int:
    """The generation that was observed last, as it stays: a null would take away what the CRD says of a new object."""
    return UNOBSERVED if generation is None else generation


def conditions(
    before: Sequence[Condition],
    ready: Condition | None,
    ours: Sequence[str],
    found: Finding,
    generation: int,
    now: datetime,
) -> tuple[Condition, ...]:
    """The conditions that tell of a defect.

    Args:
        ready: the one of that type; None where there was none.
        ours: the types that the operator writes.
    """
    moment = to_rfc3339(now)
    if ready is None:
        ready = Condition(READY, "Unknown", found.reason, found.message, generation, moment)
    old = _failing(before)
    since = old.last_transition_time if old is not None and old.status == "True" else moment
    failing = Condition(ROTATION_FAILING, "True", found.reason, found.message, generation, since)
    kept = [each for each in before if each.type in ours and each.type not in (READY, ROTATION_FAILING)]
    others = [each for each in before if each.type not in ours]
    return (ready, failing, *kept, *others)[:MAX_CONDITIONS]


def failures(before: Sequence[Condition], count: int | None) -> int:
    """How many attempts in a row ended by a defect, after one more."""
    return (count or 0) + 1 if _is_told(before) else 1


def events(before: Sequence[Condition], found: Finding) -> list[Event]:
    """One for the first of a row."""
    return [] if _is_told(before) else [Event(found.reason, found.message, warning=True, logged=True)]


def _is_told(before: Sequence[Condition]) -> bool:
    failing = _failing(before)
    return failing is not None and failing.status == "True" and failing.reason == Reason.OPERATOR_DEFECT


def _failing(before: Sequence[Condition]) -> Condition | None:
    return next((condition for condition in before if condition.type == ROTATION_FAILING), None)
