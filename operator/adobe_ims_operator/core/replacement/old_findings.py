"""What is found of the client secret that is to go, in words that say what a person can do."""

from datetime import datetime, timedelta

from adobe_ims_operator.api.client_secret_ledger import Draining, Orphaned
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement.findings import CONSOLE, last_use
from adobe_ims_operator.core.replacement.listing import ListedClientSecret, NoUse
from adobe_ims_operator.core.replacement.model import Observed


def name(phase: Draining | Orphaned) -> str:
    """What it is: only one that was in place is an old one."""
    if isinstance(phase, Draining) or phase.may_be_in_use:
        return "the old client secret"
    return "the client secret without a value"


def overlap_in_words(overlap: timedelta, observed: Observed) -> str:
    """For how long the old one stays: as the spec says now, or said when it was replaced."""
    if overlap == observed.resource.spec.overlap:
        return "spec.overlap"
    return f"{overlap / timedelta(hours=1):g}h, as spec.overlap was when it was replaced"


def in_use(old: ListedClientSecret, what: str, overlap: str) -> Finding:
    """Somebody still uses it, or may do.

    Args:
        what: as `name` says.
        overlap: for how long it stays unused before it is deleted, in words.
    """
    end = f"To end it at once, delete it on {CONSOLE}"
    match old.last_use:
        case datetime():
            message = (
                f"{what} {old.uuid} was last used at {to_rfc3339(old.last_use)}; find who uses it and "
                f"give them the new one. It is deleted once nobody used it for {overlap}. {end}"
            )
        case NoUse.NULL:
            message = (
                f"Adobe shows no time of use of {what} {old.uuid}, which counts as used; find out "
                f"whether anybody uses it and give them the new one. It is not deleted as long as that stays. {end}"
            )
        case _:
            message = (
                f"Adobe shows a time of use of {what} {old.uuid} that can't be read, which counts as "
                f"used; find out whether anybody uses it and give them the new one. It is not deleted as long as that "
                f"stays. {end}"
            )
    return Finding(Reason.OLD_CLIENT_SECRET_IN_USE, message)


def draining(uuid: str, overlap: str) -> Finding:
    """The old one stays valid for those who still use it."""
    message = (
        f"the old client secret {uuid} stays valid until nobody used it for {overlap}; once you know that nobody uses "
        f"it, you may delete it on {CONSOLE} before that"
    )
    return Finding(Reason.DRAINING, message)


def unshown(new: ListedClientSecret, old: str) -> Finding:
    """Adobe's stamps do not move, so that they tell nothing of the old one."""
    message = (
        f"Adobe does not show that the new client secret {new.uuid} is used, though the operator uses it each day "
        f"({last_use(new)}), so its list does not tell either that nobody uses {old}, which is not deleted as long as "
        f"that stays. The next replacement waits for that: once you know that nobody uses {old}, delete it on {CONSOLE}"
    )
    return Finding(Reason.DRAINING, message)


def kept(uuid: str) -> Finding:
    """The old one is left for a person."""
    message = (
        f"the old client secret {uuid} is kept, as spec.oldSecretPolicy is Keep; delete it on {CONSOLE} before the "
        f"next replacement is due, which waits for that"
    )
    return Finding(Reason.OLD_CLIENT_SECRET_KEPT, message)


def uncertain(uuid: str) -> Finding:
    """The old one is left for a person, who can compare its value."""
    message = (
        f"the old client secret {uuid} is kept, as the operator does not know for certain that Adobe has it with the "
        f"value that was in place before; compare the values on {CONSOLE}. Once you know that nobody uses {uuid}, "
        f"delete it there: the next replacement waits for that"
    )
    return Finding(Reason.OLD_CLIENT_SECRET_KEPT, message)


def orphaned(phase: Orphaned, *, keeps: bool) -> Finding:
    """There is one whose value nobody here has, and that was never in place.

    Args:
        keeps: whether it is left for a person.
    """
    uuid = phase.uuid
    if keeps:
        then = (
            f"it is kept, as spec.oldSecretPolicy is Keep, and the next replacement waits for that. If nobody needs "
            f"it, delete it on {CONSOLE}"
        )
    else:
        then = f"it is deleted once it was unused for spec.overlap. If nobody needs it, delete it on {CONSOLE}"
    if phase.certain:
        message = f"this operator added client secret {uuid}, and its value was lost before it was in place; {then}"
    else:
        message = (
            f"Adobe has client secret {uuid}, which was created when this operator asked for one and no answer came, "
            f"and was never used, so it is taken for that one, whose value is lost; {then}. If it is yours, ask IMS "
            f"for a token with it: one that was used is left alone"
        )
    return Finding(Reason.ADDED_CLIENT_SECRET_UNKNOWN, message)
