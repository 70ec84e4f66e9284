"""The values that the core works on: what was observed of one credential, and what was found in it.

They hold no behaviour but questions about themselves, and nothing secret.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from adobe_ims_operator.ledger import Facts
from adobe_ims_operator.resource import Key, Spec


class Inputs(NamedTuple):
    """What an attempt was made from: when any of it changes, a failed attempt is worth repeating at once."""

    spec_digest: str
    client_version: str | None
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
    retry_at: datetime
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
    facts: Facts | None


@dataclass(frozen=True, slots=True)
class Observed:
    """All that a decision depends on."""

    key: Key
    uid: str
    spec: Spec
    endpoint: str
    """The endpoint of the spec, or the operator's default."""
    endpoint_allowed: bool
    inputs: Inputs
    secret: ObservedSecret | None
    """The Secret that has the name of the token Secret, whoever made it."""
    secret_intact: bool | None
    """Whether its data is as this operator wrote it; None where this resourceVersion was not looked into yet."""
    predecessor_uid: str | None
    """The uid that a Secret was made for, where that was an earlier credential of this name, now gone."""
    older_claimant: str | None
    """An older credential that names the same token Secret."""
    younger_claimants: frozenset[str]
    """The uids of younger credentials that name the same token Secret."""
    client_digest: str | None
    """Digest of the client Secret at `inputs.client_version`, or None where that version was not read."""
    holds_token: bool
    """Whether a token for these very inputs came from IMS and is not written yet."""
    failure: Failure | None
    endpoint_opens_at: datetime | None
    """When an endpoint that throttles wants to be asked again."""
    last_written: datetime | None
    """When this process last wrote the token Secret of this spec."""
    heals: int
    """How often it was healed, each time within `HEAL_WINDOW` of the time before."""

    @property
    def own_secret(self) -> ObservedSecret | None:
        """The token Secret, if it was made for this credential."""
        if self.secret is None or self.secret.credential_uid is None:
            return None
        ours = self.secret.credential_uid in (self.uid, self.predecessor_uid)
        return self.secret if ours or self.secret.credential_uid in self.younger_claimants else None

    @property
    def facts(self) -> Facts | None:
        """The facts of the token, if there is one of this credential's."""
        return self.own_secret.facts if self.own_secret else None
