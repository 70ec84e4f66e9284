"""What may be decided for a client secret: one step of I/O, or to wait, or to refuse."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from adobe_ims_operator.api.client_secret_ledger import Ledger, Slot
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement.model import Source


@dataclass(frozen=True, slots=True)
class ReadSecret:
    """Read the managed Secret, since only its content says what is to be known."""


@dataclass(frozen=True, slots=True)
class ReadBootstrap:
    """Read the Secret that the OAuth client came in."""


@dataclass(frozen=True, slots=True)
class AskToken:
    """Ask IMS for a management token with one client secret: it proves the value, and is what Adobe is asked with."""

    source: Source
    digest: str
    """Of the value that is meant: if the Secret holds another by now, do not ask."""


@dataclass(frozen=True, slots=True)
class List:
    """List the client secrets at Adobe, with the management token in hand."""


@dataclass(frozen=True, slots=True)
class Add:
    """Send POST, once: fenced by the Lease, and noted with `attempts.adding` before."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Send DELETE, fenced by the Lease."""

    uuid: str


class Deed(Enum):
    """What a write of the managed Secret does."""

    TAKE_OVER = "take over the client"
    RESTORE = "put back what somebody changed"
    CORRECT = "correct a moment of the ledger that lies ahead of Adobe's clock"
    CONFIRM = "note that the client secret in place is the one that Adobe lists"
    DOUBT = "note that IMS refused the client secret in place, before it is certain which one it is"
    INTEND_TO_ADD = "note that a client secret is about to be added"
    FORGET_INTENT = "note that none was added"
    KEEP_NEXT = "keep the client secret that was added"
    KEEP_ADDED_ALONE = "make the Secret again from the client secret that was added"
    NOTE_ACCEPTED = "note that IMS accepted the next client secret"
    NOTE_REFUSED = "note that IMS does not accept the next client secret any more"
    PROMOTE = "put the next client secret in place"
    DROP_NEXT = "drop the next client secret, which is gone at Adobe"
    SWITCH_BACK = "put the previous client secret back in place"
    INTEND_TO_DELETE = "note that the old client secret is about to be deleted"
    WITHDRAW_DELETE = "note that the old client secret is not deleted, as it was used"
    DROP_PREVIOUS = "drop the old client secret, which is gone at Adobe"
    NOTE_ORPHAN = "note that nobody has the value of a client secret that was added"
    FORGET_ORPHAN = "forget the client secret without a value"


@dataclass(frozen=True, slots=True)
class Write:
    """Write the managed Secret, ledger and data in one request, at the resourceVersion that was observed.

    The data is `client_id` of the ledger and the slots named here; the slots that are not named are removed, and other
    keys are left alone. A Secret that is not there is made by POST, which fails where there is one by now.
    """

    deed: Deed
    ledger: Ledger
    data: Mapping[Slot, Source]
    """Where the value of each slot comes from, of what the Secret holds before."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for now."""

    finding: Finding
    until: datetime
    """When to decide again at the latest, by our wall clock; changes that are observed bring it forward."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do nothing until something changes."""

    finding: Finding
    until: datetime


Decision = ReadSecret | ReadBootstrap | AskToken | List | Add | Delete | Write | Wait | Refuse
