"""The follow-up of a rotation: which workloads are restarted for it, which are done, and when to try again.

Whether a workload was restarted for a rotation is remembered in `status.restarts`, never in the pod template: what
people and other tools do to a template (`rollout undo`, `rollout restart`, a sync from Git) is not undone. What this
process did and could not report yet is kept as attempts.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from adobe_ims_operator.api.reasons import Reason, parse_reason
from adobe_ims_operator.api.resource import GROUP, Workload
from adobe_ims_operator.api.status import Restart, Status
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core import policy
from adobe_ims_operator.core.backoff import Pace, backoff
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Observed, RestartAttempt

RESTARTED = Finding(Reason.RESTARTED, "")
ADDED_LATER = Finding(Reason.ADDED_LATER, "")
"""A workload that joined the list after the rotation: it is restarted for the next one."""
STARTED = Finding(Reason.STARTED_WITH_TOKEN, "")
"""A workload that needs no restart: no pod of it can have started before the token was there."""
FREE_ROTATIONS, SOON_AFTER = 10, timedelta(minutes=1)
"""So many in a row, each so soon after the one before, are followed up at once. A tenant can edit the Secret
to say anything."""
LEAST_PAUSE = timedelta(seconds=30)
"""Between two rotations, after that; and between two attempts for changes of the spec, which count as well."""
_DONE = (RESTARTED.reason, ADDED_LATER.reason, STARTED.reason)
NOT_FOUND = Reason.WORKLOAD_NOT_FOUND
"""When such a workload comes, it starts with the present token."""
PENDING = Reason.RESTART_PENDING
"""The pods are replaced when somebody does so, as the workload is set up like that."""
_LOOKED_AT = (NOT_FOUND, PENDING)
"""What is only looked at again: nothing is left for the operator to do."""
FAILED = Reason.RESTART_FAILED
"""Time mends it; for all other failures somebody has to do something."""

SOON, OFTEN = timedelta(minutes=1), 10
"""How soon a workload is looked at again, and how often in a row; after that every `SELDOM`."""
SELDOM = timedelta(hours=1)
TOGETHER = SOON / 4
"""What is to be looked at within this time of another is looked at with it."""

_PREFIX = f"restart.{GROUP}/"
_MAX_NAME = 63
MAX_MESSAGE = 1024
"""Characters that the CRD has room for in `status.restarts`."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation that is followed up now."""

    id: str
    issued_at: datetime
    generation: int
    """Of the credential: after a change of the spec, what failed is tried again at once."""
    workloads: tuple[Workload, ...]


Attempts = Mapping[Workload, RestartAttempt]


@dataclass(frozen=True, slots=True)
class FollowUp:
    """How far the follow-up of a rotation is, as the status says it."""

    restarts: tuple[Restart, ...]
    handled: str | None
    """The rotation that every workload of the list has an entry for, or the one before."""
    finding: Finding | None
    """The reason and message of WorkloadsRestarted; None where no workload is named."""
    complete: bool
    """Whether no workload is left to restart."""


def mark(name: str, uid: str, rotation: str) -> tuple[str, str]:
    """The annotation of a pod template that restarts it for a rotation: its name, by that of the credential, and value.

    A name of more than 63 characters, which is an annotation's limit, keeps its first 52, and gets a hash.
    """
    if len(name) > _MAX_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:10]
        name = f"{name[: _MAX_NAME - 11]}-{digest}"
    return _PREFIX + name, f"{uid}.{rotation}"


def rotation_of(observed: Observed, now: datetime) -> Rotation | None:
    """The rotation to follow up at `now`.

    None without a good token, while suspended, and for a token of an older version, whose follow-up counts as done.
    """
    facts = observed.facts
    if facts is None or facts.rotation_id is None or observed.spec.suspend:
        return None
    if policy.why_not_ready(observed, now) is not None:
        return None
    return Rotation(facts.rotation_id, facts.issued_at, observed.credential.generation, observed.spec.restart)


def due(rotation: Rotation, status: Status, attempts: Attempts, now: datetime) -> tuple[Workload, ...]:
    """The workloads to restart now; those that were not tried yet come first.

    What is only looked at is looked at together, since chance spreads it.
    """
    known = _known(rotation, status, attempts)
    moments = {each: _try_at(rotation, known.get(each), attempts.get(each), now) for each in rotation.workloads}
    looks = {each for each, entry in known.items() if entry.reason in _LOOKED_AT}
    together = any((at := moments[each]) is not None and at <= now for each in looks)
    waiting = [
        (known.get(workload) is not None, workload)
        for workload, at in moments.items()
        if at is not None and at <= now + (TOGETHER if together and workload in looks else timedelta(0))
    ]
    return tuple(workload for _, workload in sorted(waiting, key=lambda each: each[0]))


def looked_at(rotation: Rotation, status: Status, attempts: Attempts, workload: Workload) -> Finding | None:
    """What was found of a workload that is only to be looked at again; None where it is to be restarted."""
    known = _known(rotation, status, attempts).get(workload)
    reason = None if known is None else parse_reason(known.reason)
    if known is None or reason not in _LOOKED_AT:
        return None
    return Finding(reason, known.message or "")


def next_at(rotation: Rotation, status: Status, attempts: Attempts, now: datetime) -> datetime | None:
    """When a workload is due next; None where that waits for a change."""
    known = _known(rotation, status, attempts)
    moments = [_try_at(rotation, known.get(each), attempts.get(each), now) for each in rotation.workloads]
    return min((moment for moment in moments if moment is not None), default=None)


def note(
    rotation: Rotation,
    workload: Workload,
    outcome: Finding,
    before: RestartAttempt | None,
    now: datetime,
    jitter: float,
) -> RestartAttempt:
    """The attempt of `now`, with when to try again.

    Args:
        outcome: RESTARTED, or why not.
        before: the latest attempt for this workload.
        jitter: a random number in [0, 1).
    """
    rotations = _in_a_row(rotation, before, now)
    if outcome.reason in _DONE:
        return RestartAttempt(_entry(rotation, workload, outcome), 0, None, now, rotations)
    restart = _entry(rotation, workload, outcome)
    same = before is not None and _is_of(before.restart, rotation) and before.restart.reason == outcome.reason
    failures = before.failures + 1 if before is not None and same else 1
    if outcome.reason in _LOOKED_AT:
        wait = SOON if failures <= OFTEN else SELDOM
        return RestartAttempt(restart, failures, now + wait * (1 - jitter / 5), now, rotations)
    # What time mends is tried as often as IMS.
    pace = Pace.IMS if outcome.reason == FAILED else Pace.REFUSED_RESTART
    return RestartAttempt(restart, failures, now + backoff(pace, failures, jitter), now, rotations)


def report(rotation: Rotation, status: Status, attempts: Attempts) -> FollowUp:
    """How far the follow-up is, with what this process did since the status was written."""
    known = _known(rotation, status, attempts)
    restarts = tuple(known[workload] for workload in rotation.workloads if workload in known)
    # Else a workload whose turn is yet to come would count as one that was added later.
    handled = rotation.id if len(restarts) == len(rotation.workloads) else status.last_handled_rotation
    complete = handled == rotation.id and all(each.reason in _DONE for each in restarts)
    return FollowUp(restarts, handled, _finding(rotation, restarts) if restarts else None, complete)


def _known(rotation: Rotation, status: Status, attempts: Attempts) -> dict[Workload, Restart]:
    """What is known of each workload for this rotation; nothing of those that were never tried."""
    reported = {(each.kind, each.name): each for each in status.restarts if each.rotation == rotation.id}
    failed = any(each.reason not in (*_DONE, PENDING) for each in reported.values())
    known: dict[Workload, Restart] = {}
    for workload in rotation.workloads:
        attempt = attempts.get(workload)
        if attempt is not None and attempt.restart.rotation == rotation.id:
            known[workload] = attempt.restart
        elif (entry := reported.get((workload.kind, workload.name))) is not None:
            known[workload] = entry
        elif status.last_handled_rotation == rotation.id and not failed:
            # Where another one failed, the list was mended: the new workload may stand for that one.
            known[workload] = _entry(rotation, workload, ADDED_LATER)
    return known


def _try_at(
    rotation: Rotation, known: Restart | None, attempt: RestartAttempt | None, now: datetime
) -> datetime | None:
    if known is None:
        return _paced(attempt, now)
    if known.reason in _DONE:
        return None
    if known.observed_generation != rotation.generation:
        return _paced(attempt, now)
    if attempt is not None and attempt.restart == known:
        return attempt.retry_at
    return now


def _paced(attempt: RestartAttempt | None, now: datetime) -> datetime:
    if attempt is None or attempt.rotations < FREE_ROTATIONS:
        return now
    return max(now, attempt.at + LEAST_PAUSE)


def _in_a_row(rotation: Rotation, before: RestartAttempt | None, now: datetime) -> int:
    if before is None or now - before.at > SOON_AFTER:
        return 1
    done = before.restart.reason in _DONE  # which has no generation
    changed = before.restart.rotation != rotation.id if done else not _is_of(before.restart, rotation)
    return before.rotations + changed


def _is_of(restart: Restart, rotation: Rotation) -> bool:
    return (restart.rotation, restart.observed_generation) == (rotation.id, rotation.generation)


def _entry(rotation: Rotation, workload: Workload, outcome: Finding) -> Restart:
    generation = None if outcome.reason in _DONE else rotation.generation
    return Restart(
        workload.kind,
        workload.name,
        rotation.id,
        outcome.reason,
        outcome.message[:MAX_MESSAGE] or None,
        observed_generation=generation,
    )


def paced(rotation: Rotation, so_far: FollowUp) -> FollowUp:
    """The same, where the next workload waits, as many of its namespace were restarted a moment ago."""
    if any(each.reason not in _DONE for each in so_far.restarts):
        return so_far
    message = (
        f"{len(so_far.restarts)} of {len(rotation.workloads)} workloads are restarted for the rotation of "
        f"{to_rfc3339(rotation.issued_at)}; the others follow, as many of this namespace were restarted a moment ago"
    )
    return replace(so_far, finding=Finding(Reason.RESTART_INCOMPLETE, message))


def _finding(rotation: Rotation, restarts: tuple[Restart, ...]) -> Finding:
    failed = [each for each in restarts if each.reason not in _DONE]
    if failed:
        reasons = {each.reason for each in failed}
        reason = parse_reason(failed[0].reason) if len(reasons) == 1 else None
        return Finding(reason or Reason.RESTART_INCOMPLETE, "; ".join(each.message or each.reason for each in failed))
    reasons = {each.reason for each in restarts}
    if reasons == {ADDED_LATER.reason}:
        return Finding(Reason.ADDED_LATER, "restarted after the next rotation, as they were added after the latest one")
    if reasons == {STARTED.reason}:
        since = to_rfc3339(rotation.issued_at)
        return Finding(Reason.STARTED_WITH_TOKEN, f"started with the token of {since}, so they need no restart")
    return Finding(Reason.RESTARTED, f"restarted for the rotation of {to_rfc3339(rotation.issued_at)}")
