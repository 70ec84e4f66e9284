"""The values that the core works on: what was observed of one credential, and what was found in it.

They hold no behaviour but questions about themselves, and nothing secret but a token on its way.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.resource import Key, Spec


class Inputs(NamedTuple):
    """What an attempt was made from: when any of it changes, a failed attempt is worth repeating at once."""

    spec_digest: str
    client_digest: str | None
    """Of the content of the client Secret; None where its present version was not read."""
    rotate_request: str


class Finding(NamedTuple):
    """Why something is so: a CamelCase reason to search for, and a sentence for a person."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The attempts that failed since the last one that succeeded."""

    finding: Finding
    count: int
    """In a row."""
    streak: int
    """In a row that are retried at the same pace."""
    retry_at: datetime
    inputs: Inputs | None
    """None where an earlier process failed, and it is not known with what."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; opaque, whatever its form."""

    access_token: str = field(repr=False)
    token_type: str
    expires_in: timedelta


@dataclass(frozen=True, slots=True)
class HeldToken:
    """A token that IMS gave and that is not in its Secret yet."""

    token: Token
    client_id: str
    facts: Facts
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class ObservedSecret:
    """What the metadata of a Secret tells; its data is never kept."""

    uid: str
    version: int
    owner: str
    """In words, for a message that says whose Secret it is."""
    credential_uid: str | None
    """The credential that it was made for, or None where it was not made by this operator."""
    controller_uid: str | None
    """Whose it is by ownerReference, whatever kind that is."""
    facts: Facts | None
    credential: Key | None = None
    """The credential that `credential_uid` is of, by name; None where nothing names it."""


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


@dataclass(frozen=True, slots=True)
class Observed:
    """All that a decision depends on."""

    key: Key
    uid: str
    created: datetime
    generation: int
    spec: Spec
    endpoint: str
    """The endpoint of the spec, or the operator's default."""
    endpoint_allowed: bool
    forbidden: str | None
    """What the spec gives the token Secret that no token Secret may have, in words."""
    inputs: Inputs
    client: ObservedSecret | None
    """The Secret that has the name of the client Secret."""
    secret: ObservedSecret | None
    """The Secret that has the name of the token Secret, whoever made it."""
    secret_intact: bool | None
    """Whether its data is as this operator wrote it; None where this resourceVersion was not looked into yet."""
    predecessor_uid: str | None
    """The uid that a Secret was made for, where that was an earlier credential of this name, now gone."""
    held_last: bool
    """Whether the status says that this credential had the Secret of the token Secret's name."""
    rivals: Rivals
    holder: Holder
    """Of the token Secret, where that was made for a credential that is not watched."""
    holds_token: bool
    """Whether a token for these very inputs came from IMS and is not written yet."""
    token_waits: bool
    """Whether a token came and is not written yet, be it for these inputs or not."""
    told_ready: bool
    """Whether the status says that the Secret holds a valid token."""
    pending: bool
    """Whether there is a failure or a token that stands or falls with the content of the client Secret."""
    failure: Failure | None
    """Where the latest attempt failed, and was one with these very inputs."""
    last_failure: Failure | None
    """Where the latest attempt failed, whatever it was made from."""
    endpoint_opens_at: datetime | None
    """When an endpoint that throttles wants to be asked again."""
    unplanned: int
    """How many tokens were asked for before they were due, each soon after the one before."""
    last_unplanned: datetime | None

    @property
    def own_secret(self) -> ObservedSecret | None:
        """The token Secret, if it was made for this credential."""
        if self.secret is None or self.secret.credential_uid is None:
            return None
        return self.secret if self.secret.credential_uid in (self.uid, self.predecessor_uid) else None

    @property
    def client_version(self) -> str | None:
        """The resourceVersion of the client Secret, or None where there is none."""
        return None if self.client is None else str(self.client.version)

    @property
    def facts(self) -> Facts | None:
        """The facts of the token, if there is one of this credential's."""
        return self.own_secret.facts if self.own_secret else None
