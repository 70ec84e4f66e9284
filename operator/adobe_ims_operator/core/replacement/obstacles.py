"""Since when something prevents a replacement that only a person can mend: the condition Stalled follows from it.

As of a credential, it must have stayed the same for a while, on the same inputs, before a tool stops waiting.
"""

from dataclasses import replace
from datetime import datetime

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.times import moment_or_none
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.obstacle import Obstacle
from adobe_ims_operator.core.replacement import keep
from adobe_ims_operator.core.replacement.model import Memory, Now, Observed
from adobe_ims_operator.core.stalled import PATIENCE, STALLED

FOR_A_PERSON = frozenset({
    Reason.SPEC_INVALID,
    Reason.ENDPOINT_NOT_ALLOWED,
    Reason.CONSOLE_ENDPOINT_NOT_ALLOWED,
    Reason.CLIENT_SECRET_MANAGED_TWICE,
    Reason.SECRET_NOT_OWNED,
    Reason.ADDED_CLIENT_SECRET_NOT_KEPT,
    Reason.LEDGER_DAMAGED,
    Reason.INVALID_CLIENT,
    Reason.CLIENT_SECRET_LOST,
    Reason.CREDENTIAL_MISMATCH,
    Reason.MANAGEMENT_NOT_PERMITTED,
    Reason.TWO_CLIENT_SECRETS,
})  # fmt: skip


def note(observed: Observed, found: Finding | None, now: Now) -> Memory:
    """Remember since when the same is found on the same inputs, and no more what Adobe gave once it is kept."""
    memory, known = keep.forget(observed), observed.memory.obstacle or _recalled(observed)
    if found is None or found.reason not in FOR_A_PERSON:
        return memory if memory.obstacle is None else replace(memory, obstacle=None)
    resource = observed.resource
    inputs = (str(resource.generation), resource.rotate_request, _text(observed.bootstrap_version))
    same = known is not None and known.reason == found.reason and known.inputs in (None, inputs)
    since = known.since if known is not None and same and known.since <= now.wall else now.wall
    obstacle = Obstacle(found.reason, inputs, since)
    return memory if obstacle == memory.obstacle else replace(memory, obstacle=obstacle)


def has_lasted(memory: Memory, found: Finding, now: Now) -> bool:
    """Whether it is known for long enough that only a person can mend what was found."""
    obstacle = memory.obstacle
    return obstacle is not None and obstacle.reason == found.reason and obstacle.since <= now.wall - PATIENCE


def next_at(memory: Memory, now: Now) -> datetime | None:
    """When what was found will have lasted for long enough; None where nothing was, or it has."""
    at = None if memory.obstacle is None else memory.obstacle.since + PATIENCE
    return at if at is not None and now.wall < at else None


def _recalled(observed: Observed) -> Obstacle | None:
    """What an earlier process reported, so that a restart does not take it back."""
    condition = observed.resource.status.condition(STALLED)
    if condition is None or condition.status != "True":
        return None
    since = moment_or_none(condition.last_transition_time)
    if since is None or condition.observed_generation != observed.resource.generation:
        return None
    return Obstacle(condition.reason, None, since - PATIENCE)


def _text(version: int | None) -> str | None:
    return None if version is None else str(version)
