"""The values that the replacement of a client secret is decided from: what was observed, and what is remembered.

No value of a client secret is in them, but that of one that Adobe gave and that is not in its Secret yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from adobe_ims_operator.api.client_secret import Bootstrap, ClientSecretResource, CredentialId
from adobe_ims_operator.api.client_secret_ledger import Ledger, NoLedger, Slot
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Endpoint
from adobe_ims_operator.core.obstacle import Obstacle
from adobe_ims_operator.core.replacement.failure import Failure, Inputs
from adobe_ims_operator.core.replacement.listing import AddedClientSecret, Listing


class Now(NamedTuple):
    """The moment by both of our clocks: waits are told by the first, and ages by the second, which nobody sets."""

    wall: datetime
    monotonic: float
    """Seconds that never go back."""


class Source(Enum):
    """Where the value of a client secret is that a token is asked with, or that is written."""

    CURRENT = Slot.CURRENT.value
    PREVIOUS = Slot.PREVIOUS.value
    NEXT = Slot.NEXT.value
    BOOTSTRAP = "the bootstrap Secret"
    ADDED = "what Adobe gave, and is in no Secret yet"


class Step(Enum):
    """What is tried, and may fail; each is held up by its own failures alone."""

    READ_SECRET = "read the managed Secret"  # noqa: S105 - no secret
    READ_BOOTSTRAP = "read the bootstrap Secret"
    ASK = "ask IMS for a token"
    LIST = "list the client secrets at Adobe"
    ADD = "add a client secret at Adobe"
    DELETE = "delete a client secret at Adobe"
    WRITE = "write the managed Secret"


class Answer(NamedTuple):
    """What IMS said of one value."""

    accepted: bool
    date: datetime | None
    """By Adobe's clock: the Date header of the answer; None where it was refused."""
    at: Now
    first_at: Now
    """Since when it says the same."""
    endpoint: str
    bootstrap_version: int | None
    """At that time: another one may mean that a person replaces it by hand."""
    was_refused: bool = False
    """Before that."""
    earlier: tuple[datetime, ...] = ()
    """The dates of the acceptances before, the latest first, as far as their stamps may not be shown yet."""

    @property
    def dates(self) -> tuple[datetime, ...]:
        """When it was used by us, the latest first."""
        return self.earlier if self.date is None else (self.date, *self.earlier)


@dataclass(frozen=True, slots=True)
class Listed:
    """The latest list of the client secrets."""

    listing: Listing
    at: Now
    same_since: Now
    """When the first came of all those in a row that have the same client secrets."""
    same_since_date: datetime
    """The same by Adobe's clock."""


@dataclass(frozen=True, slots=True)
class Match:
    """That of two client secrets this one's last use is the moment of a request of ours."""

    digest: str
    """Of the value that was asked with."""
    uuid: str
    date: datetime
    """Of the latest request that fitted, by Adobe's clock."""
    times: int
    """By how many requests, each ten minutes or more after the one before, and each by two lists."""
    fitted_at: datetime
    """When a list showed the latest request first, by Adobe's clock."""
    is_counted: bool
    """Whether a later list showed the latest request too; another's stamp may have come in between."""


@dataclass(frozen=True, slots=True)
class Added:
    """A client secret that Adobe gave: nobody else has its value."""

    secret: AddedClientSecret
    credential: CredentialId
    client_id: str
    digest: str
    date: datetime
    """Of the answer, by Adobe's clock."""
    uid: str
    """Of the resource that it was added for."""


@dataclass(frozen=True, slots=True)
class Intent:
    """An intent to add that this process wrote down."""

    at: datetime
    """As in the ledger."""
    listed: Now
    """When Adobe listed the current one alone."""
    sent: bool = False
    """Whether POST was sent, or was about to be."""
    refused: bool = False
    """Whether Adobe certainly added nothing."""


class BootstrapSeen(NamedTuple):
    """What a look into the bootstrap Secret showed."""

    version: int
    keys: Bootstrap
    """Where in it was looked, as the spec had it then."""
    client_id: str | None
    digest: str | None
    """Of the client secret; None, and the client id too, where the Secret does not hold both."""
    problem: Finding | None


class Gone(NamedTuple):
    """A client secret that Adobe deleted for us; a list may be late with that."""

    uuid: str
    at: float
    """When its value was dropped, by the monotonic clock."""


class Checked(NamedTuple):
    """The check of an earlier process, as the status told of it when this process saw the object first."""

    text: str
    """As it is written there."""
    at: datetime
    seen: Now
    """When it was read."""


@dataclass(frozen=True, slots=True)
class WriteRow:
    """The writes of one deed that worked, and came to be decided on again soon after."""

    count: int
    at: float
    """When the latest was, by the monotonic clock."""
    retry_at: float
    """When the next may be, by the same."""


@dataclass(frozen=True, slots=True)
class AskRow:
    """The tokens that were asked for, each with another value than the one before, and soon after it."""

    digest: str
    """Of the latest value."""
    count: int
    retry_at: float
    """When another value may be asked with, by the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What one process knows beside what can be observed: lost with it, and harmless to lose but for `added`."""

    uid: str
    """Of the resource; one that was made again under the same name inherits nothing but `added`."""
    failures: Mapping[Step, Failure] = field(default_factory=dict)
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """By the digest of the value."""
    manages_with: str | None = None
    """The digest of the value that the management token in hand was asked with; None where none is."""
    listed: Listed | None = None
    match: Match | None = None
    intent: Intent | None = None
    added: Added | None = None
    deleted: str | None = None
    """The uuid that Adobe said is deleted."""
    gone: Gone | None = None
    """What the Secret does not name any more because of that."""
    bootstrap: BootstrapSeen | None = None
    first_bootstrap_version: int | None = None
    """Of the bootstrap Secret, when the process saw the object first."""
    checked: Checked | None = None
    obstacle: Obstacle | None = None
    writes: Mapping[str, WriteRow] = field(default_factory=dict)
    """By the deed, in words."""
    asks: AskRow | None = None
    uses: Mapping[str, datetime] = field(default_factory=dict)
    """The latest use that any list showed, by the uuid, and by Adobe's clock."""
    deleting_since: float | None = None
    """When this process wrote down that the old one is about to be deleted, by the monotonic clock."""


@dataclass(frozen=True, slots=True)
class UnreadSecret:
    """There is a Secret of that name, at a version that was not read."""

    version: int


@dataclass(frozen=True, slots=True)
class ManagedSecret:
    """The managed Secret, metadata and data at one resourceVersion."""

    version: int
    ledger: Ledger | NoLedger
    client_id: str | None
    """As its data has it."""
    digests: Mapping[Slot, str]
    """Of what is under the keys of client secrets; a key that is not there, or holds no text, is not here."""
    owner: str = ""
    """In words, where it is somebody else's."""
    is_labelled: bool = False
    """Whether it has the label of what this operator writes, which a ledger that was lost leaves behind."""


@dataclass(frozen=True, slots=True)
class Observed:
    """All that a decision depends on."""

    resource: ClientSecretResource
    secret: ManagedSecret | UnreadSecret | None
    bootstrap_version: int | None
    """resourceVersion of the bootstrap Secret; None where there is none."""
    endpoint: Endpoint
    """The IMS that the spec means."""
    console: Endpoint
    memory: Memory
    older: Key | None = None
    """Another object for the same credential, or with the same Secret, that is older."""
    users: tuple[Key, ...] = ()
    """AdobeIMSCredentials of this cluster whose token was made with the old client secret."""

    @property
    def ledger(self) -> Ledger | None:
        """The ledger, where it is this credential's, and of this very Secret."""
        ledger = self.secret.ledger if isinstance(self.secret, ManagedSecret) else None
        if not isinstance(ledger, Ledger) or ledger.credential != self.resource.spec.credential:
            return None
        return ledger if ledger.secret == str(self.resource.secret_key) else None

    def inputs(self, step: Step) -> Inputs:
        """What a step would be made from.

        What a replacement changes itself is no part of it for the steps at Adobe, or each would be tried at once again.
        Nor is a request for a replacement: it mends nothing.
        """
        generation = self.resource.generation
        match step:
            case Step.WRITE | Step.READ_SECRET:
                return (generation, None if self.secret is None else self.secret.version)
            case Step.ASK | Step.READ_BOOTSTRAP:
                return (generation, self.bootstrap_version)
            case Step.LIST | Step.ADD | Step.DELETE:
                return (generation,)

    def answer(self, digest: str) -> Answer | None:
        """What this IMS said last of a value."""
        found = self.memory.answers.get(digest)
        return None if found is None or found.endpoint != self.endpoint.url else found

    @property
    def digests(self) -> Mapping[Slot, str]:
        """Of what is under the keys of client secrets of the managed Secret; none where it was not read."""
        return self.secret.digests if isinstance(self.secret, ManagedSecret) else {}

    def is_intact(self, slot: Slot) -> bool:
        """Whether the Secret holds under that key what the ledger says."""
        held = None if self.ledger is None else self.ledger.held.get(slot)
        return held is not None and self.digests.get(slot) == held.digest
