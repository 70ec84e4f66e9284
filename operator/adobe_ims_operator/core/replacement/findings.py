"""What is found of a client secret, in words that say what a person can do."""

from collections.abc import Sequence
from datetime import datetime

from adobe_ims_operator.api.client_secret_ledger import CLIENT_ID_KEY, LEDGER_ANNOTATION, Ledger, Slot
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement.listing import ListedClientSecret, NoUse
from adobe_ims_operator.core.replacement.model import Observed, Source

IN_PLACE = Finding(Reason.IN_PLACE, "the client secret in place is not due to be replaced")
CONSOLE = "the credential's page in the Developer Console"


def last_use(entry: ListedClientSecret) -> str:
    """When a client secret was used last, as a clause about "it"."""
    match entry.last_use:
        case datetime():
            return f"it was last used at {to_rfc3339(entry.last_use)}"
        case NoUse.NULL:
            return "Adobe shows no time of use of it"
        case NoUse.UNREADABLE:
            return "Adobe shows a time of use of it that can't be read"


def suspended() -> Finding:
    """No step is begun."""
    message = "the replacement of the client secret is suspended; set spec.suspend to false to resume"
    return Finding(Reason.SUSPENDED, message)


def being_deleted() -> Finding:
    """The object goes, and its Secret stays."""
    return Finding(Reason.SUSPENDED, "the object is being deleted; its Secret stays, and nothing more is begun")


def endpoint_not_allowed(url: str, allowed: Sequence[str], *, console: bool) -> Finding:
    """The operator may not send anything there."""
    listed = " or ".join(allowed) or "none"
    if console:
        message = f"the operator may not call the console API at {url}; start it with --console-endpoint {url}"
        return Finding(Reason.CONSOLE_ENDPOINT_NOT_ALLOWED, message)
    message = f"the endpoint {url} is not allowed; set spec.endpoint to one of {listed}, or start the operator with it"
    return Finding(Reason.ENDPOINT_NOT_ALLOWED, message)


def managed_twice(observed: Observed) -> Finding:
    """An older object does the work."""
    message = (
        f"AdobeIMSClientSecret {observed.older} is for the same credential or the same Secret, and is older, so it "
        f"goes on and this one does nothing; delete this one, whose Secret stays if it has one"
    )
    return Finding(Reason.CLIENT_SECRET_MANAGED_TWICE, message)


def not_owned(observed: Observed, whose: str) -> Finding:
    """The Secret is somebody else's."""
    mend = "make this object again with another spec.secret.name, or delete the Secret if nobody needs it"
    if observed.memory.added is not None:  # it is given up where this object is made again
        mend = "copy what is needed of it to another Secret and delete it, and leave this object as it is"
    message = f"Secret {observed.resource.secret_key} {whose}, so nothing is written to it; {mend}"
    return Finding(Reason.SECRET_NOT_OWNED, message)


def ledger_damaged(observed: Observed) -> Finding:
    """Nobody knows what the Secret holds."""
    message = (
        f"the annotation {LEDGER_ANNOTATION} of Secret {observed.resource.secret_key} was changed, or a newer version "
        f"wrote it, so nothing is touched; put back what a backup has, or put the client secret that works into Secret "
        f"{observed.resource.spec.bootstrap.secret_name} and delete Secret {observed.resource.secret_key}"
    )
    return Finding(Reason.LEDGER_DAMAGED, message)


def ledger_lost(observed: Observed) -> Finding:
    """Somebody took the ledger off, as a restore without annotations does."""
    secret, bootstrap = observed.resource.secret_key, observed.resource.spec.bootstrap.secret_name
    message = (
        f"Secret {secret} was written by this operator, and its annotation {LEDGER_ANNOTATION} is gone, so nothing is "
        f"touched; put the annotation back from a backup, or copy {Slot.CURRENT} of Secret {secret} into Secret "
        f"{bootstrap} first, as it may be nowhere else, and only then delete Secret {secret}"
    )
    return Finding(Reason.LEDGER_DAMAGED, message)


def under_way(observed: Observed) -> Finding:
    """Another replacement than that of what Adobe gave is in the ledger, such as one of a backup."""
    message = f"Secret {observed.resource.secret_key} is in the middle of another replacement, which ends first"
    return Finding(Reason.DRAINING, message)


def not_kept(uuid: str, why: Finding) -> Finding:
    """What Adobe gave has no place."""
    message = (
        f"Adobe gave client secret {uuid}, and the operator has it in memory alone, as it can't be written: "
        f"{why.message}. If the operator ends before that is mended, the value is lost; then delete {uuid} on "
        f"{CONSOLE}"
    )
    return Finding(Reason.ADDED_CLIENT_SECRET_NOT_KEPT, message)


def no_bootstrap(observed: Observed) -> Finding:
    """There is nothing to take over."""
    bootstrap = observed.resource.spec.bootstrap
    message = (
        f"there is no Secret {bootstrap.secret_name}; create it with the client id under {bootstrap.id_key} and the "
        f"client secret under {bootstrap.secret_key}, as the Developer Console shows them"
    )
    return Finding(Reason.CLIENT_SECRET_NOT_FOUND, message)


def bootstrap_refused(observed: Observed) -> Finding:
    """IMS does not know the client that a person gave."""
    bootstrap = observed.resource.spec.bootstrap
    message = (
        f"IMS refuses the client in Secret {bootstrap.secret_name}; put a client secret there that {CONSOLE} shows, "
        f"or set spec.endpoint to the IMS that the client is of"
    )
    return Finding(Reason.INVALID_CLIENT, message)


def lost(observed: Observed) -> Finding:
    """There is no client secret that works."""
    message = (
        f"IMS accepts no client secret in Secret {observed.resource.secret_key}, nor the one in Secret "
        f"{observed.resource.spec.bootstrap.secret_name}, and none is added; copy the value of a client secret from "
        f"{CONSOLE} into Secret {observed.resource.spec.bootstrap.secret_name}, and it is taken over"
    )
    return Finding(Reason.CLIENT_SECRET_LOST, message)


def bootstrap_of_another(observed: Observed, ledger: Ledger) -> Finding:
    """The client to take over is not the one that was held."""
    message = (
        f"IMS accepts no client secret in Secret {observed.resource.secret_key}, and Secret "
        f"{observed.resource.spec.bootstrap.secret_name} names another client than {ledger.client_id}; put a client "
        f"secret of that client there"
    )
    return Finding(Reason.CREDENTIAL_MISMATCH, message)


def refused_but_listed(uuid: str) -> Finding:
    """Adobe has it, and IMS does not take it."""
    message = (
        f"IMS refuses the client secret in place, while Adobe still lists it ({uuid}); if this stays, look whether "
        f"{CONSOLE} shows the credential as disabled"
    )
    return Finding(Reason.CLIENT_SECRET_REFUSED, message)


def refused_for_another(observed: Observed, ledger: Ledger, source: Source) -> Finding:
    """Adobe has it, and IMS takes another one than that.

    Args:
        source: has the other one.
    """
    managed, bootstrap = observed.resource.secret_key, observed.resource.spec.bootstrap.secret_name
    where, mend = f"in Secret {bootstrap}", f"delete Secret {managed}"
    if source is not Source.BOOTSTRAP:
        where, mend = f"under {source.value}", f"copy it to {Slot.CURRENT} in Secret {managed}"
    message = (
        f"IMS refuses the client secret in place, {ledger.current.uuid} as far as the operator knows, and accepts the "
        f"one {where}, which is taken over once Adobe shows that it is {ledger.current.uuid}. If this stays, compare "
        f"both with the values on {CONSOLE}; if the one {where} is there and the one in Secret {managed} is not, {mend}"
    )
    return Finding(Reason.CLIENT_SECRET_REFUSED, message)


def unlisted(uuid: str) -> Finding:
    """IMS takes it, and Adobe does not have it.

    Args:
        uuid: empty while a client is taken over, as it is not known yet.
    """
    if not uuid:
        message = (
            "IMS accepts the client secret that is to be taken over, but Adobe does not list it, so nothing is "
            "touched; if this stays, somebody deleted it a moment ago, or spec.credentialId names another credential "
            "of the same client"
        )
        return Finding(Reason.CLIENT_SECRET_UNLISTED, message)
    message = (
        f"IMS accepts the client secret in place, but Adobe does not list it ({uuid}), so nothing is touched; if this "
        f"stays, somebody deleted it a moment ago, or spec.credentialId names another credential of the same client"
    )
    return Finding(Reason.CLIENT_SECRET_UNLISTED, message)


def not_of_now() -> Finding:
    """A list that is no evidence."""
    message = (
        "the list of client secrets is not of this moment by its Date header, so nothing is done because of it; check "
        "that nothing (a proxy, a gateway) between the operator and the console API keeps answers or changes their Date"
    )
    return Finding(Reason.CONSOLE_RESPONSE_INVALID, message)


def adding() -> Finding:
    """It is not known yet whether one was added."""
    message = "a client secret was to be added, and it is not known yet whether it was; Adobe's list tells soon"
    return Finding(Reason.ADDING, message)


def lists_differ() -> Finding:
    """Adobe's lists say one thing and another for long."""
    message = (
        f"a client secret was to be added, and Adobe's lists of more than an hour do not agree on whether it was, so "
        f"nothing is done; look which client secrets {CONSOLE} shows, and if this stays, ask Adobe why lists differ"
    )
    return Finding(Reason.CONSOLE_RESPONSE_INVALID, message)


def proving(uuid: str) -> Finding:
    """The new one is not in place yet."""
    message = f"the new client secret {uuid} is put in place once IMS accepted it twice, ten minutes apart"
    return Finding(Reason.PROVING, message)


def next_refused(uuid: str) -> Finding:
    """The new one should work by now."""
    message = (
        f"IMS still refuses the client secret {uuid} that Adobe gave; the one in place works. If this stays, delete "
        f"{uuid} on {CONSOLE}, and another is added"
    )
    return Finding(Reason.NEXT_CLIENT_SECRET_REFUSED, message)


def next_gone() -> Finding:
    """What is added does not last."""
    message = (
        f"each client secret that is added is deleted before it is in place, so another is added more and more slowly, "
        f"each 6 hours at last; find out who deletes them on {CONSOLE} or by its API. The one in place works"
    )
    return Finding(Reason.NEXT_CLIENT_SECRET_GONE, message)


def edited(observed: Observed) -> Finding:
    """The data is not what the operator wrote."""
    where = f"in Secret {observed.resource.secret_key}"
    if observed.is_intact(Slot.CURRENT):
        return Finding(Reason.CLIENT_SECRET_EDITED, f"somebody changed {CLIENT_ID_KEY} {where}; it is put back")
    digest = observed.digests.get(Slot.CURRENT)
    answer = None if digest is None else observed.answer(digest)
    then = "whatever else works takes its place"
    if answer is not None and answer.accepted:
        then = "IMS accepts the new value, which is taken over once it is known which one at Adobe it is"
    elif digest is not None:
        then += " unless IMS accepts the new value within ten minutes, or an hour where Adobe may have no other"
    message = f"somebody changed {Slot.CURRENT} {where}; {then}"
    return Finding(Reason.CLIENT_SECRET_EDITED, message)


def contested(observed: Observed) -> Finding:
    """What is written does not last."""
    if observed.secret is None:
        message = (
            f"Secret {observed.resource.secret_key} was deleted right after the operator wrote it; it is made again, "
            f"and the later the more often that happens: find out who deletes it"
        )
        return Finding(Reason.SECRET_CONTESTED, message)
    message = (
        f"Secret {observed.resource.secret_key} does not keep what the operator wrote into it a moment ago, "
        f"so it is written more and more slowly; look for a mutating admission webhook or another "
        f"controller that writes to it"
    )
    return Finding(Reason.SECRET_CONTESTED, message)


def missing(observed: Observed) -> Finding:
    """There is no managed Secret yet, or not any more."""
    return Finding(Reason.CLIENT_SECRET_MISSING, f"there is no Secret {observed.resource.secret_key}")


def unverified(observed: Observed) -> Finding:
    """IMS was not asked about what is in place."""
    message = (
        f"IMS was not asked yet about the client secret under {Slot.CURRENT} of Secret {observed.resource.secret_key}"
    )
    return Finding(Reason.UNVERIFIED, message)


def refused(observed: Observed) -> Finding:
    """IMS does not take what is in place."""
    message = f"IMS refuses the client secret under {Slot.CURRENT} of Secret {observed.resource.secret_key}"
    return Finding(Reason.CLIENT_SECRET_REFUSED, message)


def unread(observed: Observed) -> Finding:
    """Nobody knows yet what the managed Secret holds."""
    return Finding(Reason.SECRET_UNREAD, f"Secret {observed.resource.secret_key} was not read yet")
