"""The core: what to do next for one credential, and when, as a function of what was observed.

It does no I/O, reads no clock and draws no random number: time and chance are arguments. What is to be done is
a chain of small named checks over one `Observed`, and the first that answers decides, so the two lists
`REFUSALS` and `ROTATIONS` read as the specification. The reasons in conditions come from here or, for an
attempt that failed, from the error that it failed with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from adobe_ims_operator.ledger import Facts
from adobe_ims_operator.resource import Key, Spec, Status
from adobe_ims_operator.times import from_rfc3339, to_rfc3339

LEAST_MARGIN = timedelta(minutes=1)
"""A token must outlive its rotation by this much; else it is replaced after `LIFETIME_SHARE` of its lifetime."""
LIFETIME_SHARE = 23 / 24
IDLE = timedelta(hours=1)
"""How long to wait at most where only a change can bring something to do."""
CLOCK_SKEW = timedelta(minutes=1)
"""A token issued further ahead than this was written by a clock that was wrong."""
HEAL_WINDOW = timedelta(minutes=10)
FREE_HEALS = 3
"""More heals than this, each within `HEAL_WINDOW` of the one before, slow down: a program that fights over the Secret
would burn tokens."""


class Pace(Enum):
    """How fast to try again, as (first delay, longest delay) in seconds; it doubles in between."""

    IMS = (5.0, 300.0)
    PERSON = (600.0, 600.0)
    API_SERVER = (1.0, 30.0)


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
    data_keys: frozenset[str]
    edited: bool
    """Whether somebody else has written to its data since this operator did."""
    own_labels: frozenset[str]
    own_annotations: frozenset[str]


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
    predecessor_uid: str | None
    """The uid that a Secret was made for, where that was an earlier credential of this name, now gone."""
    older_claimant: str | None
    """An older credential that names the same token Secret."""
    younger_claimants: frozenset[str]
    """The uids of younger credentials that name the same token Secret."""
    client_digest: str | None
    """Digest of the client Secret at `inputs.client_version`, or None where that version was not read."""
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


class Action(Enum):
    """What to do."""

    ROTATE = "rotate"
    READ_CLIENT = "read the client Secret, since only its content tells whether it changed"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why."""

    action: Action
    finding: Finding
    look_again_at: datetime
    """When to decide anew at the latest; changes that are observed bring it forward."""
    attempt_at: datetime | None
    """When IMS is asked next, or None where that waits for a change."""
    refused: bool = False


Check = Callable[[Observed, datetime], Finding | None]


def _suspended(observed: Observed, _now: datetime) -> Finding | None:
    if not observed.spec.suspend:
        return None
    return Finding("Suspended", "rotation is suspended; set spec.suspend to false to go on")


def _endpoint_not_allowed(observed: Observed, _now: datetime) -> Finding | None:
    if observed.endpoint_allowed:
        return None
    return Finding(
        "EndpointNotAllowed",
        f"the operator may not send client secrets to {observed.endpoint}; "
        "choose another spec.endpoint, or start the operator with --endpoint for it",
    )


def _name_taken_by_older_credential(observed: Observed, _now: datetime) -> Finding | None:
    if observed.older_claimant is None:
        return None
    return Finding(
        "SecretNotOwned",
        f"the older AdobeIMSCredential {observed.older_claimant} has Secret {observed.spec.secret.name}; "
        "give spec.secret.name another value",
    )


def _secret_not_owned(observed: Observed, _now: datetime) -> Finding | None:
    if observed.secret is None or observed.own_secret is not None or observed.spec.secret.adopt:
        return None
    return Finding(
        "SecretNotOwned",
        f"Secret {observed.spec.secret.name} belongs to {observed.secret.owner}; give spec.secret.name another "
        "value, or set spec.secret.adopt to true to take the Secret over",
    )


def _client_secret_not_found(observed: Observed, _now: datetime) -> Finding | None:
    if observed.inputs.client_version is not None:
        return None
    name = observed.spec.client.secret_name
    return Finding(
        "ClientSecretNotFound",
        f"there is no Secret {name} in namespace {observed.key.namespace}; create it with the keys "
        f"{observed.spec.client.id_key} and {' or '.join(observed.spec.client.secret_keys)}",
    )


def _secret_missing(observed: Observed, _now: datetime) -> Finding | None:
    return Finding("SecretMissing", "there is no token Secret yet") if observed.secret is None else None


def _secret_to_take_over(observed: Observed, _now: datetime) -> Finding | None:
    secret = observed.secret
    if secret is None or secret.credential_uid == observed.uid:
        return None
    return Finding("SecretTakenOver", f"Secret {observed.spec.secret.name} is taken over from {secret.owner}")


def _facts_damaged(observed: Observed, _now: datetime) -> Finding | None:
    return Finding("FactsDamaged", "the operator's annotations were edited") if observed.facts is None else None


def _spec_changed(observed: Observed, _now: datetime) -> Finding | None:
    if observed.facts is None or observed.facts.spec_digest == observed.inputs.spec_digest:
        return None
    return Finding("SpecChanged", "the token in the Secret was made from an earlier spec")


def _secret_edited(observed: Observed, _now: datetime) -> Finding | None:
    secret = observed.own_secret
    if secret is None or not (secret.edited or secret.data_keys != observed.spec.secret.data.keys()):
        return None
    return Finding("SecretEdited", "the data of the token Secret was edited")


def _requested(observed: Observed, _now: datetime) -> Finding | None:
    request = observed.inputs.rotate_request
    if not request or observed.facts is None or request == observed.facts.rotate_request:
        return None
    return Finding("Requested", "a rotation was requested by annotation")


def _issued_in_the_future(observed: Observed, now: datetime) -> Finding | None:
    if observed.facts is None or observed.facts.issued_at <= now + CLOCK_SKEW:
        return None
    return Finding("ClockJumped", f"the token says it was issued at {to_rfc3339(observed.facts.issued_at)}")


def _due(observed: Observed, now: datetime) -> Finding | None:
    if observed.facts is None or now < due_at(observed.facts, observed.spec.interval):
        return None
    return Finding("Due", "the token has reached its age of rotation")


def _client_changed(observed: Observed, _now: datetime) -> Finding | None:
    if observed.facts is None or observed.inputs.client_version == observed.facts.client_version:
        return None
    if observed.client_digest is None:
        return _CLIENT_UNREAD
    if observed.client_digest == observed.facts.client_digest:
        return None
    return Finding("ClientSecretChanged", "the client id or client secret changed")


_CLIENT_UNREAD = Finding("ClientSecretUnread", "the client Secret has a version that was not read yet")

REFUSALS: Sequence[Check] = (
    _suspended,
    _endpoint_not_allowed,
    _name_taken_by_older_credential,
    _secret_not_owned,
    _client_secret_not_found,
)
ROTATIONS: Sequence[Check] = (
    _secret_missing,
    _secret_to_take_over,
    _facts_damaged,
    _spec_changed,
    _secret_edited,
    _requested,
    _issued_in_the_future,
    _due,
    _client_changed,  # last, since it alone may cost a read
)
HEALS = frozenset({"SecretMissing", "FactsDamaged", "SecretEdited"})


def decide(observed: Observed, now: datetime) -> Decision:
    """Decide what to do for one credential at `now`."""
    if refusal := _first(REFUSALS, observed, now):
        return Decision(Action.WAIT, refusal, _look_again(observed, now, None), None, refused=True)
    need = _first(ROTATIONS, observed, now)
    if need is None:
        return _wait_until_due(observed, now)
    if need is _CLIENT_UNREAD:
        return Decision(Action.READ_CLIENT, need, now, None)
    attempt_at, gate = _not_before(observed, need, now)
    if now < attempt_at:
        return Decision(Action.WAIT, gate, _look_again(observed, now, attempt_at), attempt_at)
    return Decision(Action.ROTATE, need, now, now)


def due_at(facts: Facts, interval: timedelta) -> datetime:
    """When a token is to be replaced: always before it expires."""
    lifetime = facts.expires_at - facts.issued_at
    if lifetime - interval < LEAST_MARGIN:
        return facts.issued_at + lifetime * LIFETIME_SHARE
    return facts.issued_at + interval


def holds_fresh_token(observed: Observed, now: datetime) -> bool:
    """Whether the Secret holds a token that has not expired and was made from this very spec."""
    checks = (_secret_missing, _secret_to_take_over, _facts_damaged, _spec_changed, _secret_edited)
    if observed.facts is None or _first(checks, observed, now):
        return False
    return now < observed.facts.expires_at


def problem(observed: Observed, decision: Decision) -> Finding | None:
    """What keeps the next rotation from succeeding, or None."""
    if decision.refused:
        return None if observed.spec.suspend else decision.finding
    if observed.failure is None or observed.failure.inputs != observed.inputs:
        return None
    return observed.failure.finding


def rank(observed: Observed, now: datetime) -> float:
    """The place in a queue of those that are due: lower goes first.

    Credentials without a usable token come first; the others by when their token expires (epoch seconds).
    """
    if observed.facts is None or not holds_fresh_token(observed, now):
        return 0.0
    return observed.facts.expires_at.timestamp()


def backoff(pace: Pace, failures: int, chance: float) -> timedelta:
    """How long to wait after so many failures in a row (1 or more); `chance` in [0, 1) takes off up to a fifth."""
    first, longest = pace.value
    exponent = min(failures - 1, 30)
    return timedelta(seconds=min(first * 2.0**exponent, longest) * (1 - chance / 5))


def recall_failure(status: Status, generation: int, inputs: Inputs) -> Failure | None:
    """Take up a failure from the status that an earlier process left behind.

    What only a person can mend is tried at once instead: nobody watched whether it was mended meanwhile.
    """
    failing = status.condition("RotationFailing")
    if failing is None or failing.status != "True" or status.next_rotation_time is None:
        return None
    if status.observed_generation != generation or failing.reason not in MENDED_BY_TIME:
        return None
    try:
        retry_at = from_rfc3339(status.next_rotation_time)
    except ValueError:
        return None
    return Failure(Finding(failing.reason, failing.message), status.failures or 1, retry_at, inputs)


MENDED_BY_TIME = frozenset({"IMSUnavailable", "IMSRateLimited", "IMSResponseInvalid"})


def _first(checks: Sequence[Check], observed: Observed, now: datetime) -> Finding | None:
    return next((finding for check in checks if (finding := check(observed, now))), None)


def _wait_until_due(observed: Observed, now: datetime) -> Decision:
    facts = observed.facts
    if facts is None:
        raise AssertionError("a credential without a token is always in need of one")
    due = due_at(facts, observed.spec.interval)
    return Decision(Action.WAIT, Finding("Rotated", "the token is fresh"), _look_again(observed, now, due), due)


def _not_before(observed: Observed, need: Finding, now: datetime) -> tuple[datetime, Finding]:
    gates = [(now, need)]
    if observed.failure is not None and observed.failure.inputs == observed.inputs:
        gates.append((observed.failure.retry_at, observed.failure.finding))
    if observed.endpoint_opens_at is not None:
        until = f"{observed.endpoint} asked to be left alone until {to_rfc3339(observed.endpoint_opens_at)}"
        gates.append((observed.endpoint_opens_at, Finding("IMSRateLimited", until)))
    excess = observed.heals - FREE_HEALS + 1
    if need.reason in HEALS and observed.last_written is not None and excess > 0:
        gates.append((observed.last_written + backoff(Pace.IMS, excess, 0.0), need))
    return max(gates, key=lambda gate: gate[0])


def _look_again(observed: Observed, now: datetime, attempt_at: datetime | None) -> datetime:
    moments = [now + IDLE]
    if attempt_at is not None:
        moments.append(max(attempt_at, now))
    if observed.facts is not None and observed.facts.expires_at > now:
        moments.append(observed.facts.expires_at)
    return min(moments)
