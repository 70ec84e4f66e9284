"""How a client secret that was added comes into place: IMS accepts it twice, ten minutes apart by Adobe's clock."""

from datetime import datetime, timedelta

from adobe_ims_operator.api.client_secret_ledger import Ledger, Proving, Slot
from adobe_ims_operator.core.replacement import due, evidence, findings, look, writes
from adobe_ims_operator.core.replacement.decision import AskToken, Decision, Deed, Wait
from adobe_ims_operator.core.replacement.model import Answer, Now, Observed, Source
from adobe_ims_operator.core.replacement.rescue import rescue

LATE = timedelta(hours=1)
"""How long IMS may refuse a new client secret before it is worth a person's attention, and Adobe may not list it."""


def decide(observed: Observed, ledger: Ledger, phase: Proving, now: Now) -> Decision:
    """Decide on the next client secret.

    Raises:
        Unanswered: something is to be asked or read first.
    """
    if writes.is_strange(observed):
        return rescue(observed, ledger, now)
    if look.is_swapped(observed, ledger, Slot.NEXT):
        return writes.swap_back(observed, ledger, Slot.NEXT)  # neither is lost, and the next one is not proven yet
    if not observed.is_intact(Slot.NEXT):
        return _without_next(observed, ledger, phase, now)
    if not observed.is_intact(Slot.CURRENT):
        return rescue(observed, ledger, now)
    answer = look.accepted_answer(observed, Source.NEXT, phase.next.digest, now)
    return _refused(observed, ledger, phase, now) if answer is None else _accepted(observed, ledger, phase, answer, now)


def _without_next(observed: Observed, ledger: Ledger, phase: Proving, now: Now) -> Decision:
    """Somebody moved the next one, put it in place, or took it away."""
    if _is_elsewhere(observed, ledger, phase):
        return writes.restore(observed, ledger)
    in_place = observed.digests.get(Slot.CURRENT) == phase.next.digest
    if in_place and look.is_accepted(observed, Source.CURRENT, phase.next.digest, now):
        return rescue(observed, ledger, now)
    # Adobe does not give its value again. The moment is Adobe's own, as the overlap is measured from it.
    since = max(phase.next.since, due.adobe_now(observed, now))  # anybody could read it until now
    return writes.note_orphan(observed, ledger, phase.next.uuid, since, certain=True)


def _is_elsewhere(observed: Observed, ledger: Ledger, phase: Proving) -> bool:
    """Whether the next one is under another key, or in place with the current one beside it."""
    places = {slot for slot, digest in observed.digests.items() if digest == phase.next.digest}
    return bool(places - {Slot.CURRENT}) or (bool(places) and ledger.current.digest in observed.digests.values())


def _accepted(observed: Observed, ledger: Ledger, phase: Proving, answer: Answer, now: Now) -> Decision:
    if answer.date is None:
        return AskToken(Source.NEXT, phase.next.digest)
    if phase.accepted_at is None:
        return writes.note_accepted(observed, ledger, phase, answer.date)
    by_adobe = phase.accepted_at + evidence.TEN_MINUTES - answer.date
    if by_adobe > 2 * evidence.TEN_MINUTES:
        return writes.note_refused(observed, ledger, phase)  # a time ahead of Adobe's clock was not written by it
    missing = max(by_adobe, _missing_by_ours(observed, phase.accepted_at, answer))
    elapsed = timedelta(seconds=now.monotonic - answer.at.monotonic)
    if missing <= timedelta():
        # The overlap begins with the write, which may have been held up since the answer.
        is_recent = evidence.is_recent(answer.at, now, evidence.TEN_MINUTES)
        in_place = writes.promote(observed, ledger, phase, answer.date + elapsed)
        return in_place if is_recent else AskToken(Source.NEXT, phase.next.digest)
    if missing <= elapsed:
        return AskToken(Source.NEXT, phase.next.digest)
    return Wait(findings.proving(phase.next.uuid), now.wall + missing - elapsed)


def _missing_by_ours(observed: Observed, accepted_at: datetime, answer: Answer) -> timedelta:
    """How much of the ten minutes our clocks miss at the latest answer: one Date of IMS may be wrong.

    The monotonic clock tells where this process noted the first acceptance. For one before it there is the wall clock
    alone, which holds it up for ten minutes at most, however wrong it is.
    """
    noted = observed.memory.writes.get(Deed.NOTE_ACCEPTED.value)
    if noted is not None:
        return evidence.TEN_MINUTES - timedelta(seconds=answer.at.monotonic - noted.at)
    passed = answer.at.wall - accepted_at
    return evidence.TEN_MINUTES - passed if timedelta() <= passed <= evidence.TEN_MINUTES else timedelta()


def _refused(observed: Observed, ledger: Ledger, phase: Proving, now: Now) -> Decision:
    current, following = ledger.current, phase.next
    if phase.accepted_at is not None:
        return writes.note_refused(observed, ledger, phase)
    until = now.wall + look.retry_refused(observed, following.digest, now)
    if timedelta() <= due.adobe_now(observed, now) - following.since < evidence.TEN_MINUTES:
        return Wait(findings.proving(following.uuid), until)
    if not look.is_accepted(observed, Source.CURRENT, current.digest, now):
        return rescue(observed, ledger, now)
    found = look.of_current(observed, ledger, now, evidence.TEN_MINUTES)
    age = found.at - following.since
    if evidence.find(found, following.uuid) is None and age >= LATE:
        if (remaining := look.until_proven(observed, now)) is not None:
            return Wait(findings.proving(following.uuid), min(until, now.wall + remaining))
        return writes.drop_next(observed, ledger)
    return Wait(findings.next_refused(following.uuid) if age >= LATE else findings.proving(following.uuid), until)
