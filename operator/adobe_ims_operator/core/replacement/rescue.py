"""What to do where the current client secret does not work, or is not what was written: what works takes its place.

In this order: what somebody wrote in place of the current one, the current one that they moved to another key, the
previous one, the next one, the previous one that somebody swapped with the current one, another one of those in its
place, and what is in the bootstrap Secret. Nothing is added at Adobe, and nothing deleted.
"""

from datetime import datetime, timedelta

from adobe_ims_operator.api.client_secret_ledger import Draining, Ledger, Origin, Slot
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement import confirm, due, evidence, findings, look, take_over, writes
from adobe_ims_operator.core.replacement.decision import Decision, Wait
from adobe_ims_operator.core.replacement.model import ManagedSecret, Now, Observed, Source


def rescue(observed: Observed, ledger: Ledger, now: Now) -> Decision:
    """Find a client secret that works.

    Raises:
        Unanswered: something is to be asked or read first.
    """
    return (
        confirm.doubt(observed, ledger, now)
        or _written(observed, ledger, now)
        or _moved(observed, ledger, now)
        or _switch_to(observed, ledger, Slot.PREVIOUS, Source.PREVIOUS, now)
        or _switch_to(observed, ledger, Slot.NEXT, Source.NEXT, now)
        or _swapped(observed, ledger, now)
        or _edited(observed, ledger, now)
        or _bootstrap(observed, ledger, now)
    )


def unlisted(observed: Observed, ledger: Ledger, now: Now) -> Decision:
    """Adobe does not list the current one: if IMS refuses it by now, something else takes its place.

    Raises:
        Unanswered: IMS is to be asked first, as it may just have been deleted.
    """
    if not look.is_accepted(observed, Source.CURRENT, ledger.current.digest, now, evidence.TEN_MINUTES):
        return rescue(observed, ledger, now)
    within, answer = evidence.TEN_MINUTES, observed.answer(ledger.current.digest)
    if answer is not None and ledger.current.origin is not Origin.ADDED:  # its uuid may have been mistaken
        within = min(within, look.until_shown(observed, (Source.CURRENT, ledger.current.digest), answer, now))
    look.of_current(observed, ledger, now, within)
    return Wait(findings.unlisted(ledger.current.uuid), now.wall + within)


def _moved(observed: Observed, ledger: Ledger, now: Now) -> Decision | None:
    """A person may have given the current one another key, and nothing that works in exchange."""
    place = _place(observed, ledger)
    if place is None or observed.is_intact(Slot.CURRENT) or look.is_swapped(observed, ledger, Slot.PREVIOUS):
        return None
    return _restore(observed, ledger, Source(place.value), now)


def _restore(observed: Observed, ledger: Ledger, source: Source, now: Now) -> Decision | None:
    """Put the current one back from there; where the Secret has a value of somebody else's, only if it works."""
    if writes.strangers(observed):
        if not _works(observed, ledger, source, now):
            return None
        if (spreading := _may_spread(observed, ledger, (source, ledger.current.digest), now)) is not None:
            return spreading
    return writes.restore(observed, ledger, source)


def _written(observed: Observed, ledger: Ledger, now: Now) -> Decision | None:
    """A person may have written a value that works, which none of ours is to overwrite."""
    if not writes.is_strange(observed):
        return None
    return _edited(observed, ledger, now)


def _may_spread(observed: Observed, ledger: Ledger, value: tuple[Source, str], now: Now) -> Wait | None:
    """What somebody wrote in place may be what they added at Adobe a moment ago, which takes time to spread."""
    digest = _in_place(observed) if writes.is_strange(observed) else None
    answer = None if digest is None else observed.answer(digest)
    if digest is None or answer is None or evidence.lasted(answer) >= evidence.TEN_MINUTES:
        return None
    # The list is to be of after the first refusal.
    age = timedelta(seconds=now.monotonic - answer.first_at.monotonic)
    found = look.listing(observed, value, ledger.client_id, now, within=min(age, evidence.TEN_MINUTES))
    if {entry.uuid for entry in found.secrets} <= {held.uuid for held in ledger.held.values()}:
        return None
    return Wait(findings.edited(observed), now.wall + look.retry_refused(observed, digest, now))


def _place(observed: Observed, ledger: Ledger) -> Slot | None:
    """Where the current one is."""
    there = observed.secret.digests if isinstance(observed.secret, ManagedSecret) else {}
    return next((slot for slot, digest in there.items() if digest == ledger.current.digest), None)


def _in_place(observed: Observed) -> str | None:
    """The digest of the value under the key of the current one, which anybody may have written."""
    return observed.secret.digests.get(Slot.CURRENT) if isinstance(observed.secret, ManagedSecret) else None


def _works(observed: Observed, ledger: Ledger, source: Source, now: Now) -> bool:
    """Whether IMS accepts the current one and Adobe lists it: what was deleted is accepted for a while."""
    value = (source, ledger.current.digest)
    if not writes.is_strange(observed) and writes.strangers(observed):
        # IMS is not asked with what is under another key, so nothing of before that was written there counts.
        if not look.is_accepted(observed, *value, now, look.SOON):
            return False
        found = look.listing(observed, value, ledger.client_id, now, within=look.FRESH)
        return evidence.find(found, ledger.current.uuid) is not None
    if not look.is_accepted(observed, *value, now, evidence.TEN_MINUTES):
        return False
    answer, listed = observed.answer(ledger.current.digest), observed.memory.listed
    if answer is not None and listed is not None and listed.at.monotonic >= answer.at.monotonic:
        is_recent = evidence.is_recent(listed.at, now, evidence.TEN_MINUTES)
        if is_recent and listed.listing.client_id == ledger.client_id:  # whichever value it was asked for with
            return evidence.find(listed.listing, ledger.current.uuid) is not None
    found = look.listing(observed, value, ledger.client_id, now, within=evidence.TEN_MINUTES)
    return evidence.find(found, ledger.current.uuid) is not None


def _switch_to(observed: Observed, ledger: Ledger, slot: Slot, source: Source, now: Now) -> Decision | None:
    held, current = ledger.held.get(slot), ledger.current.uuid
    if (
        held is None
        or not observed.is_intact(slot)
        or not look.is_accepted(observed, source, held.digest, now, evidence.TEN_MINUTES)
    ):
        return None
    found = look.listing(observed, (source, held.digest), ledger.client_id, now, within=evidence.TEN_MINUTES)
    if evidence.find(found, held.uuid) is None:
        return Wait(findings.unlisted(held.uuid), now.wall + evidence.TEN_MINUTES)
    if (spreading := _may_spread(observed, ledger, (source, held.digest), now)) is not None:
        return spreading
    is_listed = evidence.find(found, current) is not None
    if is_listed and observed.is_intact(Slot.CURRENT):
        if isinstance(ledger.phase, Draining) and _is_refused_for(evidence.TEN_MINUTES, observed, ledger):
            return writes.change_places(ledger, ledger.phase, due.adobe_now(observed, now))
        # It may be accepted again; who uses the Secret has the other one meanwhile.
        return Wait(findings.refused_but_listed(current), now.wall + _retry(observed, ledger, now))
    is_gone = not is_listed and look.has_stood(observed)
    return _put_in_place(observed, ledger, slot, due.adobe_now(observed, now), is_gone=is_gone)


def _put_in_place(observed: Observed, ledger: Ledger, slot: Slot, at: datetime, *, is_gone: bool) -> Decision:
    """Put another one in place, and keep the current one unless it is gone or without a value: one list may lack it."""
    place = _place(observed, ledger)
    if isinstance(ledger.phase, Draining) and place is not None and not is_gone:
        return writes.change_places(ledger, ledger.phase, at, Source(place))
    return writes.switch_to(observed, ledger, slot, at, current_is_gone=is_gone)


def _swapped(observed: Observed, ledger: Ledger, now: Now) -> Decision | None:
    """A person may have put the previous one back by hand, and the current one where that was."""
    phase = ledger.phase
    if not isinstance(phase, Draining) or not look.is_swapped(observed, ledger, Slot.PREVIOUS):
        return None
    value = (Source.CURRENT, phase.previous.digest)
    if not look.is_accepted(observed, *value, now):
        return writes.swap_back(ledger, Slot.PREVIOUS)
    found = look.listing(observed, value, ledger.client_id, now, within=evidence.TEN_MINUTES, uuid=phase.previous.uuid)
    if evidence.find(found, phase.previous.uuid) is None:
        return writes.swap_back(ledger, Slot.PREVIOUS)
    return writes.follow_swap(ledger, phase, due.adobe_now(observed, now))


def _retry(observed: Observed, ledger: Ledger, now: Now) -> timedelta:
    return look.retry_refused(observed, ledger.current.digest, now)


def _edited(observed: Observed, ledger: Ledger, now: Now) -> Decision | None:
    """A person may have put a value there that works."""
    digest = _in_place(observed)
    if digest is None or digest == ledger.current.digest:
        return None
    answer = observed.answer(digest)
    lasted = timedelta() if answer is None else evidence.lasted(answer)
    within = min(max(evidence.TEN_MINUTES, lasted), look.STANDS)  # IMS accepts for a while what was deleted
    if not look.is_accepted(observed, Source.CURRENT, digest, now, within):
        return None
    return take_over.accepted(observed, Source.CURRENT, digest, ledger.client_id, now)


def _bootstrap(observed: Observed, ledger: Ledger, now: Now) -> Decision:
    """A person may have replaced the client secret by hand, and put the new one where the first one was."""
    seen = take_over.bootstrap(observed)
    lost = Wait(findings.lost(observed), now.wall + _retry(observed, ledger, now))
    if isinstance(seen, Finding):
        return lost
    if seen.client_id != ledger.client_id:
        return Wait(findings.bootstrap_of_another(observed, ledger), lost.until)
    digest, is_intact = seen.digest or "", observed.is_intact(Slot.CURRENT)
    if digest == ledger.current.digest and not is_intact:
        return _put_back(observed, ledger, digest, now) or lost
    if not look.is_accepted(observed, Source.BOOTSTRAP, digest, now):
        return lost
    if is_intact and not _may_be_given_up(observed, ledger, digest, now):
        return Wait(findings.refused_for_another(observed, ledger), now.wall + look.SOON)
    return _may_spread(observed, ledger, (Source.BOOTSTRAP, digest), now) or take_over.accepted(
        observed, Source.BOOTSTRAP, digest, ledger.client_id, now
    )


def _put_back(observed: Observed, ledger: Ledger, digest: str, now: Now) -> Decision | None:
    """The bootstrap Secret has the current one, and something else is in its place."""
    if (restored := _restore(observed, ledger, Source.BOOTSTRAP, now)) is not None:
        return restored
    if ledger.current.is_certain or not look.is_accepted(observed, Source.BOOTSTRAP, digest, now):
        return None
    return take_over.accepted(observed, Source.BOOTSTRAP, digest, ledger.client_id, now)  # its uuid was mistaken


def _may_be_given_up(observed: Observed, ledger: Ledger, digest: str, now: Now) -> bool:
    """Whether Adobe does not list the current one any more, or IMS refused it for a while.

    Where it is all that Adobe lists, IMS alone is wrong, which may accept what was deleted too. Where it may have been
    mistaken for the one that Adobe lists, that takes an hour, or that one's last use is our request with the other.
    """
    value, answer = (Source.BOOTSTRAP, digest), observed.answer(digest)
    within = evidence.TEN_MINUTES
    if answer is not None:
        within = min(within, look.until_shown(observed, value, answer, now))
    found = look.listing(observed, value, ledger.client_id, now, within=within)
    if found.secrets and all(take_over.has_another_value(observed, each.uuid, digest) for each in found.secrets):
        return False
    current = ledger.current
    if evidence.find(found, current.uuid) is None:
        return look.has_stood(observed) or _is_refused_for(evidence.TEN_MINUTES, observed, ledger)
    is_shown = evidence.is_shown(observed.memory.match, digest, current.uuid, 1)
    patience = due.SETTLED if not (current.is_certain or is_shown) else evidence.TEN_MINUTES
    return _is_refused_for(patience, observed, ledger)


def _is_refused_for(patience: timedelta, observed: Observed, ledger: Ledger) -> bool:
    """Whether IMS has refused the current one for so long."""
    answer = observed.answer(ledger.current.digest)
    if answer is None or answer.accepted:
        return False
    return evidence.lasted(answer) >= patience
