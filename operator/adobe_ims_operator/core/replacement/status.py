"""The status of an AdobeIMSClientSecret: what was observed and decided, and what a person can do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adobe_ims_operator.api.client_secret_ledger import Draining, Ledger, Orphaned, Slot, Steady
from adobe_ims_operator.api.client_secret_status import (
    MAX_LISTED,
    MAX_USERS,
    OLD_CLIENT_SECRET_IN_USE,
    ClientSecretStatus,
    ReportedClientSecret,
    Role,
)
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.status import READY, ROTATION_FAILING, Condition
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement import checks, drain, due, evidence, findings, keep, look, obstacles
from adobe_ims_operator.core.replacement.decision import Decision, Refuse, Wait
from adobe_ims_operator.core.replacement.failure import Failure
from adobe_ims_operator.core.replacement.listing import ListedClientSecret
from adobe_ims_operator.core.replacement.model import ManagedSecret, Now, Observed, Step, UnreadSecret
from adobe_ims_operator.core.stalled import STALLED

MAX_CONDITIONS = 8
OURS = (READY, ROTATION_FAILING, STALLED, OLD_CLIENT_SECRET_IN_USE)
"""The types of conditions that the operator writes; others stay as they are."""
_BLOCKING = frozenset({
    Reason.OLD_CLIENT_SECRET_IN_USE,
    Reason.OLD_CLIENT_SECRET_KEPT,
    Reason.ADDED_CLIENT_SECRET_UNKNOWN,
})  # fmt: skip
"""What is as it should be until the next replacement is due."""
_DRAINED_WITHIN = timedelta(days=1)
"""How long the old one may still drain once the next replacement is due: a short interval leaves no more time."""
_CONFIRMED_WITHIN = timedelta(days=2)
"""How long it may take to be certain which one is held, once the next replacement is due."""
_UNDER_WAY = frozenset({
    Reason.ADDING,
    Reason.TAKING_OVER,
    Reason.PROVING,
    Reason.DRAINING,
    Reason.OLD_CLIENT_SECRET_KEPT,
    Reason.ADDED_CLIENT_SECRET_UNKNOWN,
})  # fmt: skip
"""What is told in place of that all is well."""
_SYMPTOMS = frozenset({Reason.CLIENT_SECRET_MISSING, Reason.CLIENT_SECRET_EDITED, Reason.UNVERIFIED})
"""What says nothing of its cause."""
_OF_SECRETS = frozenset({Step.READ_SECRET, Step.READ_BOOTSTRAP, Step.WRITE})
_ROLES = {Slot.CURRENT: Role.CURRENT, Slot.PREVIOUS: Role.PREVIOUS, Slot.NEXT: Role.NEXT}
_FINE = frozenset({Reason.IN_PLACE, Reason.SUSPENDED}) | _UNDER_WAY | _BLOCKING


def to_status(observed: Observed, decision: Decision, now: Now) -> ClientSecretStatus:
    """The status that follows from what was observed and decided at `now`."""
    before, ledger = observed.resource.status, observed.ledger
    problem = problem_of(observed, decision, now)
    if isinstance(observed.secret, UnreadSecret) and before.condition(READY) is not None:
        return _unread(observed, problem, now)
    ready = _ready(observed, decision, problem)
    found = (ready, _failing(observed, decision, problem), *_stalled(observed, ready, problem, now), *_old(observed))
    conditions = tuple(_settle(condition, observed, now) for condition in found)
    others = tuple(each for each in before.conditions if each.type not in OURS)[: MAX_CONDITIONS - len(OURS)]
    has_old = ledger is not None and isinstance(ledger.phase, Draining | Orphaned)
    return ClientSecretStatus(
        observed_generation=observed.resource.generation,
        reason=_reason(conditions),
        secret_name=observed.resource.spec.secret.name,
        client_secrets=_client_secrets(observed),
        last_rotation_time=_last_rotation(observed),
        next_rotation_time=_next_rotation(observed, ledger),
        last_check_time=checks.last_at(observed, decision, now),
        failures=max((failure.count for failure in _failures(observed, decision, now)), default=0),
        last_handled_rotate_request=_answered_request(before, ledger),
        old_used_by=tuple(str(user) for user in observed.users[:MAX_USERS]) if has_old else (),
        old_users=len(observed.users) if has_old else None,
        conditions=conditions + others,
    )


def _unread(observed: Observed, problem: Finding | None, now: Now) -> ClientSecretStatus:
    """What was reported stands until the Secret is read; that it can't be is added."""
    before = observed.resource.status
    if problem is None:
        return before
    failing = _settle(Condition(ROTATION_FAILING, "True", problem.reason, problem.message), observed, now)
    conditions = tuple(failing if each.type == ROTATION_FAILING else each for each in before.conditions)
    failures = max((failure.count for failure in observed.memory.failures.values()), default=0)
    return replace(before, conditions=conditions, failures=failures, reason=problem.reason)


def problem_of(observed: Observed, decision: Decision, now: Now) -> Finding | None:
    """What keeps the client secret from being replaced, or is wrong with it; first what may be lost forever."""
    if (not_kept := keep.problem(observed)) is not None:
        return not_kept
    failures = [each for each in _failures(observed, decision, now) if not (each.passing and each.count == 1)]
    if isinstance(decision, Wait | Refuse):
        reason, ledger = decision.finding.reason, observed.ledger
        if any(each.finding == decision.finding for each in failures):
            return decision.finding
        if reason not in _FINE or (ledger is not None and _is_blocking(observed, ledger, reason, now)):
            return decision.finding
    return failures[-1].finding if failures else None


def _failures(observed: Observed, decision: Decision, now: Now) -> list[Failure]:
    """What failed and is still to be done: a Secret that might be read or written by now, and is not, need not be."""
    found, waits = observed.memory.failures, isinstance(decision, Wait | Refuse)
    over = {step for step in _OF_SECRETS if waits and look.held_up(observed, step, now) is None}
    return [each for step, each in found.items() if step not in over]


def _is_blocking(observed: Observed, ledger: Ledger, reason: Reason, now: Now) -> bool:
    """Whether it holds up a replacement that is due; one that a person asks for may wait until the old one is gone."""
    if reason is Reason.TAKING_OVER:
        return due.wanted_at(observed, ledger) + _CONFIRMED_WITHIN <= due.adobe_now(observed, now)
    if reason is Reason.DRAINING:
        return due.due_at(observed, ledger) + _DRAINED_WITHIN <= due.adobe_now(observed, now)
    return reason in _BLOCKING and due.next_at(observed, ledger) <= due.adobe_now(observed, now)


def _ready(observed: Observed, decision: Decision, problem: Finding | None) -> Condition:
    before = observed.resource.status.condition(READY)
    why_not = _why_not_ready(observed, decision)
    if why_not is not None:
        cause = "" if problem is None or problem == why_not else f"; {problem.reason}: {problem.message}"
        if observed.resource.spec.suspend:
            return Condition(READY, "False", Reason.SUSPENDED, f"{why_not.message}; {findings.suspended().message}")
        return Condition(READY, "False", why_not.reason, why_not.message + cause)
    ledger, suspended = observed.ledger, observed.resource.spec.suspend
    if ledger is None or observed.answer(ledger.current.digest) is None:
        if before is not None and _is_of_this_client_secret(observed, before):
            return before  # a process that starts knows no more than the one before it
        unverified = findings.unverified(observed)
        also = f"; {findings.suspended().message}" if suspended else ""
        return Condition(READY, "Unknown", unverified.reason, unverified.message + also)
    message = f"Secret {observed.resource.spec.secret.name} holds the client and a valid client secret"
    if problem is not None:
        message += f", but it can't be replaced: {problem.message}"
    return Condition(READY, "True", Reason.SUSPENDED if suspended else Reason.IN_PLACE, message)


def _is_of_this_client_secret(observed: Observed, ready: Condition) -> bool:
    """Whether a condition was reported for this spec, and for the client secret that is in place now."""
    ledger, before = observed.ledger, observed.resource.status
    reported = next((each.uuid for each in before.client_secrets if each.role is Role.CURRENT), None)
    same = ledger is not None and reported == ledger.current.uuid
    return same and ready.observed_generation == observed.resource.generation


def _why_not_ready(observed: Observed, decision: Decision) -> Finding | None:
    ledger, found = observed.ledger, decision.finding if isinstance(decision, Wait | Refuse) else None
    if observed.secret is None:
        return findings.missing(observed)
    if isinstance(observed.secret, UnreadSecret):
        return findings.unread(observed)
    if ledger is None:
        return found or findings.missing(observed)
    if not observed.is_intact(Slot.CURRENT) or observed.secret.client_id != ledger.client_id:
        return findings.edited(observed)
    answer = observed.answer(ledger.current.digest)
    if answer is not None and not answer.accepted:
        return found if found is not None and found.reason is Reason.CLIENT_SECRET_LOST else findings.refused(observed)
    return None


def _failing(observed: Observed, decision: Decision, problem: Finding | None) -> Condition:
    if problem is not None:
        return Condition(ROTATION_FAILING, "True", problem.reason, problem.message)
    if isinstance(decision, Wait | Refuse):
        message = decision.finding.message + _asked_for(observed)
        return Condition(ROTATION_FAILING, "False", decision.finding.reason, message)
    before = observed.resource.status.condition(ROTATION_FAILING)
    if before is not None and before.status == "False":
        return before  # a step is taken, and the status after it says more
    return Condition(ROTATION_FAILING, "False", Reason.IN_PLACE, "nothing prevents the next step")


def _asked_for(observed: Observed) -> str:
    """That a person asks for another replacement, which has to wait."""
    ledger = observed.ledger
    waits = ledger is not None and not isinstance(ledger.phase, Steady) and due.is_requested(observed, ledger)
    return "; another replacement is asked for, which begins once that is over" if waits else ""


def _stalled(observed: Observed, ready: Condition, problem: Finding | None, now: Now) -> tuple[Condition, ...]:
    if ready.status == "True":
        return ()
    if observed.resource.spec.suspend:
        return (Condition(STALLED, "True", Reason.SUSPENDED, findings.suspended().message),)
    if problem is None or not obstacles.has_lasted(observed.memory, problem, now):
        return ()
    return (Condition(STALLED, "True", problem.reason, problem.message),)


def _old(observed: Observed) -> tuple[Condition, ...]:
    """Whether somebody still uses the old client secret; no condition where there is none."""
    ledger, listed = observed.ledger, observed.memory.listed
    if ledger is None or not isinstance(ledger.phase, Draining | Orphaned):
        return ()
    old = None if listed is None else evidence.find(listed.listing, drain.old_uuid(ledger.phase))
    if listed is None or old is None:
        before = observed.resource.status.condition(OLD_CLIENT_SECRET_IN_USE)
        return () if before is None else (before,)
    by_us = "" if not observed.users else f". In this cluster tokens of it are in use by {_names(observed)}"
    keeps = observed.resource.spec.keeps_old
    if not keeps and drain.is_in_use(ledger, ledger.phase, old, listed.listing):
        finding = drain.in_use(observed, ledger.phase, old)
        return (Condition(OLD_CLIENT_SECRET_IN_USE, "True", finding.reason, finding.message + by_us),)
    finding = drain.finding(observed, ledger, ledger.phase, listed.listing)
    message = f"{finding.message}; {findings.last_use(old)}{by_us}"
    return (Condition(OLD_CLIENT_SECRET_IN_USE, "False", finding.reason, message),)


def _names(observed: Observed) -> str:
    named = ", ".join(str(user) for user in observed.users[:MAX_USERS])
    more = len(observed.users) - MAX_USERS
    return named if more <= 0 else f"{named} and {more} more"


def _client_secrets(observed: Observed) -> tuple[ReportedClientSecret, ...]:
    listed, ledger = observed.memory.listed, observed.ledger
    if listed is None:
        before = observed.resource.status.client_secrets
        return tuple(replace(each, role=_role(each.uuid, ledger)) for each in before)
    return tuple(_report(entry, ledger, observed.memory.uses) for entry in listed.listing.secrets[:MAX_LISTED])


def _role(uuid: str, ledger: Ledger | None) -> Role:
    if ledger is None:
        return Role.UNKNOWN
    slot = next((slot for slot, held in ledger.held.items() if held.uuid == uuid), None)
    if slot is not None:
        return _ROLES[slot]
    return Role.LOST if isinstance(ledger.phase, Orphaned) and ledger.phase.uuid == uuid else Role.UNKNOWN


def _report(entry: ListedClientSecret, ledger: Ledger | None, uses: Mapping[str, datetime]) -> ReportedClientSecret:
    used_at = uses.get(entry.uuid)
    return ReportedClientSecret(
        uuid=entry.uuid,
        created_at=None if entry.created_at is None else to_rfc3339(entry.created_at),
        last_used_at=None if used_at is None else to_rfc3339(used_at),
        expires_at=None if entry.expires_at is None else to_rfc3339(entry.expires_at),
        role=_role(entry.uuid, ledger),
    )


def _last_rotation(observed: Observed) -> str | None:
    before, ledger = observed.resource.status, observed.ledger
    if ledger is not None:
        return None if ledger.rotated_at is None else to_rfc3339(ledger.rotated_at)
    # That there was one is how it is known that the value in the bootstrap Secret may be dead.
    secret = observed.secret
    is_anothers = isinstance(secret, ManagedSecret) and isinstance(secret.ledger, Ledger)
    kept = not is_anothers and before.secret_name == observed.resource.spec.secret.name
    return before.last_rotation_time if kept else None


def _answered_request(before: ClientSecretStatus, ledger: Ledger | None) -> str | None:
    """As reported where there is no ledger: a Secret that is made again takes it from there."""
    return before.last_handled_rotate_request if ledger is None else ledger.rotate_request or None


def _next_rotation(observed: Observed, ledger: Ledger | None) -> str | None:
    spec = observed.resource.spec
    if ledger is None or spec.suspend or spec.invalid:
        return None
    return to_rfc3339(due.next_at(observed, ledger))


def _reason(conditions: Sequence[Condition]) -> str:
    """The reason of the first that is not as it should be, a cause before what comes of it; else that of Ready."""
    by_type = {condition.type: condition for condition in conditions}
    ready, failing = by_type[READY], by_type[ROTATION_FAILING]
    if ready.status != "True" and _is_cause(failing, ready):
        return failing.reason
    for kind, good in ((READY, "True"), (ROTATION_FAILING, "False"), (OLD_CLIENT_SECRET_IN_USE, "False")):
        condition = by_type.get(kind)
        if condition is not None and condition.status != good:
            return condition.reason
    return failing.reason if failing.reason in _UNDER_WAY else ready.reason


def _is_cause(failing: Condition, ready: Condition) -> bool:
    """Whether RotationFailing says why the client secret is not Ready, or what is being done about it."""
    if failing.status == "True":
        return ready.reason in _SYMPTOMS or failing.reason in obstacles.FOR_A_PERSON
    return ready.reason in _SYMPTOMS and failing.reason in _UNDER_WAY


def _settle(condition: Condition, observed: Observed, now: Now) -> Condition:
    old = observed.resource.status.condition(condition.type)
    unchanged = old is not None and old.status == condition.status
    since = old.last_transition_time if old is not None and unchanged else to_rfc3339(now.wall)
    return replace(condition, observed_generation=observed.resource.generation, last_transition_time=since)
