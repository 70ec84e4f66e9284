"""The writes of a managed Secret: for each deed the ledger that follows, and where the values of the data come from."""

from dataclasses import replace
from datetime import datetime, timedelta

from adobe_ims_operator.api.client_secret_ledger import (
    Adding,
    Draining,
    Held,
    Ledger,
    Origin,
    Orphaned,
    Phase,
    Proving,
    Slot,
    Steady,
)
from adobe_ims_operator.core.replacement.decision import Deed, Write
from adobe_ims_operator.core.replacement.model import Added, Observed, Source

_SOURCES = {Slot.CURRENT: Source.CURRENT, Slot.PREVIOUS: Source.PREVIOUS, Slot.NEXT: Source.NEXT}


def strangers(observed: Observed) -> frozenset[Slot]:
    """Where values are that the ledger has not, and that may be nowhere else."""
    if observed.ledger is None:
        return frozenset()
    ours = {held.digest for held in observed.ledger.held.values()}
    return frozenset(slot for slot, digest in observed.digests.items() if digest not in ours)


def is_strange(observed: Observed) -> bool:
    """Whether such a value is in place."""
    return Slot.CURRENT in strangers(observed)


def _kept(observed: Observed, ledger: Ledger, *, over: bool = False) -> dict[Slot, Source]:
    """The slots of a ledger that the Secret has a value for, each as it is, or as somebody moved it elsewhere.

    Args:
        over: also over a value that somebody wrote in place, of which IMS was asked; else all stays as it is there.
    """
    there = observed.digests
    if not over and is_strange(observed):
        return {slot: _SOURCES[slot] for slot in there}
    found, unknown = _beside(observed, ledger), strangers(observed)
    for slot, held in ledger.held.items():
        places = [slot, *there]
        # A wrong value stays until there is another; a copy of ours elsewhere would not be what the ledger says.
        otherwise = slot if slot is Slot.CURRENT or slot in unknown else None
        place = next((each for each in places if there.get(each) == held.digest), otherwise)
        if place is not None and place in there:
            found[slot] = _SOURCES[place]
    return found


def _beside(observed: Observed, ledger: Ledger) -> dict[Slot, Source]:
    """What nobody knows, under keys that a ledger has no use for: it may be the one value that works."""
    return {slot: _SOURCES[slot] for slot in strangers(observed) if slot not in ledger.held}


def _note(observed: Observed, deed: Deed, ledger: Ledger, phase: Phase) -> Write:
    """Change the phase, and remove what the phase before had alone."""
    after = replace(ledger, phase=phase)
    return Write(deed, after, _kept(observed, after))


def take_over(
    observed: Observed, value: tuple[Source, str], client_id: str, uuid: str, origin: Origin, *, at: datetime
) -> Write:
    """Hold one client secret; what else the Secret has stays under its key, as it may work too.

    Args:
        value: where it is, and its digest.
    """
    (source, digest), before, resource = value, observed.ledger, observed.resource
    ledger = Ledger(
        credential=resource.spec.credential,
        secret=str(resource.secret_key),
        client_id=client_id,
        current=Held(uuid, digest, origin, at),
        phase=Steady(),
        rotated_at=None if before is None else before.rotated_at,
        rotate_request=_answered_request(observed),
    )
    there = observed.digests.items()
    others = {slot: _SOURCES[slot] for slot, each in there if slot not in ledger.held and each != digest}
    return Write(Deed.TAKE_OVER, ledger, {**others, Slot.CURRENT: source})


def _answered_request(observed: Observed) -> str:
    """The request for a replacement that was answered; of a Secret that was deleted, the status tells which."""
    before = observed.ledger
    return before.rotate_request if before is not None else observed.resource.status.last_handled_rotate_request or ""


def restore(observed: Observed, ledger: Ledger, source: Source | None = None) -> Write:
    """Put back what somebody changed: the client id, and the current client secret.

    Args:
        source: has the current one, which is to be in place even where somebody wrote another value there.
    """
    if source is None:
        return Write(Deed.RESTORE, ledger, _kept(observed, ledger))
    return Write(Deed.RESTORE, ledger, {**_kept(observed, ledger, over=True), Slot.CURRENT: source})


def correct_moments(observed: Observed, ledger: Ledger, at: datetime) -> Write | None:
    """Take the moments that lie ahead of Adobe's clock as `at`; None where none does.

    A wrong Date, or somebody, wrote them: what is measured from them would never come.
    """

    def held(given: Held) -> Held:
        doubted_at = None if given.doubted_at is None else min(given.doubted_at, at)
        return replace(given, since=min(given.since, at), doubted_at=doubted_at)

    phase = ledger.phase
    match phase:
        case Adding():
            phase = Adding(min(phase.at, at))
        case Proving():
            accepted_at = None if phase.accepted_at is None else min(phase.accepted_at, at)
            phase = replace(phase, next=held(phase.next), accepted_at=accepted_at)
        case Draining():
            phase = replace(phase, previous=held(phase.previous))
        case Orphaned():
            phase = replace(phase, since=min(phase.since, at))
        case Steady():
            pass
    rotated_at = None if ledger.rotated_at is None else min(ledger.rotated_at, at)
    after = replace(ledger, current=held(ledger.current), phase=phase, rotated_at=rotated_at)
    return None if after == ledger else Write(Deed.CORRECT, after, _kept(observed, after))


def confirm(observed: Observed, ledger: Ledger, origin: Origin) -> Write:
    """Note how it is known for certain which one at Adobe the current one is."""
    after = replace(ledger, current=replace(ledger.current, origin=origin, doubted_at=None))
    return Write(Deed.CONFIRM, after, _kept(observed, after))


def doubt(observed: Observed, ledger: Ledger, at: datetime) -> Write:
    """Note when it was in doubt which one the current one is."""
    after = replace(ledger, current=replace(ledger.current, doubted_at=at))
    return Write(Deed.DOUBT, after, _kept(observed, after))


def intend_to_add(observed: Observed, ledger: Ledger, at: datetime) -> Write:
    """Note that a client secret is about to be added, while Adobe lists one alone."""
    return _note(observed, Deed.INTEND_TO_ADD, ledger, Adding(at))


def forget_intent(observed: Observed, ledger: Ledger) -> Write:
    """Note that none of ours was added."""
    return _note(observed, Deed.FORGET_INTENT, ledger, Steady())


def keep_next(observed: Observed, ledger: Ledger, added: Added) -> Write:
    """Keep the client secret that Adobe gave, beside the current one."""
    held = Held(added.secret.uuid, added.digest, Origin.ADDED, added.date)
    after = replace(ledger, phase=Proving(held))
    kept, there = _kept(observed, ledger), observed.digests
    # What is under that key gives way to the key of the previous one. IMS is asked first with what somebody wrote in
    # place: so the current one may be here, and comes before what else is there.
    is_needed = is_strange(observed) and there.get(Slot.NEXT) == ledger.current.digest != there.get(Slot.PREVIOUS)
    is_unknown = Slot.NEXT in strangers(observed) and there[Slot.NEXT] != added.digest
    if is_needed or (is_unknown and Slot.PREVIOUS not in kept):
        kept[Slot.PREVIOUS] = Source.NEXT
    return Write(Deed.KEEP_NEXT, after, {**kept, Slot.NEXT: Source.ADDED})


def keep_added_alone(observed: Observed, added: Added) -> Write:
    """Make the Secret again that somebody deleted, from the one value that there is."""
    current = Held(added.secret.uuid, added.digest, Origin.ADDED, added.date)
    resource = observed.resource
    request = resource.rotate_request or _answered_request(observed)
    ledger = Ledger(
        added.credential,
        str(resource.secret_key),
        added.client_id,
        current,
        Steady(),
        rotated_at=added.date,
        rotate_request=request,
    )
    return Write(Deed.KEEP_ADDED_ALONE, ledger, {Slot.CURRENT: Source.ADDED})


def note_accepted(observed: Observed, ledger: Ledger, phase: Proving, at: datetime) -> Write:
    """Note when IMS accepted the next client secret first."""
    return _note(observed, Deed.NOTE_ACCEPTED, ledger, replace(phase, accepted_at=at))


def note_refused(observed: Observed, ledger: Ledger, phase: Proving) -> Write:
    """Begin to prove the next client secret again."""
    return _note(observed, Deed.NOTE_REFUSED, ledger, replace(phase, accepted_at=None))


def promote(
    observed: Observed,
    ledger: Ledger,
    phase: Proving,
    at: datetime,
    following: Source = Source.NEXT,
    current: Source = Source.CURRENT,
) -> Write:
    """Put the next client secret in place, and keep the one before it.

    Args:
        following: where the next one is.
        current: where the current one is.
    """
    after = replace(
        ledger,
        current=replace(phase.next, since=at),
        phase=Draining(ledger.current, overlap=observed.resource.spec.overlap),
        rotated_at=at,
        rotate_request=observed.resource.rotate_request or ledger.rotate_request,
    )
    return Write(Deed.PROMOTE, after, {**_beside(observed, after), Slot.CURRENT: following, Slot.PREVIOUS: current})


def _promised(observed: Observed, phase: Phase) -> timedelta:
    """The overlap for what leaves its place now, which is no shorter than that of what left it before."""
    before = phase.overlap if isinstance(phase, Draining) else None
    return max(observed.resource.spec.overlap, before or timedelta())


def switch_to(
    observed: Observed, ledger: Ledger, slot: Slot, at: datetime, source: Source, *, current_is_gone: bool
) -> Write:
    """Put another client secret in place of the current one, which is gone, or whose value somebody changed.

    Args:
        source: where the other one is.
        current_is_gone: by lists of ten minutes; else it may be there still, without a value.
    """
    held = ledger.held[slot]
    promised = _promised(observed, ledger.phase)
    phase: Phase = Orphaned(ledger.current.uuid, at, certain=True, was_in_place=True, overlap=promised)
    if current_is_gone or not ledger.current.is_certain:  # what may be somebody else's is not ours to delete
        phase = Steady()
    after = replace(ledger, current=replace(held, since=at), phase=phase)
    if slot is Slot.NEXT:
        request = observed.resource.rotate_request or ledger.rotate_request
        after = replace(after, rotated_at=at, rotate_request=request)
    data = {**_beside(observed, after), Slot.CURRENT: source}
    return Write(Deed.SWITCH_BACK if slot is Slot.PREVIOUS else Deed.PROMOTE, after, data)


def swap_back(observed: Observed, ledger: Ledger, slot: Slot) -> Write:
    """Put the current one and another where the ledger has them, which somebody swapped."""
    return Write(
        Deed.RESTORE, ledger, {**_beside(observed, ledger), Slot.CURRENT: _SOURCES[slot], slot: Source.CURRENT}
    )


def change_places(
    observed: Observed,
    ledger: Ledger,
    phase: Draining,
    at: datetime,
    previous: Source,
    current: Source = Source.CURRENT,
) -> Write:
    """Have the previous one in place of the current one, and keep both.

    Args:
        previous: where the previous one is.
        current: where the current one is.
    """
    drained = Draining(ledger.current, overlap=_promised(observed, phase))
    after = replace(ledger, current=replace(phase.previous, since=at), phase=drained)
    data = {**_beside(observed, after), Slot.CURRENT: previous, Slot.PREVIOUS: current}
    return Write(Deed.SWITCH_BACK, after, data)


def drop_next(observed: Observed, ledger: Ledger) -> Write:
    """Drop the next client secret, which is gone at Adobe."""
    return _note(observed, Deed.DROP_NEXT, ledger, Steady())


def set_deleting(observed: Observed, ledger: Ledger, phase: Draining | Orphaned, *, deleting: bool) -> Write:
    """Note that the old client secret is about to be deleted, or not any more."""
    deed = Deed.INTEND_TO_DELETE if deleting else Deed.WITHDRAW_DELETE
    return _note(observed, deed, ledger, replace(phase, deleting=deleting))


def forget_old(observed: Observed, ledger: Ledger, phase: Draining | Orphaned) -> Write:
    """Remove what is gone at Adobe, or was never ours."""
    deed = Deed.DROP_PREVIOUS if isinstance(phase, Draining) else Deed.FORGET_ORPHAN
    return _note(observed, deed, ledger, Steady())


def note_orphan(observed: Observed, ledger: Ledger, uuid: str, since: datetime, *, certain: bool) -> Write:
    """Note that there is a client secret at Adobe that was never in place, and whose value nobody has."""
    orphan = Orphaned(uuid, since, certain=certain, was_in_place=False)
    return _note(observed, Deed.NOTE_ORPHAN, ledger, orphan)
