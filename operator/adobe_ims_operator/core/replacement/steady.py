"""Where nothing was begun: look whether all is as it should be, and begin when a replacement is due."""

from datetime import timedelta

from adobe_ims_operator.api.client_secret_ledger import Ledger, Origin, Slot
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement import (
    checks,
    confirm,
    due,
    evidence,
    findings,
    identity_findings,
    keep,
    look,
    take_over,
    writes,
)
from adobe_ims_operator.core.replacement.decision import Decision, Wait
from adobe_ims_operator.core.replacement.listing import Listing
from adobe_ims_operator.core.replacement.model import Now, Observed, Source, Step
from adobe_ims_operator.core.replacement.rescue import rescue, unlisted


def decide(observed: Observed, ledger: Ledger, now: Now) -> Decision:
    """Decide where nothing was begun.

    Raises:
        Unanswered: something is to be asked or read first.
    """
    if not observed.is_intact(Slot.CURRENT):
        return rescue(observed, ledger, now)
    if (until := checks.stands_until(observed, ledger, now)) is not None:
        due_in = due.next_at(observed, ledger) - now.wall
        return Wait(findings.IN_PLACE, min(until, now.wall + min(due_in, look.IDLE)))
    value = (Source.CURRENT, ledger.current.digest)
    answer = look.accepted_answer(observed, *value, now, confirm.stands(observed, ledger))
    if answer is None:
        return rescue(observed, ledger, now)
    within = _is_alone_within(observed, ledger)
    if not ledger.current.is_certain:
        within = min(within, look.until_shown(observed, value, answer, now))
    found = look.of_current(observed, ledger, now, within)
    others = [entry for entry in found.secrets if entry.uuid != ledger.current.uuid]
    if len(others) == len(found.secrets):
        return take_over.again(observed, ledger, now) or unlisted(observed, ledger, now)
    if others:
        return Wait(_of_others(observed, ledger, found, now), now.wall + evidence.TEN_MINUTES)
    return confirm.write(observed, ledger) or _alone(observed, ledger, within, now)


def _is_alone_within(observed: Observed, ledger: Ledger) -> timedelta:
    """How old a list may be: where it has another one beside ours, a person is to mend that."""
    listed = observed.memory.listed
    alone = listed is not None and [entry.uuid for entry in listed.listing.secrets] == [ledger.current.uuid]
    return look.STANDS if alone else evidence.TEN_MINUTES


def _of_others(observed: Observed, ledger: Ledger, found: Listing, now: Now) -> Finding:
    """Adobe lists another one beside ours."""
    others = [entry for entry in found.secrets if entry.uuid != ledger.current.uuid]
    strangers = [entry for entry in others if not _was_just_deleted(observed, entry.uuid, now)]
    is_certain = _is_certain(observed, ledger, found)
    told = identity_findings.two(observed, ledger.current.uuid, strangers, is_certain=is_certain)
    return told if strangers else findings.IN_PLACE


def _alone(observed: Observed, ledger: Ledger, within: timedelta, now: Now) -> Decision:
    """Adobe lists ours alone: add another one, or wait.

    Args:
        within: when to look again at the latest.
    """
    due_in = due.next_at(observed, ledger) - due.adobe_now(observed, now)
    if due_in > timedelta():
        return Wait(findings.IN_PLACE, now.wall + min(due_in, look.idle(observed, now), within))
    if not ledger.current.is_certain:
        return Wait(identity_findings.confirming(ledger.current.uuid), now.wall + min(look.idle(observed, now), within))
    return look.held_up(observed, Step.ADD, now) or _begin(observed, ledger, now)


def _was_just_deleted(observed: Observed, uuid: str, now: Now) -> bool:
    """Whether a list may still have one that Adobe deleted for us: it is no stranger."""
    gone = observed.memory.gone
    return gone is not None and gone.uuid == uuid and now.monotonic - gone.at < evidence.TEN_MINUTES.total_seconds()


def _is_certain(observed: Observed, ledger: Ledger, found: Listing) -> bool:
    """Whether the current one has that uuid by Adobe's answer, or by a use that is our latest request."""
    answer, entry = observed.answer(ledger.current.digest), evidence.find(found, ledger.current.uuid)
    if ledger.current.origin is Origin.ADDED:
        return True
    if answer is None or answer.date is None or entry is None:
        return False
    return [each for each in found.secrets if evidence.is_use_at(each, answer.date)] == [entry]


def _begin(observed: Observed, ledger: Ledger, now: Now) -> Decision:
    """It is due, and Adobe listed one alone a while ago: ask again, and note that one is about to be added."""
    current = ledger.current
    if not look.is_accepted(observed, Source.CURRENT, current.digest, now, evidence.TEN_MINUTES):
        return rescue(observed, ledger, now)
    found = look.of_current(observed, ledger, now, look.FRESH)
    if [entry.uuid for entry in found.secrets] != [current.uuid] or found.at < due.next_at(observed, ledger):
        return Wait(findings.IN_PLACE, now.wall + look.SOON)
    if (not_kept := keep.problem(observed)) is not None:
        return Wait(not_kept, now.wall + look.IDLE)  # the next one that Adobe gives would take its place in memory
    return writes.intend_to_add(observed, ledger, found.at)
