"""The core: what to do next for one credential, and when, as a function of what was observed.

It does no I/O, reads no clock and draws no random number: time and chance are arguments. Why something is to be done
is in `checks`; here is what follows from it. The reasons in conditions come from there or, for an attempt that
failed, from the error that it failed with.
"""

from datetime import datetime, timedelta

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core import claims, metadata, taking
from adobe_ims_operator.core.attempts import is_planned
from adobe_ims_operator.core.backoff import Pace, backoff
from adobe_ims_operator.core.checks import CLIENT_UNREAD, OF_THIS_SPEC, READINESS, REFUSALS, ROTATIONS, first
from adobe_ims_operator.core.decision import Ask, AskPriority, Decision, Look, Refuse, Take, Wait, Write
from adobe_ims_operator.core.due import due_at
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Failure, Observed, Step
from adobe_ims_operator.core.source import Shared

IDLE = timedelta(hours=1)
"""How long to wait at most, also where only a change can bring something to do."""
FREE_ROTATIONS = 10
"""More rotations in a row than this that were not due slow down: a program that fights over the Secret, or a person's
script, would burn tokens, and Adobe throttles who asks for too many."""
BRIEF = timedelta(seconds=30)
"""A wait that is shorter is not reported."""
FRESH = Finding(Reason.ROTATED, "the token is fresh")
"""What is found where nothing is to be done."""
SECRET_UNREAD = Finding(Reason.SECRET_UNREAD, "the token Secret has a version that was not read yet")


def decide(observed: Observed, now: datetime) -> Decision:
    """Decide what to do for one credential at `now`."""
    decision = _decide_on_token(observed, now)
    # The write of a token that is on its way brings the metadata too.
    if isinstance(decision, Wait | Refuse) and not observed.in_flight:
        return metadata.decide(observed, decision, now)
    return decision


def _decide_on_token(observed: Observed, now: datetime) -> Look | Write | Ask | Take | Wait | Refuse:
    if observed.own_secret is not None and observed.intact is None:
        return _look(observed, Step.READ_TOKEN_SECRET, SECRET_UNREAD, now)
    if refusal := first(REFUSALS, observed, now):
        if refusal.reason is Reason.CLIENT_SECRET_NOT_FOUND and not _was_looked_for(observed):
            return _look(observed, Step.READ_CLIENT_SECRET, refusal, now)  # somebody's large Secrets make a watch late
        return Refuse(refusal, _look_again(observed, now, None))
    if observed.secret is not None and observed.secret.credential_uid is None and observed.differences is None:
        return _look(observed, Step.READ_TOKEN_SECRET, SECRET_UNREAD, now)
    need = first(ROTATIONS, observed, now)
    if need is None:
        return _wait_until_due(observed, now)
    return _get_token(observed, need, now)


def _was_looked_for(observed: Observed) -> bool:
    return observed.spec.client is None or observed.spec.client.secret_name == observed.attempts.looked_for


def _get_token(observed: Observed, need: Finding, now: datetime) -> Look | Write | Ask | Take | Wait | Refuse:
    if observed.shared is not None:
        return _take(observed, observed.shared, need, now)
    pending = observed.attempts.failure is not None or observed.held is not None
    if need is CLIENT_UNREAD or (pending and observed.inputs.client_digest is None):
        return _look(observed, Step.READ_CLIENT_SECRET, need, now)
    return _write_or_ask(observed, need, now)


def _write_or_ask(observed: Observed, need: Finding, now: datetime) -> Look | Write | Ask | Wait:
    if claims.must_look_up(observed):
        return Look(Step.LOOK_UP, need)
    if holds_token(observed, now):
        return _gated(observed, Step.WRITE, need, now) or Write(need)
    return _ask(observed, need, now)


def _take(observed: Observed, shared: Shared, need: Finding, now: datetime) -> Look | Take | Wait | Refuse:
    if (problem := taking.not_ready(shared, need, now)) is not None:
        return Refuse(problem, _look_again(observed, now, None))
    if claims.must_look_up(observed):
        return Look(Step.LOOK_UP, need)
    gate = _gated(observed, Step.WRITE, need, now) or _gated(observed, Step.TAKE, need, now)
    return gate or Take(need, shared)


def holds_token(observed: Observed, now: datetime) -> bool:
    """Whether a token for these inputs is in hand, not due yet, and made with a client secret that is still there."""
    held = observed.held
    if held is None or held.inputs._replace(client_digest=None) != observed.inputs._replace(client_digest=None):
        return False
    same = held.inputs.client_digest == observed.inputs.client_digest
    if not same and observed.key_of_client_secret(held.facts) is None:
        return False
    return now < due_at(held.facts, observed.spec.interval)


def is_written(observed: Observed) -> bool:
    """Whether the token in hand is in the Secret, as a write whose answer was lost leaves it."""
    if observed.held is None or observed.facts is None or observed.intact is False:
        return False
    return observed.facts.rotation == observed.held.facts.rotation


def why_not_ready(observed: Observed, now: datetime) -> Finding | None:
    """Why the Secret holds no valid token of the present spec, or None where it does."""
    return first(READINESS, observed, now)


def problem(observed: Observed, decision: Decision, now: datetime) -> Finding | None:
    """What keeps the credential from being as it should, or None."""
    if isinstance(decision, Refuse):
        return None if observed.spec.suspend else decision.finding
    if isinstance(decision, Wait) and decision.finding.reason is Reason.ROTATED_TOO_OFTEN:
        return decision.finding  # what failed before was asked with other values
    attempts = observed.attempts
    rotated = isinstance(decision, Wait) and decision.finding is FRESH
    for failure in (None if rotated else attempts.failure, attempts.clean_up):
        if failure is not None and (failure.count > 1 or not failure.passing):
            return failure.finding
    if (trouble := metadata.problem(observed, now)) is not None:
        return trouble
    return decision.finding if isinstance(decision, Wait) and _is_held_up(decision, now) else None


def _is_held_up(decision: Wait, now: datetime) -> bool:
    """Whether it waits for something that is no failure of its own, and that somebody should know of."""
    if decision.finding.reason is not Reason.IMS_RATE_LIMITED:
        return False
    return decision.attempt_at is not None and decision.attempt_at - now >= BRIEF


def _look(observed: Observed, step: Step, need: Finding, now: datetime) -> Look | Wait:
    failure = _failed_look(observed, step)
    if failure is not None and is_gate(failure.retry_at, now):
        return _wait(observed, failure.finding, failure.retry_at, now)
    return Look(step, need)


def _failed_look(observed: Observed, step: Step) -> Failure | None:
    # Whatever the inputs are, and as long as the Secret is at the version that could not be read.
    failure = observed.attempts.failure
    secret = observed.secret if step is Step.READ_TOKEN_SECRET else observed.client
    version = None if secret is None else secret.version
    return failure if failure is not None and failure.step is step and failure.against == version else None


def _gated(observed: Observed, step: Step, need: Finding, now: datetime) -> Wait | None:
    failure = observed.failure if observed.failure is not None and observed.failure.step is step else None
    refused = observed.attempts.refused
    if step is Step.WRITE and refused is not None and refused.latest.spec_digest != observed.spec_digests.whole:
        failure = None  # what is no part of the token, such as a label, may be the remedy too
    if failure is None:  # to ask begins with a look into the client Secret, and to write may with one into the other
        failure = _failed_look(observed, Step.READ_CLIENT_SECRET if step is Step.ASK else Step.READ_TOKEN_SECRET)
    gates = [(failure.retry_at, failure.finding)] if failure is not None else []
    if refused is not None and (until := refused.gate()) is not None and step in (Step.WRITE, Step.ASK):
        gates.append((until, refused.latest.finding))  # a token that can't be written is not asked for
    if step in (Step.ASK, Step.TAKE):
        gates += _gates_of_asking(observed, need, now)
    ahead = [gate for gate in gates if is_gate(gate[0], now)]
    if not ahead:
        return None
    until, finding = max(ahead, key=_moment)
    return _wait(observed, finding, until, now)


def _gates_of_asking(observed: Observed, need: Finding, now: datetime) -> list[tuple[datetime, Finding]]:
    gates: list[tuple[datetime, Finding]] = []
    if (until := observed.throttled_until) is not None:
        message = f"{observed.endpoint.url} throttles this client (HTTP 429) until {to_rfc3339(until)}"
        gates.append((until, Finding(Reason.IMS_RATE_LIMITED, message)))
    count, last = observed.attempts.unplanned, observed.attempts.last_unplanned
    excess = count - FREE_ROTATIONS + 1
    if last is not None and excess > 0 and not is_planned(observed.attempts, need, now):
        often = f"{count} rotations in a row came before they were due, or again; the latest because {need.message}"
        gates.append((last + backoff(Pace.IMS, excess, 0.0), Finding(Reason.ROTATED_TOO_OFTEN, often)))
    return gates


def is_gate(until: datetime, now: datetime) -> bool:
    """Whether an attempt that may be made again at `until` has to wait."""
    # No wait is meant to be longer: a gate further ahead was set by a clock that was wrong.
    return now < until <= now + IDLE


def _moment(gate: tuple[datetime, Finding]) -> datetime:
    return gate[0]


def _ask(observed: Observed, need: Finding, now: datetime) -> Ask | Wait:
    if observed.in_flight:
        return Wait(need, _look_again(observed, now, None), now)
    if (gate := _gated(observed, Step.ASK, need, now)) is not None:
        return gate
    facts = observed.facts
    refused = _is_refused(observed.failure)
    if facts is None or first(OF_THIS_SPEC, observed, now):
        priority = AskPriority.RETRY if refused else AskPriority.WITHOUT_TOKEN
        return Ask(need, observed.endpoint.url, priority, None, None)
    if refused:
        return Ask(need, observed.endpoint.url, AskPriority.RETRY, None, facts.expires_at)
    due = due_at(facts, observed.spec.interval)
    urgent_at = due + (facts.expires_at - due) / 2
    return Ask(need, observed.endpoint.url, AskPriority.ROUTINE, urgent_at, facts.expires_at)


def _is_refused(failure: Failure | None) -> bool:
    return failure is not None and failure.step is Step.ASK and failure.pace is Pace.PERSON


def _wait_until_due(observed: Observed, now: datetime) -> Wait:
    facts = observed.facts
    if facts is None:
        raise AssertionError("a credential without a token is always in need of one")
    if observed.shared is not None:  # what comes next is up to its source
        return Wait(FRESH, _look_again(observed, now, taking.late_at(facts, observed.shared)), None)
    return _wait(observed, FRESH, due_at(facts, observed.spec.interval), now)


def _wait(observed: Observed, finding: Finding, until: datetime, now: datetime) -> Wait:
    return Wait(finding, _look_again(observed, now, until), until)


def _look_again(observed: Observed, now: datetime, attempt_at: datetime | None) -> datetime:
    moments = [now + IDLE]
    if attempt_at is not None:
        moments.append(max(attempt_at, now))
    if observed.source is not None:
        moments.append(now + taking.LOOK_AGAIN)
    if observed.holder.again_at is not None:
        moments.append(max(observed.holder.again_at, now))
    if observed.facts is not None and observed.facts.expires_at > now:
        moments.append(observed.facts.expires_at)
    return min(moments)
