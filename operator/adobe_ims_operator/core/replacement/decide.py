"""The core: the next step of replacing a client secret, as a function of what was observed and of the moment.

It does no I/O, reads no clock and draws no random number. What was begun is in the ledger of the managed Secret, so
each step may be the first one of a new process.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from adobe_ims_operator.api.client_secret_ledger import (
    Adding,
    Draining,
    Ledger,
    Orphaned,
    Proving,
    Slot,
    Steady,
)
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement import (
    drain,
    due,
    evidence,
    findings,
    keep,
    look,
    prove,
    steady,
    take_over,
    writes,
)
from adobe_ims_operator.core.replacement.decision import (
    Add,
    AskToken,
    Decision,
    Deed,
    Delete,
    List,
    ReadBootstrap,
    ReadSecret,
    Refuse,
    Wait,
    Write,
)
from adobe_ims_operator.core.replacement.listing import Listing
from adobe_ims_operator.core.replacement.look import Unanswered
from adobe_ims_operator.core.replacement.model import ManagedSecret, Now, Observed, Source, Step, UnreadSecret
from adobe_ims_operator.core.replacement.rescue import overlapping, rescue, unlisted

SENT_WITHIN = timedelta(seconds=45)
"""How long after the list of one alone POST is sent at most."""
_AGREE_WITHIN = timedelta(hours=1)
"""How long lists may show one thing and another before it is worth a person's attention."""
_STEPS: dict[type, Step] = {
    ReadSecret: Step.READ_SECRET,
    ReadBootstrap: Step.READ_BOOTSTRAP,
    AskToken: Step.ASK,
    List: Step.LIST,
    Add: Step.ADD,
    Delete: Step.DELETE,
    Write: Step.WRITE,
}


def decide(observed: Observed, now: Now) -> Decision:
    """Decide what to do for one client secret at `now`."""
    try:
        decision = _decide(observed, now)
    except Unanswered as unanswered:
        decision = unanswered.decision
    if isinstance(decision, Write) and (wait := _contested(observed, decision, now)) is not None:
        return wait
    if isinstance(decision, AskToken) and (wait := look.changes_too_often(observed, decision, now)) is not None:
        return wait
    waits = (look.held_up(observed, step, now) for step in _steps(decision))
    return next((wait for wait in waits if wait is not None), decision)


def _steps(decision: Decision) -> Iterator[Step]:
    """What may hold a decision up: what it is, and to read the Secret that it takes a value from."""
    sources: frozenset[Source] = frozenset()
    match decision:
        case Wait() | Refuse():
            return
        case AskToken(source=source):
            sources = frozenset({source})
        case Write(data=data):
            sources = frozenset(data.values())
        case Add() | Delete():
            sources = frozenset({Source.CURRENT})
        case _:
            pass
    yield _STEPS[type(decision)]
    if Source.BOOTSTRAP in sources:
        yield Step.READ_BOOTSTRAP
    if sources - {Source.BOOTSTRAP, Source.ADDED}:
        yield Step.READ_SECRET


def _contested(observed: Observed, write: Write, now: Now) -> Wait | None:
    """The wait for the next write of a deed that was done a moment ago, and is not any more.

    What Adobe gave is written at once all the same: it is in memory alone.
    """
    row = observed.memory.writes.get(write.deed.value)
    if row is None or write.deed in (Deed.KEEP_NEXT, Deed.KEEP_ADDED_ALONE) or now.monotonic >= row.retry_at:
        return None
    return Wait(findings.contested(observed), now.wall + timedelta(seconds=row.retry_at - now.monotonic))


def _decide(observed: Observed, now: Now) -> Decision:
    if isinstance(observed.secret, UnreadSecret):
        return ReadSecret()
    if observed.memory.added is not None:
        kept = keep.write(observed, observed.memory.added)
        if kept is not None:
            return kept
    refusal = _refusal(observed)
    if refusal is not None:
        return _finish(observed) or Refuse(refusal, now.wall + look.IDLE)
    ledger = observed.ledger
    if ledger is None:
        return take_over.begin(observed, now)
    if isinstance(observed.secret, ManagedSecret) and observed.secret.client_id != ledger.client_id:
        return writes.restore(observed, overlapping(observed, ledger, now))
    return _correct(observed, ledger, now) or _go_on(observed, ledger, now)


def _correct(observed: Observed, ledger: Ledger, now: Now) -> Write | None:
    """No moment of the ledger is later than Adobe's clock, by a list of this moment."""
    listed, answer = observed.memory.listed, observed.answer(ledger.current.digest)
    if listed is None or answer is None or not answer.accepted or not observed.is_intact(Slot.CURRENT):
        return None
    by_now = evidence.adobe_now(listed, now)
    if writes.correct_moments(observed, ledger, by_now + evidence.SLACK) is None:
        return None
    look.of_current(observed, ledger, now, look.FRESH)
    return writes.correct_moments(observed, ledger, by_now)


def _finish(observed: Observed) -> Write | None:
    """What is left of a step that was taken at Adobe, and is done here alone."""
    ledger = observed.ledger
    if ledger is None or not isinstance(ledger.phase, Draining | Orphaned):
        return None
    done = observed.memory.deleted == drain.old_uuid(ledger.phase)
    return writes.forget_old(observed, ledger, ledger.phase) if done else None


def _refusal(observed: Observed) -> Finding | None:
    """Why nothing may be begun."""
    resource = observed.resource
    if resource.spec.invalid:
        return Finding(Reason.SPEC_INVALID, resource.spec.invalid)
    if resource.deleting:
        return findings.being_deleted()
    if resource.spec.suspend:
        return findings.suspended()
    if observed.older is not None:
        return findings.managed_twice(observed)
    return _not_allowed(observed) or keep.not_ours(observed)


def _not_allowed(observed: Observed) -> Finding | None:
    endpoint, console = observed.endpoint, observed.console
    if not endpoint.allowed:
        return findings.endpoint_not_allowed(endpoint.url, endpoint.allowed_urls, console=False)
    if not console.allowed:
        return findings.endpoint_not_allowed(console.url, console.allowed_urls, console=True)
    return None


def _go_on(observed: Observed, ledger: Ledger, now: Now) -> Decision:
    match ledger.phase:
        case Proving():
            return prove.decide(observed, ledger, ledger.phase, now)
        case Draining() | Orphaned():
            return drain.decide(observed, ledger, ledger.phase, now)
        case Adding():
            return _add(observed, ledger, ledger.phase, now)
        case Steady():
            return steady.decide(observed, ledger, now)


def _add(observed: Observed, ledger: Ledger, phase: Adding, now: Now) -> Decision:
    intent = observed.memory.intent
    if intent is not None and intent.at == phase.at and (not intent.sent or intent.refused):
        in_time = evidence.is_recent(intent.listed, now, SENT_WITHIN)
        return Add() if in_time and not intent.sent else writes.forget_intent(observed, ledger)
    return _find_added(observed, ledger, phase, now)


def _find_added(observed: Observed, ledger: Ledger, phase: Adding, now: Now) -> Decision:
    """Nobody knows whether one was added: Adobe's lists tell.

    One of ten minutes after the intent may show it; that none was added takes the lists of ten minutes more.
    """
    current, known_at = ledger.current, phase.at + evidence.TEN_MINUTES
    if not observed.is_intact(Slot.CURRENT) or not look.is_accepted(observed, Source.CURRENT, current.digest, now):
        return rescue(observed, ledger, now)
    found = look.of_current(observed, ledger, now, evidence.TEN_MINUTES)
    if evidence.find(found, current.uuid) is None:
        return unlisted(observed, ledger, now)
    if found.at < known_at:
        return _until_listed(observed, ledger, known_at, now)
    others = [entry for entry in found.secrets if entry.uuid != current.uuid]
    if len(others) == 1 and evidence.may_be_ours(others[0], phase.at, observed.memory.uses):
        since = others[0].created_at or found.at
        return writes.note_orphan(observed, ledger, others[0].uuid, since, certain=False)
    return _none_added(observed, ledger, known_at + evidence.TEN_MINUTES, found, now)


def _none_added(observed: Observed, ledger: Ledger, proven_at: datetime, found: Listing, now: Now) -> Decision:
    """No list shows one of ours yet."""
    if found.at < proven_at:
        return _until_listed(observed, ledger, proven_at, now)
    if (remaining := look.until_proven(observed, now)) is not None:
        is_late = found.at - proven_at >= _AGREE_WITHIN
        return Wait(findings.lists_differ() if is_late else findings.adding(), now.wall + remaining)
    return writes.forget_intent(observed, ledger)


def _until_listed(observed: Observed, ledger: Ledger, moment: datetime, now: Now) -> Wait:
    """The wait for a list of that moment or later, by Adobe's clock."""
    remaining = moment - due.adobe_now(observed, now)
    if remaining <= timedelta():
        look.of_current(observed, ledger, now, look.SOON)
    return Wait(findings.adding(), now.wall + max(remaining, look.SOON))
