"""The core: what to do next for one credential, and when, as a function of what was observed.

It does no I/O, reads no clock and draws no random number: time and chance are arguments. Why something is to be done
is in `checks`; here is what follows from it. The reasons in conditions come from there or, for an attempt that
failed, from the error that it failed with.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, IntEnum

from adobe_ims_operator.api.resource import Status
from adobe_ims_operator.api.times import from_rfc3339, to_rfc3339
from adobe_ims_operator.core import claims
from adobe_ims_operator.core.checks import CLIENT_UNREAD, FRESHNESS, REFUSALS, ROTATIONS, due_at, first
from adobe_ims_operator.core.model import Failure, Finding, Observed

IDLE = timedelta(hours=1)
"""How long to wait at most, also where only a change can bring something to do."""
UNPLANNED_WINDOW = timedelta(minutes=10)
FREE_ROTATIONS = 10
"""More rotations than this that were not due, each within `UNPLANNED_WINDOW` of the one before, slow down: a program
that fights over the Secret, or a person's script, would burn tokens, and Adobe throttles who asks for too many."""
BRIEF = timedelta(seconds=30)
"""Who waits in line for an endpoint that throttles is not told more often how long: the endpoint may say another
time at each answer, to thousands that wait."""
FRESH = Finding("Rotated", "the token is fresh")
"""What is found where nothing is to be done."""
SECRET_UNREAD = Finding("SecretUnread", "the token Secret has a version that was not read yet")


class Pace(Enum):
    """How fast to try again, as (first delay, longest delay) in seconds; it doubles in between."""

    IMS = (5.0, 300.0)
    PERSON = (600.0, 600.0)
    API_SERVER = (1.0, 30.0)
    REFUSED_WRITE = (1.0, 300.0)
    REFUSED_RESTART = (5.0, 600.0)


class Action(Enum):
    """What to do."""

    FETCH = "ask IMS for a token"
    WRITE = "write the token that came"
    TELL = "say that the token expired, before the next one is asked for, which may take long"
    READ_SECRET = "look into the token Secret, since only its content tells whether it was edited"  # noqa: S105
    LOOK_UP = "look up the credential that has the token Secret, since it is not watched"
    READ_CLIENT = "look into the client Secret, since only its content tells whether it changed"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why."""

    action: Action
    finding: Finding
    look_again_at: datetime
    """When to decide anew at the latest; changes that are observed bring it forward."""
    attempt_at: datetime | None
    """When IMS is asked next, or None where that waits for a change."""
    refused: bool = False
    in_line: bool = False
    """Whether it waits a moment for its endpoint, which throttled others."""


def decide(observed: Observed, now: datetime) -> Decision:
    """Decide what to do for one credential at `now`."""
    if observed.own_secret is not None and observed.secret_intact is None:
        return Decision(Action.READ_SECRET, SECRET_UNREAD, now, None)
    if refusal := first(REFUSALS, observed, now):
        return Decision(Action.WAIT, refusal, _look_again(observed, now, None), None, refused=True)
    need = first(ROTATIONS, observed, now)
    if need is None:
        return _wait_until_due(observed, now)
    if need is CLIENT_UNREAD or (observed.pending and observed.inputs.client_digest is None):
        return Decision(Action.READ_CLIENT, need, now, None)
    attempt_at, gate = _not_before(observed, need, now)
    if now < attempt_at:
        own = observed.failure is not None and gate is observed.failure.finding
        in_line = gate.reason == "IMSRateLimited" and not own and attempt_at - now < BRIEF
        return Decision(Action.WAIT, gate, _look_again(observed, now, attempt_at), attempt_at, in_line=in_line)
    return Decision(_next_step(observed, now), need, now, now)


def _next_step(observed: Observed, now: datetime) -> Action:
    if claims.must_look_up(observed):
        return Action.LOOK_UP
    if observed.holds_token:
        return Action.WRITE
    expired = observed.facts is not None and now >= observed.facts.expires_at
    return Action.TELL if expired and observed.told_ready else Action.FETCH


def holds_fresh_token(observed: Observed, now: datetime) -> bool:
    """Whether the Secret holds a token that has not expired and was made from this very spec."""
    if observed.facts is None or first(FRESHNESS, observed, now):
        return False
    return now < observed.facts.expires_at


def problem(observed: Observed, decision: Decision) -> Finding | None:
    """What keeps the next rotation from succeeding, or None."""
    if decision.refused:
        return None if observed.spec.suspend else decision.finding
    if observed.last_failure is None or decision.finding is FRESH:
        return None
    return observed.last_failure.finding


class Turn(IntEnum):
    """Who goes before whom of those that are due at one endpoint."""

    PRESSING = 0
    """More than half of the time from when the rotation was due to when the token expires has passed, or all of it."""
    WITHOUT_TOKEN = 1
    ROUTINE = 2


def rank(observed: Observed, now: datetime) -> tuple[tuple[Turn, float], datetime | None]:
    """The place of one that is due, lower first, and until when that is its place, or None for good.

    Within a turn it is by when the token expires, in epoch seconds. Who needs a token goes before who still has one;
    but where new credentials come in faster than IMS answers, no token is left to expire for their sake.
    """
    facts = observed.facts
    if facts is None or first(FRESHNESS, observed, now):
        return (Turn.WITHOUT_TOKEN, 0.0), None
    due = due_at(facts, observed.spec.interval)
    pressing_at = due + (facts.expires_at - due) / 2
    if now < pressing_at:
        return (Turn.ROUTINE, facts.expires_at.timestamp()), pressing_at
    until = facts.expires_at if now < facts.expires_at else None
    return (Turn.PRESSING, facts.expires_at.timestamp()), until


def backoff(pace: Pace, failures: int, chance: float) -> timedelta:
    """How long to wait after so many failures in a row (1 or more); `chance` in [0, 1) takes off up to a fifth."""
    shortest, longest = pace.value
    exponent = min(failures - 1, 30)
    return timedelta(seconds=min(shortest * 2.0**exponent, longest) * (1 - chance / 5))


def recall_failure(status: Status, generation: int) -> Failure | None:
    """Take up the failure that an earlier process left in the status, so that a restart asks for nothing early."""
    failing = status.condition("RotationFailing")
    if failing is None or failing.status != "True" or status.next_rotation_time is None:
        return None
    if status.observed_generation != generation:
        return None
    try:
        retry_at = from_rfc3339(status.next_rotation_time)
    except ValueError:
        return None
    failures = status.failures or 1
    return Failure(Finding(failing.reason, failing.message), failures, failures, retry_at, None)


def _wait_until_due(observed: Observed, now: datetime) -> Decision:
    facts = observed.facts
    if facts is None:
        raise AssertionError("a credential without a token is always in need of one")
    due = due_at(facts, observed.spec.interval)
    return Decision(Action.WAIT, FRESH, _look_again(observed, now, due), due)


def _not_before(observed: Observed, need: Finding, now: datetime) -> tuple[datetime, Finding]:
    gates = [(now, need)]
    if observed.failure is not None:
        gates.append((observed.failure.retry_at, observed.failure.finding))
    if observed.endpoint_opens_at is not None and not observed.holds_token:
        until = f"{observed.endpoint} asked to be left alone until {to_rfc3339(observed.endpoint_opens_at)}"
        gates.append((observed.endpoint_opens_at, Finding("IMSRateLimited", until)))
    excess = observed.unplanned - FREE_ROTATIONS + 1
    if need.reason != "Due" and observed.last_unplanned is not None and excess > 0 and not observed.holds_token:
        often = f"{observed.unplanned} rotations in a row came before they were due; the latest because {need.message}"
        gates.append((observed.last_unplanned + backoff(Pace.IMS, excess, 0.0), Finding("RotatedTooOften", often)))
    # No wait is meant to be longer: a gate further ahead was set by a clock that was wrong.
    return max((gate for gate in gates if gate[0] <= now + IDLE), key=_moment)


def _moment(gate: tuple[datetime, Finding]) -> datetime:
    return gate[0]


def _look_again(observed: Observed, now: datetime, attempt_at: datetime | None) -> datetime:
    moments = [now + IDLE]
    if attempt_at is not None:
        moments.append(max(attempt_at, now))
    if observed.holder.again_at is not None:
        moments.append(max(observed.holder.again_at, now))
    if observed.facts is not None and observed.facts.expires_at > now:
        moments.append(observed.facts.expires_at)
    return min(moments)
