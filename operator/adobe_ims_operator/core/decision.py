"""What may be decided for a credential: look, write, write metadata, ask, take, wait or refuse."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Step
from adobe_ims_operator.core.source import Shared


@dataclass(frozen=True, slots=True)
class Look:
    """Look into a Secret, since only its content says what is to be known."""

    step: Step
    need: Finding


@dataclass(frozen=True, slots=True)
class Write:
    """Write the token that is in hand."""

    need: Finding


@dataclass(frozen=True, slots=True)
class Take:
    """Read the token of the credential that shares it, and write it."""

    need: Finding
    source: Shared


@dataclass(frozen=True, slots=True)
class WriteMetadata:
    """Write labels, annotations and the ownerReference of the token Secret, and nothing of its data."""

    need: Finding


class AskPriority(IntEnum):
    """Who goes before whom of those of one namespace that ask one endpoint, unless a token becomes urgent."""

    WITHOUT_TOKEN = 0
    ROUTINE = 1
    RETRY = 2
    """Of what IMS refused, which a person is to mend."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask IMS for a token."""

    need: Finding
    endpoint: str
    priority: AskPriority
    urgent_at: datetime | None
    """When it goes before all others: half of the time from when it was due to when the token expires has passed."""
    expires_at: datetime | None
    """When the token in the Secret expires; None where there is none of this spec."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for now."""

    finding: Finding
    look_again_at: datetime
    """When to decide again at the latest; changes that are observed bring it forward."""
    attempt_at: datetime | None
    """When the next attempt is due, or None where that waits for a change."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do nothing until something changes."""

    finding: Finding
    look_again_at: datetime


Decision = Look | Write | WriteMetadata | Ask | Take | Wait | Refuse
