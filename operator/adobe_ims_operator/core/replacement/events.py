"""The Events of an AdobeIMSClientSecret: what was done to the client secrets, and what a person may have to do."""

from adobe_ims_operator.api.client_secret_ledger import Draining, Ledger, Orphaned, Proving, Slot
from adobe_ims_operator.api.client_secret_status import OLD_CLIENT_SECRET_IN_USE, ClientSecretStatus
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.status import READY, ROTATION_FAILING
from adobe_ims_operator.core.events import Event
from adobe_ims_operator.core.replacement import drain, old_findings
from adobe_ims_operator.core.replacement.decision import Deed, Write
from adobe_ims_operator.core.replacement.model import Memory, Source

_PASSING = {
    Reason.IMS_UNAVAILABLE,
    Reason.IMS_RATE_LIMITED,
    Reason.IMS_RESPONSE_INVALID,
    Reason.CONSOLE_UNAVAILABLE,
    Reason.CONSOLE_RATE_LIMITED,
    Reason.CONSOLE_RESPONSE_INVALID,
}
"""Adobe in trouble may fail in another way at each retry."""


def of_write(write: Write, before: Ledger | None, memory: Memory) -> list[Event]:
    """The Events for a write of the managed Secret.

    Args:
        before: the ledger that it replaced.
        memory: of before the write.
    """
    if write.deed in (Deed.DROP_PREVIOUS, Deed.FORGET_ORPHAN):
        return _of_gone(before, memory)
    event = _of_deed(write, before)
    return [] if event is None else [event]


def _of_deed(write: Write, before: Ledger | None) -> Event | None:
    current, secret = write.ledger.current.uuid, write.ledger.secret
    match write.deed:
        case Deed.TAKE_OVER:
            said = (Reason.TAKEN_OVER, f"Secret {secret} holds the client now, with client secret {current}", False)
        case Deed.PROMOTE:
            said = (Reason.REPLACED, f"client secret {current} is in place; {_old(write.ledger, before)}", False)
        case Deed.SWITCH_BACK if write.data.get(Slot.PREVIOUS) is Source.CURRENT:
            what = "IMS refuses the client secret in place"
            said = (Reason.SWITCHED_BACK, f"{what}; the previous one, {current}, is back in place", True)
        case Deed.SWITCH_BACK:
            said = (
                Reason.SWITCHED_BACK,
                f"{_why_back(write.ledger)}; the one before it, {current}, is in place again",
                True,
            )
        case Deed.DROP_NEXT if before is not None and isinstance(before.phase, Proving):
            what = f"client secret {before.phase.next.uuid} was deleted by somebody else before it was in place"
            said = (Reason.NEXT_CLIENT_SECRET_GONE, what, True)
        case Deed.KEEP_ADDED_ALONE:
            said = (Reason.SECRET_MISSING, f"Secret {secret} was deleted; it is made again with {current}", True)
        case Deed.RESTORE:
            said = (Reason.SECRET_EDITED, f"somebody changed Secret {secret}; it holds what it did before", False)
        case _:
            return None
    reason, note, warning = said
    return Event(reason, note, warning=warning)


def _old(after: Ledger, before: Ledger | None) -> str:
    match after.phase:
        case Draining(previous=previous):
            return f"the old one, {previous.uuid}, is under {Slot.PREVIOUS} and stays valid while it is used"
        case Orphaned(uuid=uuid):
            what = f"the value of the old one, {uuid}, is not in the Secret any more"
            return f"{what}; unless somebody deleted it, it stays valid while it is used"
        case _:
            return f"the old one{'' if before is None else f', {before.current.uuid},'} does not work any more"


def _why_back(after: Ledger) -> str:
    match after.phase:
        case Draining(previous=previous):
            return f"somebody put the value before that of client secret {previous.uuid} back"
        case Orphaned(uuid=uuid):
            return f"somebody deleted client secret {uuid}, or changed its value in the Secret"
        case _:
            return "somebody deleted the client secret that was in place"


def _of_gone(before: Ledger | None, memory: Memory) -> list[Event]:
    phase = None if before is None else before.phase
    if not isinstance(phase, Draining | Orphaned):
        return []
    uuid = drain.old_uuid(phase)
    by_us = uuid == memory.deleted or (phase.deleting and drain.may_have_users(phase))
    if by_us:
        note = f"{old_findings.name(phase)} {uuid} is deleted"
        return [Event(Reason.OLD_CLIENT_SECRET_DELETED, note, warning=False)]
    if isinstance(phase, Orphaned):
        return []  # it may have been gone already when it left its place, and that was told
    note = f"the old client secret {uuid} was deleted by somebody else"
    return [Event(Reason.OLD_CLIENT_SECRET_GONE, note, warning=False)]


def derive(before: ClientSecretStatus, after: ClientSecretStatus) -> list[Event]:
    """The Events for the change from one status to the next."""
    found = [_of_failure(before, after), _of_recovery(before, after), _of_old(before, after)]
    return [event for event in found if event is not None]


def _of_failure(before: ClientSecretStatus, after: ClientSecretStatus) -> Event | None:
    old, new = before.condition(ROTATION_FAILING), after.condition(ROTATION_FAILING)
    if new is None or new.status != "True":
        return None
    if old is not None and old.status == "True" and (old.reason == new.reason or {old.reason, new.reason} <= _PASSING):
        return None
    return Event(new.reason, new.message, warning=True)


def _of_recovery(before: ClientSecretStatus, after: ClientSecretStatus) -> Event | None:
    ready = after.condition(READY)
    if ready is None or ready.status != "True" or not after.says(ROTATION_FAILING, "False"):
        return None
    if not before.says(ROTATION_FAILING, "True") and not before.says(READY, "False"):
        return None
    return Event(Reason.IN_PLACE, ready.message, warning=False)


def _of_old(before: ClientSecretStatus, after: ClientSecretStatus) -> Event | None:
    new = after.condition(OLD_CLIENT_SECRET_IN_USE)
    if new is None or new.status != "True" or before.says(OLD_CLIENT_SECRET_IN_USE, "True"):
        return None
    return Event(new.reason, new.message, warning=True)
