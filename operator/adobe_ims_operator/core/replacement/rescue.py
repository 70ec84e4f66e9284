"""What to do where the current client secret does not work, or is not what was written: what works takes its place.

In this order: what somebody wrote in place of the current one, the current one that they moved to another key, the
previous one, the next one, the previous one that somebody swapped with the current one, another one of those in its
place, what somebody wrote under another key, and what is in the bootstrap Secret. Nothing is added at Adobe, and
nothing deleted.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from adobe_ims_operator.api.client_secret_ledger import Draining, Held, Ledger, Origin, Proving, Slot
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement import confirm, due, evidence, findings, look, take_over, writes
from adobe_ims_operator.core.replacement.decision import AskToken, Decision, Wait
from adobe_ims_operator.core.replacement.model import Now, Observed, Source


def rescue(observed: Observed, ledger: Ledger, now: Now) -> Decision:
    """Find a client secret that works.

    Raises:
        Unanswered: something is to be asked or read first.
    """
    return (
        confirm.doubt(observed, ledger, now)
        or _written(observed, ledger, now)
        or _moved(observed, ledger, now)
        or _switch_to(observed, ledger, Slot.PREVIOUS, now)
        or _switch_to(observed, ledger, Slot.NEXT, now)
        or _swapped(observed, ledger, now)
        or _edited(observed, ledger, now)
        or _elsewhere(observed, ledger, now)
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
    source = _place(observed, ledger.current, Slot.CURRENT)
    if source is None or observed.is_intact(Slot.CURRENT) or look.is_swapped(observed, ledger, Slot.PREVIOUS):
        return None
    return _restore(observed, ledger, source, now)


def _restore(observed: Observed, ledger: Ledger, source: Source, now: Now) -> Decision | None:
    """Put the current one back from there; where somebody wrote a value in its place, only if it works."""
    if writes.is_strange(observed):
        if not _works(observed, ledger, source, now):
            return None
        if (spreading := _may_spread(observed, now)) is not None:
            return spreading
        if not _works(observed, ledger, source, now, look.SOON):  # ours may have been deleted in those ten minutes
            return None
    return writes.restore(observed, overlapping(observed, ledger, now), source)


def overlapping(observed: Observed, ledger: Ledger, now: Now) -> Ledger:
    """The ledger with the overlap begun again where the previous one is in place, and is about to leave it again."""
    phase, current = ledger.phase, ledger.current
    if not isinstance(phase, Draining) or observed.digests.get(Slot.CURRENT) != phase.previous.digest:
        return ledger
    promised = max(observed.resource.spec.overlap, phase.overlap or timedelta())
    since = max(current.since, due.adobe_now(observed, now))
    return replace(ledger, current=replace(current, since=since), phase=replace(phase, overlap=promised))


def _written(observed: Observed, ledger: Ledger, now: Now) -> Decision | None:
    """A person may have written a value that works, which none of ours is to overwrite."""
    if not writes.is_strange(observed):
        return None
    return _edited(observed, ledger, now)


def _may_spread(observed: Observed, now: Now) -> Wait | None:
    """What somebody wrote in place may be what they added at Adobe a moment ago, which takes time to spread.

    Raises:
        Unanswered: IMS has refused it for ten minutes, and is to be asked once more.
    """
    if (spreading := take_over.until_refused_for(evidence.TEN_MINUTES, observed, now)) is not None:
        return spreading
    digest = observed.digests.get(Slot.CURRENT) if writes.is_strange(observed) else None
    answer = None if digest is None else observed.answer(digest)
    if digest is None or answer is None:
        return None
    if not evidence.is_recent(answer.at, now, look.SOON):
        raise look.Unanswered(AskToken(Source.CURRENT, digest))
    return None


def _place(observed: Observed, held: Held, slot: Slot) -> Source | None:
    """Where the value of one of ours is: under its own key, or where somebody moved it."""
    return next(
        (Source(each.value) for each in (slot, *observed.digests) if observed.digests.get(each) == held.digest), None
    )


def _works(
    observed: Observed, ledger: Ledger, source: Source, now: Now, within: timedelta = evidence.TEN_MINUTES
) -> bool:
    """Whether IMS accepts the current one and Adobe lists it: what was deleted is accepted for a while.

    Args:
        within: how old the list may be.
    """
    value = (source, ledger.current.digest)
    if not look.is_accepted(observed, *value, now, evidence.TEN_MINUTES):
        return False
    answer, listed = observed.answer(ledger.current.digest), observed.memory.listed
    if answer is not None and listed is not None and listed.at.monotonic >= answer.at.monotonic:
        is_recent = evidence.is_recent(listed.at, now, within)
        if is_recent and listed.listing.client_id == ledger.client_id:  # whichever value it was asked for with
            return evidence.find(listed.listing, ledger.current.uuid) is not None
    found = look.listing(observed, value, ledger.client_id, now, within=within)
    return evidence.find(found, ledger.current.uuid) is not None


def _switch_to(observed: Observed, ledger: Ledger, slot: Slot, now: Now) -> Decision | None:
    held, current = ledger.held.get(slot), ledger.current.uuid
    source = None if held is None else _place(observed, held, slot)
    if (
        held is None
        or source is None
        or look.is_swapped(observed, ledger, slot)
        or not look.is_accepted(observed, source, held.digest, now, evidence.TEN_MINUTES)
    ):
        return None
    value = (source, held.digest)
    found = look.listing(observed, value, ledger.client_id, now, within=evidence.TEN_MINUTES)
    if evidence.find(found, held.uuid) is not None and writes.is_strange(observed):
        if (spreading := _may_spread(observed, now)) is not None:
            return spreading
        found = look.listing(observed, value, ledger.client_id, now, within=look.SOON)
    if evidence.find(found, held.uuid) is None:
        return Wait(findings.unlisted(held.uuid), now.wall + evidence.TEN_MINUTES)
    is_listed = evidence.find(found, current) is not None
    if is_listed and observed.is_intact(Slot.CURRENT):
        if isinstance(ledger.phase, Draining) and _is_refused_for(evidence.TEN_MINUTES, observed, ledger):
            return writes.change_places(observed, ledger, ledger.phase, due.adobe_now(observed, now), source)
        # It may be accepted again; who uses the Secret has the other one meanwhile.
        return Wait(findings.refused_but_listed(current), now.wall + _retry(observed, ledger, now))
    is_gone = not is_listed and look.has_stood(observed)
    return _put_in_place(observed, ledger, (slot, source), due.adobe_now(observed, now), is_gone=is_gone)


def _put_in_place(
    observed: Observed, ledger: Ledger, other: tuple[Slot, Source], at: datetime, *, is_gone: bool
) -> Decision:
    """Put another one in place, and keep the current one unless it is gone or without a value: one list may lack it.

    Args:
        other: which one, and where it is.
    """
    (slot, source), place = other, _place(observed, ledger.current, Slot.CURRENT)
    match ledger.phase:
        case Draining() as phase if place is not None and not is_gone:
            return writes.change_places(observed, ledger, phase, at, source, place)
        case Proving() as phase if place is not None and not is_gone:
            return writes.promote(observed, ledger, phase, at, source, place)
    return writes.switch_to(observed, ledger, slot, at, source, current_is_gone=is_gone)


def _swapped(observed: Observed, ledger: Ledger, now: Now) -> Decision | None:
    """A person may have put the previous one back by hand, and the current one where that was."""
    phase = ledger.phase
    if not isinstance(phase, Draining) or not look.is_swapped(observed, ledger, Slot.PREVIOUS):
        return None
    value = (Source.CURRENT, phase.previous.digest)
    if not look.is_accepted(observed, *value, now):
        return writes.swap_back(observed, overlapping(observed, ledger, now), Slot.PREVIOUS)
    found = look.listing(observed, value, ledger.client_id, now, within=evidence.TEN_MINUTES, uuid=phase.previous.uuid)
    if evidence.find(found, phase.previous.uuid) is None:
        return writes.swap_back(observed, overlapping(observed, ledger, now), Slot.PREVIOUS)
    return writes.change_places(
        observed, ledger, phase, due.adobe_now(observed, now), previous=Source.CURRENT, current=Source.PREVIOUS
    )


def _retry(observed: Observed, ledger: Ledger, now: Now) -> timedelta:
    """Until IMS is asked again, by the refusals of what the Secrets have."""
    seen = observed.memory.bootstrap
    given = () if seen is None or seen.digest is None else (seen.digest,)
    return look.retry_refused(observed, ledger.current.digest, now, (*observed.digests.values(), *given))


def _edited(observed: Observed, ledger: Ledger, now: Now) -> Decision | None:
    """A person may have put a value there that works."""
    digest = observed.digests.get(Slot.CURRENT)
    if digest is None or digest == ledger.current.digest:
        return None
    answer = observed.answer(digest)
    lasted = timedelta() if answer is None else evidence.lasted(answer)
    within = min(max(evidence.TEN_MINUTES, lasted), look.STANDS)  # IMS accepts for a while what was deleted
    if not look.is_accepted(observed, Source.CURRENT, digest, now, within):
        return None
    return take_over.accepted(observed, Source.CURRENT, digest, ledger.client_id, now)


def _elsewhere(observed: Observed, ledger: Ledger, now: Now) -> Decision | None:
    """A person may have written a value that works under another key."""
    for slot in sorted(writes.strangers(observed) - {Slot.CURRENT}):
        source, digest = Source(slot.value), observed.digests[slot]
        if look.is_accepted(observed, source, digest, now):
            return _take_over(observed, ledger, (source, digest), now)
    return None


def _take_over(observed: Observed, ledger: Ledger, value: tuple[Source, str], now: Now) -> Decision:
    """IMS accepts a value that is not in place: it takes the place of the current one, if that may be given up."""
    if observed.is_intact(Slot.CURRENT) and not _may_be_given_up(observed, ledger, value, now):
        return Wait(findings.refused_for_another(observed, ledger, value[0]), now.wall + look.SOON)
    return _may_spread(observed, now) or take_over.accepted(observed, *value, ledger.client_id, now)


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
    return _take_over(observed, ledger, (Source.BOOTSTRAP, digest), now)


def _put_back(observed: Observed, ledger: Ledger, digest: str, now: Now) -> Decision | None:
    """The bootstrap Secret has the current one, and something else is in its place."""
    if (restored := _restore(observed, ledger, Source.BOOTSTRAP, now)) is not None:
        return restored
    if ledger.current.is_certain or not look.is_accepted(observed, Source.BOOTSTRAP, digest, now):
        return None
    # Its uuid was mistaken.
    return _may_spread(observed, now) or take_over.accepted(observed, Source.BOOTSTRAP, digest, ledger.client_id, now)


def _may_be_given_up(observed: Observed, ledger: Ledger, value: tuple[Source, str], now: Now) -> bool:
    """Whether Adobe does not list the current one any more, or IMS refused it for a while.

    Where it is all that Adobe lists, IMS alone is wrong, which may accept what was deleted too. Where it may have been
    mistaken for the one that Adobe lists, that takes an hour, or that one's last use is our request with the other.
    """
    digest = value[1]
    answer = observed.answer(digest)
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
