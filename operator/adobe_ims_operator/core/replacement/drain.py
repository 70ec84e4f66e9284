"""How the old client secret goes: once nobody used it for the whole overlap, by Adobe's own stamps."""

from datetime import datetime, timedelta

from adobe_ims_operator.api.client_secret_ledger import Draining, Ledger, Orphaned, Slot
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement import evidence, look, old_findings, writes
from adobe_ims_operator.core.replacement.decision import Decision, Delete, Wait
from adobe_ims_operator.core.replacement.listing import ListedClientSecret, Listing, NoUse
from adobe_ims_operator.core.replacement.model import Now, Observed, Source, Step
from adobe_ims_operator.core.replacement.rescue import rescue, unlisted

CHECK = timedelta(hours=6)
"""How often Adobe's list is looked at."""
SWITCHED_WITHIN = timedelta(days=1)
"""For how long after a new client secret is in place a reader of the Secret may use the old one: a token's life."""


def old_uuid(phase: Draining | Orphaned) -> str:
    """The client secret that is to go."""
    return phase.previous.uuid if isinstance(phase, Draining) else phase.uuid


def may_have_users(phase: Draining | Orphaned) -> bool:
    """Whether applications could read its value: then no time of a last use counts as used."""
    return isinstance(phase, Draining) or phase.may_be_in_use


def is_uncertain(phase: Draining | Orphaned) -> bool:
    """Whether it may be another one than was in place, and somebody else's."""
    return isinstance(phase, Draining) and not phase.previous.is_certain


def since(ledger: Ledger, phase: Draining | Orphaned) -> datetime:
    """From when on the overlap is measured at the earliest, by Adobe's clock."""
    return ledger.current.since if isinstance(phase, Draining) else max(phase.since, ledger.current.since)


def decide(observed: Observed, ledger: Ledger, phase: Draining | Orphaned, now: Now) -> Decision:
    """Decide on the old client secret.

    Raises:
        Unanswered: something is to be asked or read first.
    """
    current = ledger.current
    if observed.memory.deleted == old_uuid(phase):
        return writes.forget_old(observed, ledger, phase)
    if not observed.is_intact(Slot.CURRENT) or not look.is_accepted(observed, Source.CURRENT, current.digest, now):
        return rescue(observed, ledger, now)
    found = look.of_current(observed, ledger, now, CHECK)
    old = evidence.find(found, old_uuid(phase))
    if evidence.find(found, current.uuid) is None:
        return unlisted(observed, ledger, now)
    if old is not None:
        return _old(observed, ledger, phase, old, now)
    return _absent(observed, ledger, phase, now)


def _absent(observed: Observed, ledger: Ledger, phase: Draining | Orphaned, now: Now) -> Decision:
    """Adobe lists the current one, and not the old one."""
    # Before its value is dropped, the current one must work.
    if not look.is_accepted(observed, Source.CURRENT, ledger.current.digest, now, evidence.TEN_MINUTES):
        return rescue(observed, ledger, now)
    found = look.of_current(observed, ledger, now, evidence.TEN_MINUTES)
    if (remaining := look.until_proven(observed, now)) is not None:
        return Wait(finding(observed, ledger, phase, found), now.wall + remaining)
    return writes.forget_old(observed, ledger, phase)


def _old(observed: Observed, ledger: Ledger, phase: Draining | Orphaned, old: ListedClientSecret, now: Now) -> Decision:
    """Adobe lists both: delete the old one, or wait."""
    found = look.of_current(observed, ledger, now, CHECK)
    was_used = isinstance(old.last_use, datetime) or old.uuid in observed.memory.uses
    if isinstance(phase, Orphaned) and not phase.certain and was_used:
        return writes.forget_old(observed, ledger, phase)  # somebody has its value, so it is not the one that was lost
    if observed.resource.spec.keeps_old or not is_drained(observed, ledger, found):
        if phase.deleting:
            return writes.set_deleting(observed, ledger, phase, deleting=False)
        return Wait(finding(observed, ledger, phase, found), now.wall + look.idle(observed, now))
    if (wait := look.held_up(observed, Step.DELETE, now)) is not None:
        return wait
    return _delete(observed, ledger, phase, now)


def _delete(observed: Observed, ledger: Ledger, phase: Draining | Orphaned, now: Now) -> Decision:
    since_intent = observed.memory.deleting_since
    if not phase.deleting or since_intent is None:
        return writes.set_deleting(observed, ledger, phase, deleting=True)
    # One list may be wrong: a second one, of ten minutes later, must say the same.
    remaining = evidence.TEN_MINUTES - timedelta(seconds=now.monotonic - since_intent)
    if remaining > timedelta():
        found = look.of_current(observed, ledger, now, CHECK)
        return Wait(finding(observed, ledger, phase, found), now.wall + remaining)
    if not look.is_accepted(observed, Source.CURRENT, ledger.current.digest, now, evidence.TEN_MINUTES):
        return rescue(observed, ledger, now)
    found = look.of_current(observed, ledger, now, look.FRESH)
    if sorted(entry.uuid for entry in found.secrets) != sorted((ledger.current.uuid, old_uuid(phase))):
        return Wait(finding(observed, ledger, phase, found), now.wall + evidence.TEN_MINUTES)
    return Delete(old_uuid(phase))


def is_drained(observed: Observed, ledger: Ledger, found: Listing) -> bool:
    """Whether nobody has used the old client secret for the whole overlap, and the new one works."""
    phase = ledger.phase
    if not isinstance(phase, Draining | Orphaned) or is_uncertain(phase):
        return False
    new, old = evidence.find(found, ledger.current.uuid), evidence.find(found, old_uuid(phase))
    if new is None or old is None:
        return False
    begun = since(ledger, phase)
    used = max(begun, observed.memory.uses.get(old.uuid, begun))
    held = may_have_users(phase)
    return evidence.is_drained(found, new, old, used, _overlap(observed, phase), held=held)


def _overlap(observed: Observed, phase: Draining | Orphaned) -> timedelta:
    """For how long nobody must have used the old one: it was promised when the new one was put in place."""
    overlap = observed.resource.spec.overlap
    return overlap if phase.overlap is None else max(overlap, phase.overlap)


def finding(observed: Observed, ledger: Ledger, phase: Draining | Orphaned, found: Listing) -> Finding:
    """How the old client secret stands."""
    uuid = old_uuid(phase)
    old = evidence.find(found, uuid)
    orphan = None if may_have_users(phase) or isinstance(phase, Draining) else phase
    if is_uncertain(phase):
        return old_findings.uncertain(uuid)
    if observed.resource.spec.keeps_old:
        return old_findings.kept(uuid) if orphan is None else old_findings.orphaned(orphan, keeps=True)
    if old is not None and is_in_use(ledger, phase, old, found):
        return in_use(observed, phase, old)
    new = evidence.find(found, ledger.current.uuid)
    if new is not None and not evidence.is_shown_as_used(found, new, since(ledger, phase)):
        return old_findings.unshown(new, uuid)
    overlap = old_findings.overlap_in_words(_overlap(observed, phase), observed)
    return old_findings.draining(uuid, overlap) if orphan is None else old_findings.orphaned(orphan, keeps=False)


def in_use(observed: Observed, phase: Draining | Orphaned, old: ListedClientSecret) -> Finding:
    """That somebody still uses the old one, and for how long nobody must have before it goes."""
    overlap = old_findings.overlap_in_words(_overlap(observed, phase), observed)
    return old_findings.in_use(old, old_findings.name(phase), overlap)


def is_in_use(ledger: Ledger, phase: Draining | Orphaned, old: ListedClientSecret, found: Listing) -> bool:
    """Whether somebody uses the old one who does not read the managed Secret, as far as Adobe shows."""
    by_now = since(ledger, phase) + SWITCHED_WITHIN
    if isinstance(old.last_use, datetime):
        return old.last_use > by_now
    unknown = may_have_users(phase) or old.last_use is NoUse.UNREADABLE
    return unknown and found.at > by_now
