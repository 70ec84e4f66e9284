"""The status of a credential: a report derived from what was observed and decided.

It is no source of truth. What is read back from it saves work after a restart, and does not decide what is right: until
when a failed attempt was to wait, at which resourceVersion the Secret was known to be intact, and how far a rotation
was followed up.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.status import READY, ROTATION_FAILING, Condition, Status
from adobe_ims_operator.api.text import printable
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core import metadata, policy, taking
from adobe_ims_operator.core.decision import Ask, Decision, Look, Refuse, Take, Wait, Write, WriteMetadata
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Observed
from adobe_ims_operator.core.restarts import FollowUp
from adobe_ims_operator.core.stalled import STALLED, stalled

WORKLOADS_RESTARTED = "WorkloadsRestarted"
NEW = timedelta(seconds=10)
"""After how long a credential that has no status yet gets one, whatever it waits for. As a rule it has its token by
then, and one write says all."""
LATE = timedelta(seconds=2)
"""A token that is replaced for another reason than its age is there sooner, as long as IMS answers."""
MAX_KEY = 253
"""Characters that a key of a Secret has at most."""
MAX_CONDITIONS = 8
"""As many as the API server takes; those that others put there must leave room for ours."""
MANAGED_TOO = "manages it too, and may delete or overwrite it; take the Secret out of there without deleting it"
OURS = (READY, ROTATION_FAILING, STALLED, WORKLOADS_RESTARTED)


def derive(
    observed: Observed,
    decision: Decision,
    before: Status,
    now: datetime,
    follow_up: FollowUp | None = None,
) -> Status:
    """Say how things stand; equal to `before` when nothing changed, so that nothing need be written.

    Args:
        follow_up: how far the rotation is followed up; None where that is as it was.
    """
    facts = observed.facts
    problem = policy.problem(observed, decision, now)
    if follow_up is None:
        named = {(each.kind, each.name) for each in observed.spec.restart}
        restarts = tuple(each for each in before.restarts if (each.kind, each.name) in named)
        handled = before.last_handled_rotation
    else:
        restarts, handled = follow_up.restarts, follow_up.handled
    workloads = _workloads_restarted(observed, follow_up, before, now)
    ready = _ready(observed, problem, now)
    unrolled = "".join(f"; {condition.message}" for condition in workloads if condition.status == "False")
    if ready.status == "True":
        ready = replace(ready, message=ready.message + unrolled)
    found = (ready, _rotation_failing(observed, decision, problem), *_stalled(observed, decision, ready, now))
    conditions = tuple(_settle(condition, observed, before, now) for condition in found)
    others = tuple(c for c in before.conditions if c.type not in OURS)[: MAX_CONDITIONS - len(OURS)]
    attempt_at = _attempt_at(decision, now)
    return Status(
        observed_generation=observed.credential.generation,
        reason=_reason((*conditions, *workloads)),
        secret_name=observed.spec.secret.name,
        secret_version=_secret_version(observed, before),
        last_rotation_time=_last_rotation_time(observed, before),
        expiration_time=to_rfc3339(facts.expires_at) if facts else None,
        next_rotation_time=to_rfc3339(attempt_at) if attempt_at else None,
        rotations=facts.rotations if facts else 0,
        failures=_failures(observed, decision, problem),
        client_secret_key=_client_secret_key(observed, before),
        source=None if observed.source is None else str(observed.source.key),
        last_handled_rotate_request=_rotate_request(observed, before),
        last_handled_rotation=handled,
        restarts=restarts,
        conditions=conditions + workloads + others,
    )


def is_worth_writing(observed: Observed, decision: Decision, before: Status, after: Status, now: datetime) -> bool:
    """Whether a status is to be written now: not where a moment later there will be more to say.

    That a token expired is always reported at once, whatever else is going on, and so is that a person has changed what
    nothing could be done about.
    """
    if after == before:
        return False
    if before.says(STALLED, "True") and not after.says(STALLED, "True"):
        return True
    if isinstance(decision, Refuse) and not _is_first_wait(decision, before):
        return True
    if isinstance(decision, Wait) and not observed.in_flight:
        # IMS may name another time at each answer, to thousands that wait for the same client.
        is_news = observed.failure is not None if is_new(before) else not _is_alike(before, after)
        if is_news or not _is_brief(decision, now):
            return True
    report_at = when_to_report(observed, before, now)
    return report_at is not None and now >= report_at


def is_new(before: Status) -> bool:
    """Whether nothing was reported yet."""
    return before.condition(READY) is None


def when_to_report(observed: Observed, before: Status, now: datetime) -> datetime | None:
    """From when on it is to be reported how things stand while IMS is being asked, or waits to be; None for never.

    A token that expired is reported at that moment; one that is missing, or of an earlier spec, only where it takes
    longer than usual to replace it. A credential that is new is reported soon, whatever it waits for, and however
    often it begins to.
    """
    since, facts, ready = observed.asking_since, observed.facts, before.condition(READY)
    if ready is None:
        seen_at = observed.attempts.seen_at
        return now if seen_at is None else seen_at + NEW
    if since is None:
        return None
    if ready.status != "True":
        if before.observed_generation != observed.credential.generation:
            return since + policy.BRIEF
        return facts.expires_at if facts is not None and ready.reason == Reason.EARLIER_SPEC else None
    why_not = policy.why_not_ready(observed, now)
    if why_not is None:
        return facts.expires_at if facts is not None else None
    return now if why_not.reason is Reason.EXPIRED else since + LATE


def _is_first_wait(decision: Refuse, before: Status) -> bool:
    """Whether it waits for the first token of its source: both may have been made together, a moment ago."""
    return is_new(before) and decision.finding.reason is Reason.SOURCE_NOT_READY


def _is_alike(before: Status, after: Status) -> bool:
    """Whether they differ at most in when the next attempt is and why."""
    return _without_reasons(before) == _without_reasons(after)


def _is_brief(decision: Wait, now: datetime) -> bool:
    """Whether it waits for a client that IMS throttles, and not for long."""
    brief = decision.attempt_at is not None and decision.attempt_at - now < policy.BRIEF
    return brief and decision.finding.reason is Reason.IMS_RATE_LIMITED


def _without_reasons(status: Status) -> Status:
    conditions = tuple(replace(c, reason="", message="", last_transition_time=None) for c in status.conditions)
    return replace(status, reason=None, next_rotation_time=None, conditions=conditions)


def _last_rotation_time(observed: Observed, before: Status) -> str | None:
    """When it was rotated last; also while the Secret is missing, as that is how it is known who had it."""
    if observed.facts is not None:
        return to_rfc3339(observed.facts.issued_at)
    kept = observed.secret is None and before.secret_name == observed.spec.secret.name
    return before.last_rotation_time if kept else None


def _secret_version(observed: Observed, before: Status) -> str | None:
    """The version to note; a change of metadata alone is worth no write, as a look into the Secret costs no more."""
    secret = observed.own_secret
    if secret is None or secret.facts is None or not observed.intact:
        return None
    if before.secret_version is not None and _tells_of(before, secret.facts):
        return before.secret_version
    if observed.differences is not None and observed.differences.metadata:
        return None  # a process that starts would take it for unchanged
    return str(secret.version)


def _client_secret_key(observed: Observed, before: Status) -> str | None:
    """Where the client secret is that the token was made with; as reported before while that is not known."""
    facts = observed.facts
    if facts is None:
        return None
    key = observed.key_of_client_secret(facts)
    if key is None and before.client_secret_key is not None and _tells_of(before, facts):
        return before.client_secret_key
    return printable(key or facts.client_secret_key)[:MAX_KEY] or None


def _rotate_request(observed: Observed, before: Status) -> str | None:
    """The request that was answered last; one that an older version answered is worth no write."""
    facts = observed.facts
    if observed.source is not None:  # refused is answered too
        return observed.credential.rotate_request or None
    if facts is None or (before.last_handled_rotate_request is None and _tells_of(before, facts)):
        return None
    return facts.rotate_request or None


def _tells_of(before: Status, facts: Facts) -> bool:
    # By both, as two rotations may be of one second, and the count starts again with a Secret that was lost.
    return (before.last_rotation_time, before.rotations) == (to_rfc3339(facts.issued_at), facts.rotations)


def _attempt_at(decision: Decision, now: datetime) -> datetime | None:
    match decision:
        case Wait(attempt_at=attempt_at):
            return attempt_at
        case Refuse():
            return None
        case Look() | Write() | WriteMetadata() | Ask() | Take():
            return now


def _failures(observed: Observed, decision: Decision, problem: Finding | None) -> int:
    if problem is None or isinstance(decision, Refuse):
        return 0
    failures = (observed.attempts.failure, observed.attempts.clean_up)
    counts = [(each.finding, each.count) for each in failures if each is not None]
    if (tried := observed.attempts.metadata) is not None and tried.failure is not None:
        counts.append((tried.failure, tried.failures))
    return next((count for finding, count in counts if finding == problem), 0)


def _ready(observed: Observed, problem: Finding | None, now: datetime) -> Condition:
    why_not = policy.why_not_ready(observed, now)
    if why_not is not None:
        if observed.spec.suspend:
            message = f"{why_not.message}; rotation is suspended, set spec.suspend to false to resume"
            return Condition(READY, "False", Reason.SUSPENDED, message)
        cause = f"; {problem.reason}: {problem.message}" if problem is not None else ""
        return Condition(READY, "False", why_not.reason, why_not.message + cause)
    message = f"Secret {observed.spec.secret.name} holds a valid token"
    if problem is not None and problem == metadata.problem(observed, now):
        message += f"; {problem.message}"
    elif problem is not None:
        message += f", but it can't be rotated: {problem.message}"
    elif observed.spec.suspend:
        message += "; rotation is suspended"
    if observed.source is not None and observed.credential.rotate_request:
        message += f"; {taking.request_refused(observed.source.key)}"
    if observed.secret is not None and observed.secret.manager:
        message += f"; {observed.secret.manager} {MANAGED_TOO}"
    return Condition(READY, "True", Reason.SUSPENDED if observed.spec.suspend else Reason.ROTATED, message)


def _rotation_failing(observed: Observed, decision: Decision, problem: Finding | None) -> Condition:
    if problem is not None:
        return Condition(ROTATION_FAILING, "True", problem.reason, problem.message)
    if observed.spec.suspend:
        return Condition(ROTATION_FAILING, "False", Reason.SUSPENDED, "rotation is suspended")
    finding = decision.need if isinstance(decision, Look | Write | WriteMetadata | Ask | Take) else decision.finding
    if finding is not policy.FRESH:
        return Condition(ROTATION_FAILING, "False", finding.reason, finding.message)
    return Condition(ROTATION_FAILING, "False", Reason.ROTATED, "nothing blocks the next rotation")


def _stalled(observed: Observed, decision: Decision, ready: Condition, now: datetime) -> tuple[Condition, ...]:
    finding = stalled(observed, decision, now) if ready.status != "True" else None
    return () if finding is None else (Condition(STALLED, "True", finding.reason, finding.message),)


def _reason(conditions: Sequence[Condition]) -> str:
    """The reason of the first that is not as it should be, an outage before a warning; else that of Ready."""
    by_type = {condition.type: condition for condition in conditions}
    for kind, good in ((READY, "True"), (ROTATION_FAILING, "False"), (WORKLOADS_RESTARTED, "True")):
        condition = by_type.get(kind)
        if condition is not None and condition.status != good:
            return condition.reason
    return by_type[READY].reason


def _workloads_restarted(
    observed: Observed, follow_up: FollowUp | None, before: Status, now: datetime
) -> tuple[Condition, ...]:
    old = before.condition(WORKLOADS_RESTARTED)
    if not observed.spec.restart:
        return ()
    if follow_up is None or follow_up.finding is None:
        return () if old is None else (old,)
    reason, message = follow_up.finding
    status = "True" if follow_up.complete else "False"
    condition = Condition(WORKLOADS_RESTARTED, status, reason, message)
    return (_settle(condition, observed, before, now),)


def _settle(condition: Condition, observed: Observed, before: Status, now: datetime) -> Condition:
    old = before.condition(condition.type)
    unchanged = old is not None and old.status == condition.status
    since = old.last_transition_time if old is not None and unchanged else to_rfc3339(now)
    return replace(condition, observed_generation=observed.credential.generation, last_transition_time=since)
