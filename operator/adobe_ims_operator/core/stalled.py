"""Whether only a person can mend what was found: the condition Stalled, by which a tool stops waiting.

kstatus, which Helm and Flux wait by, takes `Stalled=True` for a failure at once. So what is found must have stayed the
same for a while, on the same inputs, and nothing that time or another controller may mend counts.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Credential
from adobe_ims_operator.api.status import ROTATION_FAILING
from adobe_ims_operator.api.times import from_rfc3339
from adobe_ims_operator.core.decision import Decision, Refuse
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Attempts, Observed
from adobe_ims_operator.core.obstacle import Obstacle

STALLED = "Stalled"
PATIENCE = timedelta(seconds=30)
"""How long the same is to be found on the same inputs."""
FOR_A_PERSON = frozenset({
    Reason.SPEC_INVALID,
    Reason.ENDPOINT_NOT_ALLOWED,
    Reason.SCOPE_NOT_ALLOWED,
    Reason.TEMPLATE_INVALID,
    Reason.SECRET_TOO_LARGE,
    Reason.SECRET_METADATA_NOT_ALLOWED,
    Reason.SECRET_NOT_OWNED,
    Reason.ADOPTION_DROPS_KEYS,
    Reason.CLIENT_SECRET_NOT_ALLOWED,
    Reason.INVALID_CLIENT,
    Reason.INVALID_SCOPE,
    Reason.CREDENTIAL_NOT_PERMITTED,
})  # fmt: skip


def recall(credential: Credential) -> Obstacle | None:
    """Take up what an earlier process reported, so that a restart neither takes it back nor says it again."""
    status, ahead = credential.status, PATIENCE
    condition = status.condition(STALLED)
    if condition is None and status.reason is None:
        # A version that did not know the condition wrote it; to find the same again must not cost a second write.
        condition, ahead = status.condition(ROTATION_FAILING), timedelta()
    if condition is None or condition.status != "True" or condition.observed_generation != credential.generation:
        return None
    try:
        return Obstacle(condition.reason, None, from_rfc3339(condition.last_transition_time or "") - ahead)
    except ValueError:
        return None


def note(attempts: Attempts, observed: Observed, decision: Decision, now: datetime) -> Attempts:
    """Remember since when the same finding prevents a token."""
    found, known = _finding(observed, decision), attempts.obstacle
    if found is None:
        return attempts if known is None else replace(attempts, obstacle=None)
    inputs = (observed.spec_digests.whole, *observed.inputs[1:])
    same = known is not None and known.reason == found.reason and known.inputs in (None, inputs)
    since = known.since if known is not None and same and known.since <= now else now
    obstacle = Obstacle(found.reason, inputs, since)
    return attempts if obstacle == known else replace(attempts, obstacle=obstacle)


def stalled(observed: Observed, decision: Decision, now: datetime) -> Finding | None:
    """What only a person can mend, where it was found for long enough; or None."""
    found = _finding(observed, decision)
    if found is None or observed.spec.suspend:
        return found
    obstacle = observed.attempts.obstacle
    return found if obstacle is not None and obstacle.since <= now - PATIENCE else None


def next_at(attempts: Attempts, now: datetime) -> datetime | None:
    """When the finding will have lasted for long enough; None where there is none, or it has."""
    if attempts.obstacle is None:
        return None
    at = attempts.obstacle.since + PATIENCE
    return at if now < at else None


def _finding(observed: Observed, decision: Decision) -> Finding | None:
    if isinstance(decision, Refuse):
        found: Finding | None = decision.finding
    else:
        failure = observed.failure
        found = None if failure is None else failure.finding
    if found is None:
        return None
    return found if observed.spec.suspend or found.reason in FOR_A_PERSON else None
