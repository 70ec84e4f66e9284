"""The named checks that a decision is made of, in the order in which they decide: the specification, as a list.

Each check looks at one thing and answers with a finding, or with None where that thing is as it should be. The first
finding of `REFUSALS` says why nothing may be done; else the first of `ROTATIONS` why a token is asked for.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core.model import Finding, Observed

SHORT_LIFETIME = timedelta(hours=3)
"""A token that lives shorter is replaced after `SHORT_SHARE` of its lifetime at the latest, to leave time to retry."""
SHORT_SHARE = 2 / 3
LEAST_MARGIN = timedelta(minutes=1)
"""Any other must outlive its rotation by this much; else it is replaced after `LIFETIME_SHARE` of its lifetime."""
LIFETIME_SHARE = 23 / 24
CLOCK_SKEW = timedelta(minutes=1)
"""A token issued further ahead than this was written by a clock that was wrong."""

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


def _secret_needed_by_others(observed: Observed, _now: datetime) -> Finding | None:
    secret, name = observed.secret, observed.spec.secret.name
    if secret is None or observed.own_secret is not None:
        return None
    if observed.client_of is not None:
        user = f"it is the client Secret of AdobeIMSCredential {observed.client_of}"
    elif secret.controller_uid is not None:
        user = f"{secret.owner} controls it"
    else:
        return None
    return Finding("SecretNotOwned", f"Secret {name} can't be adopted, as {user}; give spec.secret.name another value")


def _client_secret_not_found(observed: Observed, _now: datetime) -> Finding | None:
    if observed.client is not None:
        return None
    name = observed.spec.client.secret_name
    return Finding(
        "ClientSecretNotFound",
        f"there is no Secret {name} in namespace {observed.key.namespace}; create it with the keys "
        f"{observed.spec.client.id_key} and {' or '.join(observed.spec.client.secret_keys)}",
    )


def _client_secret_is_a_token_secret(observed: Observed, _now: datetime) -> Finding | None:
    if observed.client is None or observed.client.facts is None:
        return None
    return Finding(
        "ClientSecretNotAllowed",
        f"Secret {observed.spec.client.secret_name} holds the token of {observed.client.facts.credential}; name the "
        "Secret with the OAuth client id and client secret in spec.client.secretRef",
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
    if observed.own_secret is None or observed.secret_intact is not False:
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
    if observed.facts is None or observed.client_version == observed.facts.client_version:
        return None
    if observed.inputs.client_digest is None:
        return CLIENT_UNREAD
    if observed.inputs.client_digest == observed.facts.client_digest:
        return None
    return Finding("ClientSecretChanged", "the client id or client secret changed")


CLIENT_UNREAD = Finding("ClientSecretUnread", "the client Secret has a version that was not read yet")

REFUSALS: Sequence[Check] = (
    _suspended,
    _endpoint_not_allowed,
    _name_taken_by_older_credential,
    _secret_not_owned,
    _secret_needed_by_others,
    _client_secret_not_found,
    _client_secret_is_a_token_secret,
)
ROTATIONS: Sequence[Check] = (
    _secret_missing,
    _secret_to_take_over,
    _facts_damaged,
    _spec_changed,
    _requested,
    _issued_in_the_future,
    _due,
    _secret_edited,
    _client_changed,  # last, since it may cost a read
)
FRESHNESS: Sequence[Check] = (
    _secret_missing,
    _secret_to_take_over,
    _facts_damaged,
    _spec_changed,
    _secret_edited,
)
"""What must hold for a token to be one of this very spec, whatever its age."""


def first(checks: Sequence[Check], observed: Observed, now: datetime) -> Finding | None:
    """The first finding of a list of checks, or None where there is none."""
    return next((finding for check in checks if (finding := check(observed, now))), None)


def due_at(facts: Facts, interval: timedelta) -> datetime:
    """When a token is to be replaced: always before it expires."""
    lifetime = facts.expires_at - facts.issued_at
    if lifetime < SHORT_LIFETIME:
        return facts.issued_at + min(interval, lifetime * SHORT_SHARE)
    if lifetime - interval < LEAST_MARGIN:
        return facts.issued_at + lifetime * LIFETIME_SHARE
    return facts.issued_at + interval
