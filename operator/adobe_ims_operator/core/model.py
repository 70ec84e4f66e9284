"""The values that the core works on: what was observed of one credential, and what was found in it.

They hold no behaviour but questions about themselves, and nothing secret but a token on its way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from adobe_ims_operator.api.digests import SpecDigests
from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.origin import Origin
from adobe_ims_operator.api.resource import Credential, Key, Spec, Workload
from adobe_ims_operator.api.status import Restart
from adobe_ims_operator.core.backoff import Pace, Unreported
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.flips import Flips
from adobe_ims_operator.core.obstacle import Obstacle
from adobe_ims_operator.core.refused_writes import RefusedWrites
from adobe_ims_operator.core.rivals import Holder, Rivals
from adobe_ims_operator.core.secret_differences import Differences
from adobe_ims_operator.core.seen_secrets import SeenClientSecret, SeenTokenSecret
from adobe_ims_operator.core.source import Shared, Source


class Inputs(NamedTuple):
    """What an attempt was made from: when any of it changes, a failed attempt is worth repeating at once."""

    spec_digest: str
    """Of what the token and the data of its Secret are made from."""
    client_digest: str | None
    """Of the content of the client Secret; None where its present version was not read. Where a token is taken, the
    rotation that it is taken from."""
    rotate_request: str


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; opaque, whatever its form."""

    access_token: str = field(repr=False)
    token_type: str
    expires_in: timedelta


@dataclass(frozen=True, slots=True)
class HeldToken:
    """A token that came and that is not in its Secret yet."""

    token: Token
    client_id: str | None
    facts: Facts
    inputs: Inputs
    scope: str
    """All scopes of the token, joined by commas."""
    need: Finding
    """Why it was asked for, or taken."""


@dataclass(frozen=True, slots=True)
class ObservedSecret:
    """What the metadata of a Secret says; its data is never kept."""

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
    origin: Origin | None = None
    """What it is a copy of, where it was written as another Secret; its facts are not this one's then."""
    deleting: bool = False
    """Whether it only waits for its finalizers."""
    manager: str = ""
    """Who else manages it by its metadata, in words, such as a Helm release; nobody where it is empty."""
    holds_client: bool = False
    """Whether it is the managed Secret of an AdobeIMSClientSecret, or a copy of one."""


class Step(Enum):
    """What an attempt does."""

    READ_TOKEN_SECRET = "read the token Secret"  # noqa: S105
    READ_CLIENT_SECRET = "read the client Secret"  # noqa: S105
    LOOK_UP = "look up the credential that has the token Secret, since it is not watched"
    ASK = "ask IMS for a token"
    TAKE = "read the token Secret of the credential that spec.tokenFrom names"
    WRITE = "write the token Secret"
    CLEAN_UP = "delete the Secret of an earlier name"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a step failed, and how soon it is worth trying again."""

    finding: Finding
    pace: Pace
    after: timedelta | None = None
    """How long to wait in place of the pace, where the answer said so."""
    passing: bool = False
    """Whether it is likely gone a moment later: it is tried again at once, and the first of a row is no news."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The attempts that failed since the last one that succeeded; the step is that of the latest."""

    step: Step
    finding: Finding
    count: int
    """In a row."""
    streak: int
    """In a row that are retried at the same pace."""
    pace: Pace
    retry_at: datetime
    inputs: Inputs | None
    """What the attempt was made from; None where that is not known, as where an earlier process failed."""
    against: int | None = None
    """The resourceVersion of the Secret that the step failed on; None where there was none."""
    passing: bool = False


@dataclass(frozen=True, slots=True)
class MetadataWrites:
    """The writes of the token Secret's metadata, one soon after the other: more than a few are a fight."""

    count: int
    """In a row."""
    at: datetime
    need: Finding
    spec_digest: str
    """Of the spec that the latest was made from."""
    retry_at: datetime
    failures: int = 0
    """In a row."""
    failure: Finding | None = None
    """Why the latest did not succeed."""
    passing: bool = False
    """Whether that is likely to be gone a moment later."""


@dataclass(frozen=True, slots=True)
class RestartAttempt:
    """The latest attempt of this process to restart a workload."""

    restart: Restart
    failures: int
    """In a row, for one rotation and one generation."""
    retry_at: datetime | None
    """None where only a change of the spec brings another attempt."""
    at: datetime
    """When it was made."""
    rotations: int = 1
    """How many in a row were followed up, or changes of the spec, each soon after the one before."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """What one process knows of one credential beside what can be observed: lost with it, and harmless to lose."""

    uid: str
    """The credential's; one that was made again under the same name inherits nothing."""
    token_secret: SeenTokenSecret | None = None
    client_secret: SeenClientSecret | None = None
    looked_for: str = ""
    """The client Secret that was read last, whether or not it was there."""
    failure: Failure | None = None
    refused: RefusedWrites | None = None
    """The latest writes of the token Secret, where the API server refused them."""
    metadata: MetadataWrites | None = None
    clean_up: Failure | None = None
    """Where the Secret of an earlier `spec.secret.name` could not be deleted."""
    restarts: Mapping[Workload, RestartAttempt] = field(default_factory=dict)
    made: tuple[str, timedelta] | None = None
    """The rotation for which a new token Secret was made, and for how long there had been none of its name."""
    unplanned: int = 0
    """How many tokens were asked for before they were due, each soon after the one before."""
    last_unplanned: datetime | None = None
    due_at: datetime | None = None
    """When the token that came last is to be replaced; the Secret may say anything by now."""
    asked_since_due: bool = False
    """Whether a token was asked for since the one before was due."""
    obstacle: Obstacle | None = None
    unreported: Unreported | None = None
    flips: Flips | None = None
    seen_at: datetime | None = None
    """When this process saw the credential first."""


class Endpoint(NamedTuple):
    """The IMS that a credential means: that of its spec, or the operator's default."""

    url: str
    allowed: bool
    allowed_urls: tuple[str, ...] = ()
    """All that the operator may send client secrets to."""
    management_scopes: bool = False
    """Whether the operator may ask it for a token that can replace client secrets."""


@dataclass(frozen=True, slots=True)
class Observed:
    """All that a decision depends on."""

    credential: Credential
    endpoint: Endpoint
    inputs: Inputs
    spec_digests: SpecDigests
    client: ObservedSecret | None
    secret: ObservedSecret | None
    rivals: Rivals
    holder: Holder
    forbidden: str | None
    """What the spec gives the token Secret that no token Secret may have, in words."""
    intact: bool | None
    """Whether the data of the token Secret is as it was written; None where this version was not looked into yet."""
    differences: Differences | None
    """How the token Secret differs from the present spec; None where this version was not compared with it yet."""
    attempts: Attempts
    held: HeldToken | None = None
    """A token that came and is not written yet, be it for these inputs or not."""
    asking_since: datetime | None = None
    """Since when it waits for IMS, in the lane of its endpoint or for the answer."""
    in_flight: bool = False
    """Whether IMS is being asked."""
    throttled_until: datetime | None = None
    """Until when IMS throttles this client."""
    source: Source | None = None
    """Of which credential the token is taken; None where IMS is asked for it."""
    limit: int | None = None
    """How many credentials a namespace may have, where this one is beyond that."""

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.credential.key

    @property
    def uid(self) -> str:
        """The credential's uid."""
        return self.credential.uid

    @property
    def spec(self) -> Spec:
        """The credential's spec."""
        return self.credential.spec

    @property
    def shared(self) -> Shared | None:
        """The credential that shares its token with this one, which takes it."""
        return self.source if isinstance(self.source, Shared) else None

    @property
    def own_secret(self) -> ObservedSecret | None:
        """The token Secret, if it was made for this credential, or for one of this very name before it."""
        secret = self.secret
        if secret is None or secret.credential_uid is None:
            return None
        return secret if secret.credential_uid == self.uid or secret.credential == self.key else None

    @property
    def facts(self) -> Facts | None:
        """The facts of the token, if there is one of this credential's."""
        secret = self.own_secret
        return secret.facts if secret is not None else None

    def key_of_client_secret(self, facts: Facts) -> str | None:
        """The key under which the client secret is now that a token was made with.

        None where it is gone, or the client id is another, or that is not known: the present version of the client
        Secret was not read, or the token is of an older version.
        """
        seen = self.attempts.client_secret
        if seen is None or self.client is None or seen.version != self.client.version:
            return None
        return seen.key_of(facts.client_value)

    @property
    def is_of_this_spec(self) -> bool:
        """Whether the token in the Secret is made from the present spec, whatever became of the metadata."""
        return self.facts is not None and self.facts.is_made_from(self.spec_digests)

    @property
    def failure(self) -> Failure | None:
        """The latest failure, as long as what it failed with is what there is now."""
        failure, version = self.attempts.failure, None if self.secret is None else self.secret.version
        if failure is None or failure.inputs not in (None, self.inputs):
            return None
        if failure.step is not Step.WRITE or failure.against == version:
            return failure
        # A Secret that changes all the time is the cause; one that comes or goes may be the remedy.
        return failure if failure.passing and None not in (failure.against, version) else None
