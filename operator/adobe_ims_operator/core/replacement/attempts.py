"""How each step changes what a process remembers of a client secret; each function gives the value that follows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adobe_ims_operator.api.client_secret_ledger import Adding, Draining, Orphaned
from adobe_ims_operator.api.client_secret_status import ReportedClientSecret
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.backoff import Pace, backoff
from adobe_ims_operator.core.model import Trouble
from adobe_ims_operator.core.refused_writes import WINDOW
from adobe_ims_operator.core.replacement import evidence, findings
from adobe_ims_operator.core.replacement.decision import Deed, Write
from adobe_ims_operator.core.replacement.failure import Failure, Inputs
from adobe_ims_operator.core.replacement.listing import Listing
from adobe_ims_operator.core.replacement.model import (
    Added,
    Answer,
    AskRow,
    BootstrapSeen,
    Checked,
    Gone,
    Intent,
    Memory,
    Now,
    Observed,
    Step,
    WriteRow,
)

MAX_ANSWERS = 8
"""Values whose answers are remembered; four are in use at most."""

KEPT = evidence.LAG + timedelta(hours=1)
"""For how long the stamp of a request may not be shown yet."""
MAX_DATES = 8
"""Dates of requests that are remembered beside the latest; there is one each 20 hours where stamps lag by long."""

FREE_ASKS = 8
"""Values that IMS is asked with at once: a rescue tries all that there are."""
ASK_ROW = timedelta(minutes=5)
"""Values count as a row while IMS is asked with the next within this time of when it may be."""
WRITE_ROW = timedelta(minutes=10)
"""Writes of one deed count as a row while each comes within this time of the one before."""


def begin(
    uid: str, before: Memory | None = None, bootstrap_version: int | None = None, checked: Checked | None = None
) -> Memory:
    """The memory of a resource; one that was made again under the same name goes on with what Adobe gave.

    Args:
        bootstrap_version: of the bootstrap Secret now.
        checked: the check that the status reports now.
    """
    if before is None:
        return Memory(uid, first_bootstrap_version=bootstrap_version, checked=checked)
    # Of the same object, another process may have reported more since.
    uses = {} if before.uid == uid else before.uses
    return Memory(uid, added=before.added, uses=uses, first_bootstrap_version=bootstrap_version, checked=checked)


def saw_bootstrap(memory: Memory, seen: BootstrapSeen) -> Memory:
    """The bootstrap Secret was read."""
    return replace(_worked(memory, Step.READ_BOOTSTRAP), bootstrap=seen)


def saw_secret(memory: Memory) -> Memory:
    """The managed Secret was read."""
    return _worked(memory, Step.READ_SECRET)


def asking(memory: Memory, digest: str, now: Now, jitter: float) -> Memory:
    """IMS is about to be asked with a value; another one than the latest waits the longer the more came in a row.

    How often it is asked with one value is for the answers to say.
    """
    before, answer = memory.asks, memory.answers.get(digest)
    if answer is not None and not answer.accepted:
        return memory  # it is no news
    if before is not None and before.digest == digest:
        return memory
    recent = before is not None and now.monotonic < before.retry_at + ASK_ROW.total_seconds()
    count = before.count + 1 if before is not None and recent else 1
    wait = backoff(Pace.IMS, count - FREE_ASKS + 1, jitter).total_seconds() if count >= FREE_ASKS else 0.0
    return replace(memory, asks=AskRow(digest, count, now.monotonic + wait))


def accepted(memory: Memory, observed: Observed, digest: str, date: datetime, now: Now) -> Memory:
    """IMS gave a management token for a value, which is in hand from now on.

    Args:
        date: the Date header of the answer.
    """
    memory = _answered(memory, observed, digest, date, now)
    return replace(memory, manages_with=digest)


def refused(memory: Memory, observed: Observed, digest: str, now: Now) -> Memory:
    """IMS said that it does not know a value (invalid_client), which is no failure of the step."""
    memory = _answered(memory, observed, digest, None, now)
    return memory if memory.manages_with != digest else replace(memory, manages_with=None)


def _answered(memory: Memory, observed: Observed, digest: str, date: datetime | None, now: Now) -> Memory:
    before = observed.answer(digest)
    same = before is not None and before.accepted == (date is not None)
    first_at = before.first_at if before is not None and same else now
    earlier = () if before is None else tuple(each for each in before.dates if date and date - each <= KEPT)[:MAX_DATES]
    url, version = observed.endpoint.url, observed.bootstrap_version
    was_refused = before is not None and (before.was_refused if same else not before.accepted)
    answer = Answer(date is not None, date, now, first_at, url, version, was_refused, earlier)
    others = [(known, each) for known, each in memory.answers.items() if known != digest][-(MAX_ANSWERS - 1) :]
    return replace(_worked(memory, Step.ASK), answers=dict([*others, (digest, answer)]))


def listed(memory: Memory, listing: Listing, now: Now, reported: Sequence[ReportedClientSecret] = ()) -> Memory:
    """Adobe listed the client secrets, or something else than Adobe gave an old answer again.

    What is not of this moment is a failure. The next attempt begins with a token, so that nothing that may be wrong
    itself, an earlier Date or our clock that stood still, refuses lists for long.

    Args:
        reported: what the status says of them.
    """
    if not evidence.is_of_now(memory, listing, now):
        memory = replace(memory, listed=None, manages_with=None)
        return _failed(memory, Step.LIST, Trouble(findings.not_of_now(), Pace.IMS), None, now, 0.0)
    memory = replace(_worked(memory, Step.LIST), listed=evidence.follow(memory.listed, listing, now))
    uses = evidence.latest_uses(memory.uses, listing, reported)
    return replace(memory, match=evidence.match(memory, listing), uses=uses)


def token_ended(memory: Memory) -> Memory:
    """The management token in hand expired, or the console does not take it any more."""
    return replace(memory, manages_with=None)


def adding(memory: Memory) -> Memory:
    """POST is about to be sent: from here on its outcome is unknown."""
    if memory.intent is None:
        return memory
    return replace(memory, intent=replace(memory.intent, sent=True, refused=False), listed=None)


def added(memory: Memory, found: Added) -> Memory:
    """Adobe gave a client secret."""
    before = memory.failures.get(Step.ADD)
    if before is None or before.finding.reason is not Reason.NEXT_CLIENT_SECRET_GONE:
        memory = _worked(memory, Step.ADD)  # else that is not over before one is in place
    return replace(memory, added=found)


def add_refused(memory: Memory) -> Memory:
    """Adobe certainly added nothing: it answered, and refused; that is a step that failed too."""
    return memory if memory.intent is None else replace(memory, intent=replace(memory.intent, refused=True))


def deleting(memory: Memory) -> Memory:
    """DELETE is about to be sent: what was listed before does not count any more."""
    return replace(memory, listed=None)


def deleted(memory: Memory, uuid: str) -> Memory:
    """Adobe said that it deleted one."""
    return replace(_worked(memory, Step.DELETE), deleted=uuid)


def written(memory: Memory, write: Write, now: Now, jitter: float) -> Memory:
    """The managed Secret was written; anyone who observes it next has its new version.

    The next write of the same deed waits the longer the more came in a row: somebody may undo each.
    """
    before, deed = memory.writes.get(write.deed.value), write.deed.value
    recent = before is not None and now.monotonic - before.at < WRITE_ROW.total_seconds()
    count = before.count + 1 if before is not None and recent else 1
    retry_at = now.monotonic + backoff(Pace.CONTESTED_METADATA, count, jitter).total_seconds()
    rows = {**memory.writes, deed: WriteRow(count, now.monotonic, retry_at)}
    memory, phase = replace(_worked(memory, Step.WRITE), writes=rows), write.ledger.phase
    if not (isinstance(phase, Draining | Orphaned) and phase.deleting):
        # Nothing is about to be deleted, so what failed is over.
        memory = replace(_worked(memory, Step.DELETE), deleting_since=None)
    if write.deed is Deed.DROP_NEXT:
        memory = _next_gone(memory, now, jitter)
    elif isinstance(phase, Orphaned) or write.deed is Deed.PROMOTE:
        memory = _worked(memory, Step.ADD)  # what became of the POST is known
    match write.deed:
        case Deed.INTEND_TO_ADD if isinstance(phase, Adding) and memory.listed is not None:
            return replace(memory, intent=Intent(phase.at, memory.listed.at))
        case Deed.KEEP_NEXT | Deed.KEEP_ADDED_ALONE:
            return replace(memory, added=None, intent=None)
        case Deed.INTEND_TO_DELETE:
            return replace(memory, deleting_since=now.monotonic)
        case Deed.FORGET_INTENT | Deed.NOTE_ORPHAN:
            return replace(memory, intent=None)
        case Deed.DROP_PREVIOUS | Deed.FORGET_ORPHAN:
            gone = memory.gone if memory.deleted is None else Gone(memory.deleted, now.monotonic)
            return replace(memory, deleted=None, gone=gone)
        case _:
            return memory


def _next_gone(memory: Memory, now: Now, jitter: float) -> Memory:
    """Another is added at once, as a person may have deleted this one, and the later the more were gone in a row."""
    before = memory.failures.get(Step.ADD)
    count = 1 if before is None else before.count + 1
    wait = timedelta() if count == 1 else backoff(Pace.ADDED_IN_VAIN, count - 1, jitter)
    retry_at = now.monotonic + wait.total_seconds()
    failure = Failure(findings.next_gone(), count, retry_at, None, passing=True)
    return replace(memory, failures={**memory.failures, Step.ADD: failure})


def try_again(memory: Memory) -> Memory:
    """What failed is tried once more, as there is no time to wait."""
    return memory if not memory.failures else replace(memory, failures={})


def failed(memory: Memory, observed: Observed, step: Step, trouble: Trouble, now: Now, jitter: float) -> Memory:
    """A step failed; it is due again at the pace of its trouble, or after what was asked for."""
    return _failed(memory, step, trouble, observed.inputs(step), now, jitter)


def _failed(memory: Memory, step: Step, trouble: Trouble, inputs: Inputs | None, now: Now, jitter: float) -> Memory:
    before = memory.failures.get(step)
    count = 1 if before is None else before.count + 1
    wait = trouble.after if trouble.after is not None else backoff(trouble.pace, count, jitter)
    retry_at = now.monotonic + max(wait, timedelta(seconds=1)).total_seconds()
    inputs = inputs if trouble.after is None else None  # who asks for time gets it, whatever changes
    early, early_at = _early(before, now)
    failure = Failure(trouble.finding, count, retry_at, inputs, trouble.passing, early, early_at)
    return replace(memory, failures={**memory.failures, step: failure})


def _early(before: Failure | None, now: Now) -> tuple[int, float | None]:
    """How many attempts came before their time by now, and when the latest did."""
    if before is None or now.monotonic >= before.retry_at + WINDOW.total_seconds():
        return 0, None
    if now.monotonic >= before.retry_at:
        return before.early, before.early_at
    recent = before.early_at is not None and now.monotonic < before.early_at + WINDOW.total_seconds()
    return before.early + 1 if recent else 1, now.monotonic


def _worked(memory: Memory, step: Step) -> Memory:
    if step not in memory.failures:
        return memory
    return replace(memory, failures={each: failure for each, failure in memory.failures.items() if each is not step})
