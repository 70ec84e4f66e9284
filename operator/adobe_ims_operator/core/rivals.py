"""The values that say who else wants a Secret, or has it."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from adobe_ims_operator.api.resource import Key


@dataclass(frozen=True, slots=True)
class Claimant:
    """A credential that names a Secret."""

    key: Key
    uid: str
    created: datetime
    adopt: bool
    held_last: bool
    """Whether its status says that it had the Secret of that name."""


class Hold(Enum):
    """Whether the credential that a Secret was made for still has it."""

    GONE = "it is gone, or names another Secret by now"
    HELD = "it was looked up, and has it"
    UNSEEN = "it is to be looked up"
    UNREACHABLE = "it could not be looked up"


@dataclass(frozen=True, slots=True)
class Holder:
    """What is known of the credential that a Secret was made for, where this operator does not watch it."""

    hold: Hold
    again_at: datetime | None = None
    """Until when that counts."""
    problem: str = ""
    """What keeps it from being looked up."""


NO_HOLDER = Holder(Hold.GONE)


@dataclass(frozen=True, slots=True)
class Rivals:
    """The other credentials of the namespace that name a Secret which this one names too."""

    token: tuple[Claimant, ...] = ()
    """Those that put a token where this one does."""
    client: tuple[Claimant, ...] = ()
    """Those that read their client Secret where this one puts its token."""
    token_at_client: tuple[Claimant, ...] = ()
    """Those that put a token where this one reads its client Secret."""
