"""When the token of another credential is taken, and what keeps it from that: the checks of a taker.

Who may write the Secrets of the source's namespace may write anything there. So what its metadata says is held to what
an answer of IMS is held to.
"""

from datetime import datetime, timedelta

from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import KIND
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.api.token_rules import LONGEST_LIFETIME, SHORTEST_LIFETIME
from adobe_ims_operator.core.due import due_at
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Observed
from adobe_ims_operator.core.source import Shared, Unshared, Unwatched

CLOCK_SKEW = timedelta(minutes=1)
"""A token issued further ahead than this was written by a clock that was wrong."""
LOOK_AGAIN = timedelta(minutes=5)
"""Whether a namespace is watched changes without a word."""
SHORTEST_PERIOD = timedelta(minutes=1)
"""A source that rotates more often than the shortest interval is followed more slowly."""
EARLY = 0.9
"""The share of its period after which a source may rotate again: a token is taken a moment after it came, now sooner
and now later."""


def refusal(observed: Observed) -> Finding | None:
    """Why no token may be taken, or None where the source shares it."""
    match observed.source:
        case Unwatched(key=key):
            return Finding(
                Reason.SOURCE_NOT_WATCHED,
                f"this operator does not watch namespace {key.namespace}, where spec.tokenFrom is; ask its "
                "administrator to have that namespace watched together with this one",
            )
        case Unshared(key=key):
            # The same words whether or not it exists: who is not to have its token need not know.
            return Finding(
                Reason.SOURCE_NOT_SHARED,
                f"there is no {KIND} {key} that shares its token with namespace {observed.key.namespace}, as far as "
                f"this operator watches; ask its owner to name {observed.key.namespace} in spec.sharedWith.namespaces",
            )
        case _:
            return None


def rotated(observed: Observed) -> Finding | None:
    """Whether the source holds another rotation than the one that the token was taken from."""
    facts, shared = observed.facts, observed.shared
    if facts is None or shared is None or shared.rotation in (None, facts.source_rotation):
        return None
    return Finding(Reason.SOURCE_ROTATED, f"{KIND} {shared.key} holds another token")


def late(observed: Observed, now: datetime) -> Finding | None:
    """Whether the source should have been rotated long ago, by its own interval."""
    facts, shared = observed.facts, observed.shared
    if facts is None or shared is None:
        return None
    due = due_at(facts, shared.spec.interval)
    if now < late_at(facts, shared):
        return None
    return Finding(Reason.DUE, f"the token has reached its age of rotation at {to_rfc3339(due)}")


def late_at(facts: Facts, shared: Shared) -> datetime:
    """From when on it is reported that the source still holds the same token: half-way to where that expires."""
    due = due_at(facts, shared.spec.interval)
    return due + (facts.expires_at - due) / 2


def not_ready(shared: Shared, need: Finding, now: datetime) -> Finding | None:
    """Why the source has no token that could be taken, as the metadata of its Secret says; None where it has."""
    facts, secret = shared.facts, f"Secret {shared.secret_key}"
    why = "; its owner has suspended it" if shared.spec.suspend else "; its status says why"
    if facts is None:
        return _not_ready(shared, f"{secret} holds no token of it{why}")
    if not facts.is_made_from(shared.spec_digests):
        return _not_ready(shared, f"{secret} holds the token of an earlier spec{why}")
    if (problem := implausible(facts, now)) is not None:
        return _not_ready(shared, f"{secret} says that its token {problem}; its owner may delete that Secret")
    if need.reason is Reason.DUE:
        return _not_ready(shared, f"it still holds the same token{why}")
    return None


def implausible(facts: Facts, now: datetime) -> str | None:
    """What is wrong with the time of a token, in words that follow "the token"; None where it can be used.

    The words hold nothing of the Secret: else each change of it would be another status of each taker.
    """
    if facts.issued_at > now + CLOCK_SKEW:
        return "was issued in the future"
    if not SHORTEST_LIFETIME <= facts.expires_at - facts.issued_at <= LONGEST_LIFETIME:
        return "lives for another time than IMS gives"
    if facts.expires_at <= now:
        return "has expired"
    return None


def unusable(shared: Shared, what: str) -> Finding:
    """Why the token in the Secret of the source is not taken, as a look into it showed."""
    return _not_ready(shared, f"Secret {shared.secret_key} {what}")


def next_planned(shared: Shared, facts: Facts, now: datetime) -> datetime:
    """From when on another rotation of the source counts as planned, by when this one was taken.

    By that and not by what the Secret says alone, as there a token may always be due.
    """
    return now + EARLY * max(due_at(facts, shared.spec.interval) - facts.issued_at, SHORTEST_PERIOD)


def request_refused(source: object) -> str:
    """What is said to who asks for a rotation of a credential that takes its token from `source`."""
    what = f"the request to rotate is refused, as the token is that of {KIND} {source}"
    return f"{what}; ask for a rotation of that, and remove the annotation here"


def _not_ready(shared: Shared, why: str) -> Finding:
    return Finding(Reason.SOURCE_NOT_READY, f"{KIND} {shared.key} has no token that could be taken: {why}")
