"""How a client secret that Adobe gave comes into its Secret, whatever else is the case: nobody else has its value."""

from dataclasses import replace
from datetime import datetime

from adobe_ims_operator.api.client_secret_ledger import Adding, Draining, Ledger, NoLedger, Orphaned, Proving
from adobe_ims_operator.api.times import moment_or_none
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement import evidence, findings, identity_findings, writes
from adobe_ims_operator.core.replacement.decision import Write
from adobe_ims_operator.core.replacement.model import Added, ManagedSecret, Memory, Observed, Step, UnreadSecret


def write(observed: Observed, added: Added) -> Write | None:
    """The write that keeps it; None where it is kept, or can't be."""
    if is_over(observed, added):
        return None
    if observed.secret is None:
        is_ours = added.credential == observed.resource.spec.credential
        return writes.keep_added_alone(observed, added) if is_ours else None
    ledger = _ledger(observed)
    if ledger is None or ledger.credential != added.credential:
        return None
    if ledger.secret != str(observed.resource.secret_key) or isinstance(ledger.phase, Proving | Draining):
        return None
    if not _may_be_there(observed, ledger, added):
        return None
    is_new = added.secret.uuid != ledger.current.uuid and added.digest != ledger.current.digest
    return writes.keep_next(observed, ledger, added) if is_new else None


def is_over(observed: Observed, added: Added) -> bool:
    """Whether it need not be remembered: the ledger names it, or a later replacement shows that it was dropped.

    Another process may have kept it, and gone on, while this one did not lead.
    """
    ledger, status = _ledger(observed), observed.resource.status
    if ledger is not None and ledger.credential == added.credential:
        if added.secret.uuid in {held.uuid for held in ledger.held.values()}:
            return True
        if added.secret.uuid in ledger.known:
            return False
        return _may_be_there(observed, ledger, added) is False
    if observed.secret is not None:
        return False
    if added.uid != observed.resource.uid:
        return True  # the Secret is gone too, and somebody else may have made this object
    # Of a Secret that was deleted, the status tells what Adobe had since.
    reported, rotated_at = {each.uuid for each in status.client_secrets}, moment_or_none(status.last_rotation_time)
    is_later = rotated_at is not None and rotated_at > added.date
    return is_later and bool(reported) and added.secret.uuid not in reported


def _may_be_there(observed: Observed, ledger: Ledger, added: Added) -> bool | None:
    """Whether no replacement shows that it was dropped; None where Adobe's lists do not tell yet.

    Each begins while Adobe has one alone, which this one is not. But one that was put in place may be an earlier one,
    of a backup: so a list since then tells.
    """
    begun, listed = _begun_at(ledger), observed.memory.listed
    if begun is None or begun <= added.date + evidence.SLACK:
        return True
    if begun != ledger.rotated_at:
        return False
    if listed is None or listed.listing.at < begun:
        return None
    if evidence.find(listed.listing, added.secret.uuid) is not None:
        return True
    return False if evidence.has_stood(listed) else None


def given_up(observed: Observed) -> str | None:
    """The uuid of what Adobe gave, where its value is about to be forgotten, and the ledger does not name it."""
    added, ledger = observed.memory.added, _ledger(observed)
    if added is None or not is_over(observed, added):
        return None
    held = () if ledger is None else ledger.held.values()
    return None if added.secret.uuid in {each.uuid for each in held} else added.secret.uuid


def _begun_at(ledger: Ledger) -> datetime | None:
    """When the latest replacement in the ledger began, or a moment soon after."""
    match ledger.phase:
        case Adding(at=at):
            return at
        case Orphaned(was_in_place=False, since=since):
            return since
        case _:
            return ledger.rotated_at


def forget(observed: Observed) -> Memory:
    """What is remembered, without what need not be."""
    memory = observed.memory
    is_kept = memory.added is not None and is_over(observed, memory.added)
    return replace(memory, added=None) if is_kept else memory


def problem(observed: Observed) -> Finding | None:
    """Why what Adobe gave is in memory alone; None where it is kept, or is about to be."""
    added = observed.memory.added
    if added is None or is_over(observed, added):
        return None
    ledger = _ledger(observed)
    if ledger is not None and ledger.credential == added.credential and not _may_be_there(observed, ledger, added):
        return None
    if not isinstance(observed.secret, UnreadSecret) and write(observed, added) is None:
        return findings.not_kept(added.secret.uuid, _why_not(observed, added))
    for step in (Step.WRITE, Step.READ_SECRET):
        failure = observed.memory.failures.get(step)
        if failure is not None and not (failure.passing and failure.count == 1):
            return findings.not_kept(added.secret.uuid, failure.finding)
    return None


def _why_not(observed: Observed, added: Added) -> Finding:
    if added.credential != observed.resource.spec.credential:
        return identity_findings.of_another_credential(added.credential)
    return not_ours(observed) or findings.under_way(observed)


def not_ours(observed: Observed) -> Finding | None:
    """Why nothing may be written to the Secret."""
    if not isinstance(observed.secret, ManagedSecret):
        return None
    ledger = observed.secret.ledger
    if ledger is NoLedger.ABSENT:
        owner = observed.secret.owner or "was not made by this operator"
        was_ours = _was_ours(observed, observed.secret)
        return findings.ledger_lost(observed) if was_ours else findings.not_owned(observed, owner)
    if not isinstance(ledger, Ledger):
        return findings.ledger_damaged(observed)
    if ledger.credential != observed.resource.spec.credential:
        return findings.not_owned(observed, f"holds the client of credential {ledger.credential}")
    if ledger.secret != str(observed.resource.secret_key):
        return findings.not_owned(observed, f"is a copy of Secret {ledger.secret}")
    return None


def _was_ours(observed: Observed, secret: ManagedSecret) -> bool:
    """Whether the ledger was taken off a Secret of ours, which may have the one value that works."""
    before = observed.resource.status
    reported = before.secret_name == observed.resource.spec.secret.name and before.last_rotation_time is not None
    return reported or (secret.is_labelled and secret.client_id is not None)


def _ledger(observed: Observed) -> Ledger | None:
    ledger = observed.secret.ledger if isinstance(observed.secret, ManagedSecret) else None
    return ledger if isinstance(ledger, Ledger) else None
