"""Who may write a Secret that several credentials name: who has it keeps it, and else the first claim counts.

A credential has a Secret while the Secret was made for it, it exists, and it names the Secret. `adopt` is for what
somebody else made, and never takes a Secret from a credential that has it.
"""

from datetime import datetime
from typing import NamedTuple

from adobe_ims_operator.api.names import FIELD_MANAGER
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import JSON, Credential, Key, MalformedResourceError, parse_credential
from adobe_ims_operator.api.status import Status
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Observed, ObservedSecret
from adobe_ims_operator.core.rivals import Claimant, Hold


def claimant(credential: Credential) -> Claimant:
    """A credential as one that wants to put a token into the Secret that it names."""
    secret, status = credential.spec.secret, credential.status
    held_last = had_secret(status, secret.name)
    return Claimant(credential.key, credential.uid, credential.created, secret.adopt, held_last)


def had_secret(status: Status, name: str) -> bool:
    """Whether a status says that its credential had the Secret of that name."""
    return status.secret_name == name and status.last_rotation_time is not None


def holds(body: JSON, uid: str, secret_name: str) -> bool:
    """Whether a credential, as a lookup by name found it, is the one of that uid and still has that Secret.

    One that can't be read has it: it may name the Secret in a way that another version of the operator knows.
    """
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("uid") != uid:
        return False
    try:
        found = parse_credential(body)
    except MalformedResourceError:
        return True
    return found.spec.secret.name == secret_name and not found.deleting


class Whom(NamedTuple):
    """A credential by name and uid."""

    key: Key
    uid: str


def to_look_up(credential: Credential, secret: ObservedSecret | None) -> Whom | None:
    """The credential from which a write would take the token Secret, or a copy of its own, where it is another one."""
    if secret is None or secret.credential_uid == credential.uid:
        return None
    if secret.credential_uid is not None:
        return None if secret.credential is None else Whom(secret.credential, secret.credential_uid)
    origin = secret.origin
    if origin is None or credential.spec.secret.adopt or not _moved_along(credential.key, secret):
        return None
    return Whom(origin.credential, origin.credential_uid)


def takes_over(observed: Observed) -> bool:
    """Whether a write would take the token Secret over from another credential, or from its predecessor."""
    return to_look_up(observed.credential, observed.secret) is not None


def must_look_up(observed: Observed) -> bool:
    """Whether only a lookup by name shows who has the token Secret, and it is to be taken over if nobody has."""
    return observed.holder.hold is Hold.UNSEEN and refusal(observed) is None


def refusal(observed: Observed) -> Finding | None:
    """Why this credential may not write the token Secret, or None if it may."""
    secret, name = observed.secret, observed.spec.secret.name
    if secret is not None and secret.holds_client:
        held = "holds the OAuth client of an AdobeIMSClientSecret, which nothing else may write to"
        return Finding(Reason.SECRET_NOT_OWNED, f"Secret {name} {held}; give spec.secret.name another value")
    if secret is not None and secret.credential_uid == observed.uid:
        return None
    reason = _held(observed) or _not_eligible(observed) or _behind(observed)
    return None if reason is None else Finding(Reason.SECRET_NOT_OWNED, f"Secret {name} {reason}")


def client_refusal(observed: Observed) -> Finding | None:
    """Why this credential may not take its client id and secret from the Secret that it names, or None if it may."""
    ref, client = observed.spec.client, observed.client
    if ref is None:
        return None
    name = ref.secret_name
    if client is not None:
        return token_refusal(name, client)
    me = observed.credential.created, observed.uid
    first = min((c for c in observed.rivals.token_at_client if c.held_last or _age(c) < me), key=_age, default=None)
    return None if first is None else _not_allowed(name, f"is where AdobeIMSCredential {first.key.name} puts its token")


def token_refusal(name: str, client: ObservedSecret) -> Finding | None:
    """Why nobody may take a client id and secret from a Secret, as it holds a token; None where it holds none."""
    if not _holds_token(client):
        return None
    holder = client.facts.credential if client.facts else client.credential or "another AdobeIMSCredential"
    return _not_allowed(name, f"holds the token of {holder}")


def _not_allowed(name: str, what: str) -> Finding:
    advice = "name the Secret with the OAuth client id and client secret in spec.client.secretRef"
    return Finding(Reason.CLIENT_SECRET_NOT_ALLOWED, f"Secret {name} {what}; {advice}")


def _held(observed: Observed) -> str | None:
    """Who has the Secret, in words."""
    secret = observed.secret
    if secret is not None and secret.credential_uid is None and takes_over(observed):
        return _held_elsewhere(observed, secret)
    if secret is None or secret.credential_uid is None:
        return None
    other = "give spec.secret.name another value"
    watched = next((rival for rival in observed.rivals.token if rival.uid == secret.credential_uid), None)
    if watched is not None:
        return f"belongs to AdobeIMSCredential {watched.key.name}; {other}"
    name = "another" if secret.credential is None else secret.credential.name
    match observed.holder.hold:
        case Hold.HELD:
            return f"belongs to AdobeIMSCredential {name}, which this operator does not watch or can't read; {other}"
        case Hold.UNREACHABLE:
            problem = observed.holder.problem
            return f"was made for AdobeIMSCredential {name}, which can't be looked up: {problem}; {other}"
        case _:
            return None


def _held_elsewhere(observed: Observed, secret: ObservedSecret) -> str | None:
    """Whether a credential of another namespace has what the Secret is a copy of, in words."""
    match observed.holder.hold:
        case Hold.HELD:
            return f"{_copied(secret)}, and that credential has it; find out who copies it"
        case Hold.UNREACHABLE:
            return f"{_copied(secret)}, and that credential can't be looked up: {observed.holder.problem}"
        case _:
            return None


def _copied(secret: ObservedSecret) -> str:
    origin = secret.origin
    if origin is None:
        raise AssertionError("only a copy was written for another Secret")
    return (
        f"is a copy of Secret {origin.secret}, which was written for AdobeIMSCredential {origin.credential}; delete it "
        "so that a new one is made, give spec.secret.name another value, or set spec.secret.adopt to true to take the "
        "copy over"
    )


def _not_eligible(observed: Observed) -> str | None:
    """What forbids to take the Secret over even where nobody has it, in words."""
    secret = observed.secret
    if secret is None or _may_take(_me(observed), secret):
        if secret is None or secret.credential_uid is not None or not observed.rivals.client:
            return None
        why = f"it is the client Secret of AdobeIMSCredential {_first(observed.rivals.client).key.name}"
    elif not observed.spec.secret.adopt:
        return _to_adopt(secret)
    else:
        why = f"{secret.owner} controls it"
    return f"can't be adopted, as {why}; give spec.secret.name another value"


def _to_adopt(secret: ObservedSecret) -> str:
    """Whose a Secret is or was that could be adopted, in words."""
    if secret.origin is not None:
        return _copied(secret)
    advice = "give spec.secret.name another value, or set spec.secret.adopt to true to take the Secret over"
    if secret.credential_uid is not None:
        name = f"AdobeIMSCredential {secret.credential.name}" if secret.credential else "an AdobeIMSCredential"
        return f"was written for {name}, which is gone or names another Secret, and was left on purpose; {advice}"
    if secret.owner == FIELD_MANAGER:
        return (
            "was written by this operator, but somebody removed the annotations that say for whom; delete it so that a "
            f"new one is made, or {advice}"
        )
    return f"belongs to {secret.owner}; {advice}"


def _behind(observed: Observed) -> str | None:
    """Whose claim to a Secret that nobody has comes first, in words."""
    me, secret = _me(observed), observed.secret
    rivals = [rival for rival in observed.rivals.token if secret is None or _may_take(rival, secret)]
    ahead = [rival for rival in rivals if _rank(rival, secret) < _rank(me, secret)]
    if ahead:
        first = min(ahead, key=lambda rival: _rank(rival, secret))
        which = "the older " if _age(first) < _age(me) else ""
        had = "" if which else ", which had it last"
        return f"is for {which}AdobeIMSCredential {first.key.name}{had}; give spec.secret.name another value"
    older = [user for user in observed.rivals.client if _age(user) < _age(me)]
    if not older or _had(me, secret):
        return None
    user = _first(older).key.name
    return f"is the client Secret that the older AdobeIMSCredential {user} names; give spec.secret.name another value"


def _me(observed: Observed) -> Claimant:
    return claimant(observed.credential)


def _may_take(who: Claimant, secret: ObservedSecret) -> bool:
    """Whether a credential may take over a Secret that no credential has."""
    if secret.credential_uid is None:
        if secret.controller_uid is not None and not _is_left_behind(secret):
            return False
        return who.adopt or _moved_along(who.key, secret)
    # What its owner still controls would be deleted, by Kubernetes or by the operator.
    left = secret.controller_uid == secret.credential_uid or secret.credential == who.key
    return left or (who.adopt and secret.controller_uid is None)


def _moved_along(key: Key, secret: ObservedSecret) -> bool:
    """Whether a Secret is as that of a credential of the same name in another namespace, as a backup restores it."""
    origin = secret.origin
    if origin is None:
        return False
    return origin.has_moved and origin.credential.name == key.name


def _is_left_behind(secret: ObservedSecret) -> bool:
    # An ownerReference of the credential that it was written for leads nowhere from another namespace.
    origin = secret.origin
    return origin is not None and origin.has_moved and secret.controller_uid == origin.credential_uid


def _rank(who: Claimant, secret: ObservedSecret | None) -> tuple[bool, datetime, str]:
    return not _had(who, secret), *_age(who)


def _had(who: Claimant, secret: ObservedSecret | None) -> bool:
    """Whether a credential, or its predecessor of the same name, had the Secret last."""
    return who.held_last if secret is None else secret.credential == who.key


def _holds_token(client: ObservedSecret) -> bool:
    # Where the facts are damaged its controller counts; anybody may name a credential as one of several owners.
    controlled = client.credential_uid is not None and client.controller_uid == client.credential_uid
    return client.facts is not None or controlled


def _first(claimants: list[Claimant] | tuple[Claimant, ...]) -> Claimant:
    return min(claimants, key=_age)


def _age(who: Claimant) -> tuple[datetime, str]:
    return who.created, who.uid
