"""The ledger of a managed Secret: which client secrets it holds and what was begun, as one annotation of the Secret.

It is written by the same request as the data, so there is never a value without what is known of it. It is one text of
JSON, so that half of it can't be changed, and its phases are a union: what can't be at the same time can't be written
down. No value is in it, but digests, which tell whether the data was edited: Adobe's values are long and random.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, PlainSerializer, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.functional_validators import BeforeValidator

from adobe_ims_operator.api.client_secret import MAX_OVERLAP, CredentialId
from adobe_ims_operator.api.resource import GROUP, LONGEST_ROTATE_REQUEST
from adobe_ims_operator.api.rules import text_of
from adobe_ims_operator.api.sizes import MAX_CLIENT_ID_SIZE
from adobe_ims_operator.api.times import moment_or_none

LEDGER_ANNOTATION = f"{GROUP}/client-secret-ledger"
"""A Secret with this annotation is a managed one, of whichever credential, and whatever it says."""
FORMAT: Literal["1"] = "1"
MAX_LEDGER_SIZE = 8192
"""Characters; what is longer was not written by this operator."""
CLIENT_ID_KEY = "client_id"
"""The key of the managed Secret's data that holds the client id."""


class Slot(StrEnum):
    """The keys of the managed Secret's data that hold a client secret."""

    CURRENT = "client_secret"
    PREVIOUS = "client_secret_previous"
    NEXT = "client_secret_next"


class Origin(StrEnum):
    """How it is known which uuid at Adobe a value has."""

    ADDED = "Added"
    """Adobe gave both in one answer."""
    ALONE = "Alone"
    """IMS accepted the value while Adobe listed one client secret; it may be one that was deleted a while before."""
    STAMPED = "Stamped"
    """This one's last use, and no other's, was the moment of our request, for two requests."""
    LASTING = "Lasting"
    """As `ALONE`, and IMS accepted the value more than a day later."""


def _moment(given: object) -> datetime:
    moment = given if isinstance(given, datetime) else moment_or_none(given)
    if moment is None:
        raise ValueError("is no time")
    return moment


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


_AS_IN_JSON = ConfigDict(alias_generator=to_camel, serialize_by_alias=True)
_Moment = Annotated[datetime, BeforeValidator(_moment), PlainSerializer(_text)]
_Uuid = Annotated[str, text_of(128, "[-._a-zA-Z0-9]+", "is no uuid")]
_Overlap = Annotated[timedelta, Field(ge=timedelta(), le=MAX_OVERLAP)]
_Digest = Annotated[str, text_of(64, "[0-9a-f]+", "is no digest")]


@dataclass(frozen=True, slots=True)
class Held:
    """A client secret of which the managed Secret has the value."""

    __pydantic_config__ = _AS_IN_JSON

    uuid: _Uuid
    digest: _Digest
    """Of the value."""
    origin: Origin
    since: _Moment
    """When it was taken over, added or put in place, by Adobe's clock."""
    # Not written as null: versions before it take a ledger that has it for damaged.
    doubted_at: Annotated[_Moment | None, Field(exclude_if=lambda moment: moment is None)] = None
    """When IMS accepted it again after a refusal, or refused it, while it was not certain; by Adobe's clock."""

    @property
    def undoubted_since(self) -> datetime:
        """Since when IMS has accepted it without a doubt."""
        return self.since if self.doubted_at is None else max(self.since, self.doubted_at)

    @property
    def is_certain(self) -> bool:
        """Whether the value is that of the uuid for certain."""
        return self.origin is not Origin.ALONE


@dataclass(frozen=True, slots=True)
class Steady:
    """Nothing was begun."""

    __pydantic_config__ = _AS_IN_JSON

    phase: Literal["Steady"] = "Steady"


@dataclass(frozen=True, slots=True)
class Adding:
    """A client secret is about to be added, or was, and nobody knows whether."""

    __pydantic_config__ = _AS_IN_JSON

    at: _Moment
    """When Adobe listed the current one alone, by Adobe's clock."""
    phase: Literal["Adding"] = "Adding"


@dataclass(frozen=True, slots=True)
class Proving:
    """One was added, and IMS is to accept it twice before it is put in place."""

    __pydantic_config__ = _AS_IN_JSON

    next: Held
    accepted_at: _Moment | None = None
    """When IMS accepted it first, by Adobe's clock."""
    phase: Literal["Proving"] = "Proving"


@dataclass(frozen=True, slots=True)
class Draining:
    """The one before is still valid, for anyone who uses it."""

    __pydantic_config__ = _AS_IN_JSON

    previous: Held
    deleting: bool = False
    """Whether it is about to be deleted at Adobe, or was."""
    overlap: _Overlap | None = None
    """What was promised to anyone who uses it; a shorter one in the spec is for the next replacement."""
    phase: Literal["Draining"] = "Draining"


@dataclass(frozen=True, slots=True)
class Orphaned:
    """There is one at Adobe of which nobody here has the value."""

    __pydantic_config__ = _AS_IN_JSON

    uuid: _Uuid
    since: _Moment
    """From when on it was not used as far as we know, by Adobe's clock: when it was created, or was ours last."""
    certain: bool
    """Whether it is ours for certain; else any use of it shows that it is somebody else's."""
    deleting: bool = False
    was_in_place: bool = True
    """Whether applications could read its value, as they could for all that a ledger without this field tells."""
    overlap: _Overlap | None = None
    """What was promised to anyone who uses it, as in `Draining`; None for one that was not in place."""
    phase: Literal["Orphaned"] = "Orphaned"

    @property
    def may_be_in_use(self) -> bool:
        """Whether applications may have its value; one that may be somebody else's was never in place."""
        return self.certain and self.was_in_place


Phase = Steady | Adding | Proving | Draining | Orphaned


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that is known of a managed Secret.

    Raises:
        ValueError: one client secret would stand in two places.
    """

    __pydantic_config__ = _AS_IN_JSON

    credential: CredentialId
    secret: Annotated[str, text_of(317)]
    """Namespace and name of the Secret that it was written into: a copy elsewhere is not ours."""
    client_id: Annotated[str, text_of(MAX_CLIENT_ID_SIZE)]
    current: Held
    phase: Annotated[Phase, Field(discriminator="phase")]
    rotated_at: _Moment | None = None
    """When the current one was put in place of another, by Adobe's clock."""
    rotate_request: Annotated[str, text_of(LONGEST_ROTATE_REQUEST)] = ""
    """The request that was answered last, or empty."""
    format: Literal["1"] = FORMAT

    def __post_init__(self) -> None:
        uuids = [held.uuid for held in self.held.values()]
        if isinstance(self.phase, Orphaned):
            uuids.append(self.phase.uuid)
        digests = [held.digest for held in self.held.values()]
        if len(set(uuids)) < len(uuids) or len(set(digests)) < len(digests):
            raise ValueError("one client secret stands in two places")

    @property
    def held(self) -> Mapping[Slot, Held]:
        """What is under which key of the Secret's data; the other keys of client secrets are not there."""
        return dict(self._held())

    def _held(self) -> Iterator[tuple[Slot, Held]]:
        yield Slot.CURRENT, self.current
        match self.phase:
            case Proving(next=held):
                yield Slot.NEXT, held
            case Draining(previous=held):
                yield Slot.PREVIOUS, held
            case _:
                pass

    @property
    def known(self) -> frozenset[str]:
        """The uuids that are ours, or are taken for it."""
        orphan = {self.phase.uuid} if isinstance(self.phase, Orphaned) else set()
        return frozenset({held.uuid for held in self.held.values()} | orphan)

    def to_annotations(self) -> dict[str, str]:
        """Write the ledger as an annotation."""
        written = _LEDGER.dump_python(self, mode="json")
        return {LEDGER_ANNOTATION: json.dumps(written, sort_keys=True, separators=(",", ":"))}


class NoLedger(Enum):
    """Why there is no ledger to go by."""

    ABSENT = "the Secret was not made by this operator, or for something else"
    DAMAGED = "somebody changed the ledger, or a version wrote it that is not known"


def read_ledger(annotations: Mapping[str, str]) -> Ledger | NoLedger:
    """Read a ledger back from the annotations of a Secret."""
    text = annotations.get(LEDGER_ANNOTATION)
    if text is None:
        return NoLedger.ABSENT
    if len(text) > MAX_LEDGER_SIZE:
        return NoLedger.DAMAGED
    try:
        return _LEDGER.validate_json(text)
    except (ValidationError, RecursionError):
        return NoLedger.DAMAGED


def digest_client_secret(credential: CredentialId, value: str) -> str:
    """Digest the value of a client secret, salted by the credential that it is of."""
    parts = (credential.organization_id, credential.credential_id, value)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


_LEDGER = TypeAdapter(Ledger)
