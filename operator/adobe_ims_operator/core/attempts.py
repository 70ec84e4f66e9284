"""How attempts change what a process remembers of a credential; each function gives the value that follows."""

from dataclasses import replace
from datetime import datetime, timedelta

from adobe_ims_operator.api.reasons import Reason, parse_reason
from adobe_ims_operator.api.resource import Credential
from adobe_ims_operator.api.status import ROTATION_FAILING, Status
from adobe_ims_operator.api.times import from_rfc3339
from adobe_ims_operator.core import flips, stalled
from adobe_ims_operator.core.backoff import Pace, Unreported, backoff
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Attempts, Failure, Inputs, MetadataWrites, Step, Trouble
from adobe_ims_operator.core.refused_writes import RefusedWrites
from adobe_ims_operator.core.secret_differences import NO_DIFFERENCES, Differences
from adobe_ims_operator.core.seen_secrets import SeenClientSecret, SeenTokenSecret

UNPLANNED_WINDOW = timedelta(minutes=10)
"""Rotations that are not due count as a row while each comes within this time of the one before."""
_PLANNED = (Reason.DUE, Reason.SOURCE_ROTATED)
METADATA_ROW = timedelta(minutes=10)
"""Writes of metadata count as a row while each comes within this time of the one before."""


def recall(credential: Credential, now: datetime) -> Attempts:
    """Take up what an earlier process left in the status, so that a restart asks for nothing early."""
    version = credential.status.secret_version
    seen = (
        SeenTokenSecret(int(version), intact=True)
        if version is not None and version.isdecimal() and len(version) < 20
        else None
    )
    failure, obstacle = _recall_failure(credential), stalled.recall(credential)
    return Attempts(credential.uid, token_secret=seen, failure=failure, obstacle=obstacle, seen_at=now)


def _recall_failure(credential: Credential) -> Failure | None:
    status = credential.status
    failing = status.condition(ROTATION_FAILING)
    if failing is None or status.next_rotation_time is None or status.observed_generation != credential.generation:
        return None
    reason = parse_reason(failing.reason)
    # One that waits for a client that another credential was throttled with has not failed itself.
    waits = failing.status == "False" and reason is Reason.IMS_RATE_LIMITED
    if reason is None or (failing.status != "True" and not waits):
        return None
    try:
        retry_at = from_rfc3339(status.next_rotation_time)
    except ValueError:
        return None
    count = 1 if waits else status.failures or 1
    # No earlier process left a token in hand: whatever failed, what is next is to ask.
    finding = Finding(reason, failing.message)
    step = Step.ASK if credential.spec.taken_from is None else Step.TAKE
    return Failure(step, finding, count, count, _pace(reason), retry_at, None, passing=waits)


def _pace(reason: Reason) -> Pace:
    refused = (Reason.INVALID_CLIENT, Reason.INVALID_SCOPE, Reason.CREDENTIAL_NOT_PERMITTED)
    return Pace.PERSON if reason in refused else Pace.IMS


def saw_token_secret(attempts: Attempts, seen: SeenTokenSecret) -> Attempts:
    """The token Secret was read, and compared with the spec."""
    return replace(attempts, token_secret=seen, failure=_without(attempts.failure, Step.READ_TOKEN_SECRET))


def saw_client_secret(attempts: Attempts, name: str, seen: SeenClientSecret | None, inputs: Inputs) -> Attempts:
    """The client Secret of that name was read; None where there is none. `inputs` are those of now."""
    failure = _without(attempts.failure, Step.READ_CLIENT_SECRET)
    if failure is not None and failure.inputs is None and seen is not None:
        # Of an earlier process: from now on a change of what is there now ends the wait.
        failure = replace(failure, inputs=inputs._replace(client_digest=seen.digest))
    return replace(attempts, client_secret=seen, looked_for=name, failure=failure)


def _without(failure: Failure | None, step: Step) -> Failure | None:
    return None if failure is not None and failure.step is step else failure


def asked(attempts: Attempts, need: Finding, inputs: Inputs, now: datetime) -> Attempts:
    """IMS was asked for a token, which counts where it is neither planned nor a retry of what failed."""
    failure = attempts.failure
    # A write that failed left a token in hand: who asks all the same has other inputs.
    return _counted(attempts, need, now, again=failure is not None and failure.step is not Step.WRITE, inputs=inputs)


def took(attempts: Attempts, need: Finding, inputs: Inputs, now: datetime) -> Attempts:
    """The token of another credential is taken, which counts likewise; no token is kept where that fails."""
    return _counted(attempts, need, now, again=attempts.failure is not None, inputs=inputs)


def _counted(attempts: Attempts, need: Finding, now: datetime, *, again: bool, inputs: Inputs) -> Attempts:
    retry = again and attempts.failure is not None and attempts.failure.inputs in (None, inputs)
    if retry or is_planned(attempts, need, now):
        return replace(attempts, asked_since_due=attempts.asked_since_due or need.reason in _PLANNED)
    recent = attempts.last_unplanned is not None and now - attempts.last_unplanned < UNPLANNED_WINDOW
    return replace(attempts, unplanned=attempts.unplanned + 1 if recent else 1, last_unplanned=now)


def is_planned(attempts: Attempts, need: Finding, now: datetime) -> bool:
    """Whether a token is asked for because of the age of the one before, no sooner than that, and for the first time.

    A client Secret that keeps changing would else have IMS asked at each change for as long as a token is due.
    """
    due = need.reason in _PLANNED and (attempts.due_at is None or now >= attempts.due_at)
    return due and not attempts.asked_since_due


def token_came(attempts: Attempts, due_at: datetime) -> Attempts:
    """A token came, which is to be replaced at `due_at`."""
    return replace(attempts, failure=None, due_at=due_at, asked_since_due=False)


def written(
    attempts: Attempts,
    version: int,
    spec_digest: str | None = None,
    differences: Differences = NO_DIFFERENCES,
    *,
    made: tuple[str, timedelta] | None = None,
) -> Attempts:
    """The token is in its Secret, at that resourceVersion; the differences are those that the answer shows.

    Args:
        made: of a Secret that is new.
    """
    seen = SeenTokenSecret(version, intact=True, spec_digest=spec_digest, differences=differences)
    return replace(attempts, token_secret=seen, failure=None, refused=None, made=made)


def metadata_written(
    attempts: Attempts, seen: SeenTokenSecret, need: Finding, spec_digest: str, now: datetime, jitter: float
) -> Attempts:
    """The metadata of the token Secret was written; the next such write waits the longer the more came in a row."""
    before = attempts.metadata
    recent = before is not None and now - before.at < METADATA_ROW
    count = before.count + 1 if recent and before is not None else 1
    row = MetadataWrites(count, now, need, spec_digest, now + backoff(Pace.CONTESTED_METADATA, count, jitter))
    return replace(attempts, token_secret=seen, metadata=row)


def metadata_failed(
    attempts: Attempts, trouble: Trouble, need: Finding, spec_digest: str, now: datetime, jitter: float
) -> Attempts:
    """The metadata of the token Secret could not be written."""
    before = attempts.metadata or MetadataWrites(0, now, need, spec_digest, now)
    failures = before.failures + 1
    row = replace(
        before,
        at=now,
        need=need,
        spec_digest=spec_digest,
        retry_at=now + _wait(trouble, failures, jitter),
        failures=failures,
        failure=trouble.finding,
        passing=trouble.passing,
    )
    return replace(attempts, metadata=row)


def settled(attempts: Attempts) -> Attempts:
    """There is nothing to do any more: what failed is no longer wanted."""
    return replace(attempts, failure=None) if attempts.failure is not None else attempts


def failed(
    attempts: Attempts,
    step: Step,
    trouble: Trouble,
    inputs: Inputs | None,
    now: datetime,
    jitter: float,
    *,
    against: int | None = None,
    refused: RefusedWrites | None = None,
) -> Attempts:
    """A step failed; it is due again at the pace of its trouble, or after what was asked for.

    Args:
        inputs: what it was made from; None where that is not known.
        against: the resourceVersion of the Secret that the step was about; a change of it ends the wait.
        refused: of a write, where the API server refused it.
    """
    before = attempts.failure
    streak = before.streak + 1 if before is not None and before.pace is trouble.pace else 1
    count = (before.count if before is not None else 0) + 1
    if refused is not None:
        streak = refused.streak
    wait = _wait(trouble, streak, jitter)
    failure = Failure(step, trouble.finding, count, streak, trouble.pace, now + wait, inputs, against, trouble.passing)
    row = attempts.refused if refused is None else replace(refused, retry_at=failure.retry_at)
    return replace(attempts, failure=failure, refused=row)


def clean_up_failed(attempts: Attempts, trouble: Trouble, now: datetime, jitter: float) -> Attempts:
    """The Secret of an earlier name could not be deleted."""
    count = (attempts.clean_up.count if attempts.clean_up is not None else 0) + 1
    retry_at = now + _wait(trouble, count, jitter)
    failure = Failure(
        Step.CLEAN_UP, trouble.finding, count, count, trouble.pace, retry_at, None, passing=trouble.passing
    )
    return replace(attempts, clean_up=failure)


def cleaned_up(attempts: Attempts) -> Attempts:
    """There is no Secret of an earlier name any more."""
    return replace(attempts, clean_up=None) if attempts.clean_up is not None else attempts


def not_reported(attempts: Attempts, pace: Pace, generation: int, now: datetime, jitter: float) -> Attempts:
    """The status of that generation could not be written."""
    times = (attempts.unreported.times if attempts.unreported is not None else 0) + 1
    retry_at = now + backoff(pace, times, jitter)
    return replace(attempts, unreported=Unreported(times, retry_at, generation))


def reported(attempts: Attempts, before: Status, after: Status, now: datetime, jitter: float) -> Attempts:
    """The status was written."""
    row = flips.after(attempts.flips, now, jitter) if flips.is_flip(before, after) else attempts.flips
    if attempts.unreported is None and row is attempts.flips:
        return attempts
    return replace(attempts, unreported=None, flips=row)


def _wait(trouble: Trouble, streak: int, jitter: float) -> timedelta:
    if trouble.after is not None:
        return trouble.after
    if trouble.passing and streak == 1:
        return timedelta(0)
    return backoff(trouble.pace, streak, jitter)
