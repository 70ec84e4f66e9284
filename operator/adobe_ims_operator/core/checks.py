"""The named checks that a decision is made of, in the order in which they decide: the specification, as a list.

Each check looks at one thing and answers with a finding, or with None where that thing is as it should be. The first
finding of `REFUSALS` says why nothing may be done; else the first of `ROTATIONS` why a token is asked for. The first of
`READINESS` says why the Secret holds no valid token of the present spec, whatever is done about it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.sizes import (
    MAX_ANNOTATIONS_SIZE,
    MAX_SECRET_SIZE,
    OWN_ANNOTATIONS_SIZE,
    annotations_size,
)
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core import claims, management_scopes, taking
from adobe_ims_operator.core.due import due_at
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Observed

MOST_ENDPOINTS_SHOWN = 10

Check = Callable[[Observed, datetime], Finding | None]


def _suspended(observed: Observed, _now: datetime) -> Finding | None:
    if not observed.spec.suspend:
        return None
    return Finding(Reason.SUSPENDED, "rotation is suspended; set spec.suspend to false to resume")


def _endpoint_not_allowed(observed: Observed, _now: datetime) -> Finding | None:
    if observed.endpoint.allowed:
        return None
    urls = observed.endpoint.allowed_urls
    shown = ", ".join(urls[:MOST_ENDPOINTS_SHOWN]) + (", ..." if len(urls) > MOST_ENDPOINTS_SHOWN else "")
    allowed = f" ({shown})" if shown else ""
    return Finding(
        Reason.ENDPOINT_NOT_ALLOWED,
        f"the operator may not send client secrets to {observed.endpoint.url}; set spec.endpoint to one that it may"
        f"{allowed}, or start the operator with --endpoint for this one too",
    )


def _secret_metadata_not_allowed(observed: Observed, _now: datetime) -> Finding | None:
    if observed.forbidden is None:
        return None
    return Finding(
        Reason.SECRET_METADATA_NOT_ALLOWED,
        f"the operator may not write a Secret with {observed.forbidden}, as another controller may take it for its "
        "own; remove it from spec.secret, or ask the operator's administrator to start it with another --forbid",
    )


def _secret_not_owned(observed: Observed, _now: datetime) -> Finding | None:
    return claims.refusal(observed)


def _adoption_drops_keys(observed: Observed, _now: datetime) -> Finding | None:
    secret, differences, template = observed.secret, observed.differences, observed.spec.secret
    if secret is None or secret.credential_uid is not None or differences is None or template.drop_other_keys:
        return None
    if not differences.keys:
        return None
    more = f" and {differences.more_keys} more" if differences.more_keys else ""
    return Finding(
        Reason.ADOPTION_DROPS_KEYS,
        f"to take Secret {template.name} over would delete its keys {', '.join(differences.keys)}{more}; name in "
        "spec.secret.data what applications need, put the rest into another Secret, then set "
        "spec.secret.dropOtherKeys to true",
    )


def _client_secret_not_found(observed: Observed, _now: datetime) -> Finding | None:
    ref = observed.spec.client
    if ref is None or observed.client is not None:
        return None
    name = ref.secret_name
    return Finding(
        Reason.CLIENT_SECRET_NOT_FOUND,
        f"there is no Secret {name} in namespace {observed.key.namespace}; create it with the keys "
        f"{ref.id_key} and {' or '.join(ref.secret_keys)}",
    )


def _client_secret_not_allowed(observed: Observed, _now: datetime) -> Finding | None:
    return claims.client_refusal(observed)


def _too_many_credentials(observed: Observed, _now: datetime) -> Finding | None:
    if observed.limit is None:
        return None
    return Finding(
        Reason.TOO_MANY_CREDENTIALS,
        f"namespace {observed.key.namespace} has more than {observed.limit} AdobeIMSCredentials, and this is not among "
        "the oldest of them; delete some, or ask the operator's administrator for a higher "
        "--max-credentials-per-namespace",
    )


def _source_not_shared(observed: Observed, _now: datetime) -> Finding | None:
    return taking.refusal(observed)


def _spec_invalid(observed: Observed, _now: datetime) -> Finding | None:
    return Finding(Reason.SPEC_INVALID, observed.spec.invalid) if observed.spec.invalid else None


def _template_invalid(observed: Observed, _now: datetime) -> Finding | None:
    problem = observed.spec.template_problem
    return Finding(Reason.TEMPLATE_INVALID, f"spec.secret.data: {problem}") if problem else None


def _secret_too_large(observed: Observed, _now: datetime) -> Finding | None:
    size = observed.spec.secret_size
    if size > MAX_SECRET_SIZE:
        return Finding(
            Reason.SECRET_TOO_LARGE,
            f"spec.secret.data: the values of Secret {observed.spec.secret.name} could have {size} bytes with the "
            f"longest token, and Kubernetes takes {MAX_SECRET_SIZE}; use $(access_token) less often, or shorter texts",
        )
    size, limit = annotations_size(observed.spec.secret.annotations), MAX_ANNOTATIONS_SIZE - OWN_ANNOTATIONS_SIZE
    if size > limit:
        return Finding(
            Reason.SECRET_TOO_LARGE,
            f"spec.secret.annotations have {size} bytes, and Kubernetes takes {limit} beside the operator's own; "
            "shorten them",
        )
    return None


def _secret_missing(observed: Observed, _now: datetime) -> Finding | None:
    return Finding(Reason.SECRET_MISSING, "there is no token Secret yet") if observed.secret is None else None


def _secret_to_take_over(observed: Observed, _now: datetime) -> Finding | None:
    secret = observed.secret
    if secret is None or secret.credential_uid == observed.uid:
        return None
    return Finding(Reason.SECRET_TAKEN_OVER, f"Secret {observed.spec.secret.name} is taken over from {secret.owner}")


def _facts_damaged(observed: Observed, _now: datetime) -> Finding | None:
    return Finding(Reason.FACTS_DAMAGED, "the operator's annotations were edited") if observed.facts is None else None


def _spec_changed(observed: Observed, _now: datetime) -> Finding | None:
    if observed.facts is None or observed.is_of_this_spec:
        return None
    return Finding(Reason.SPEC_CHANGED, "the token in the Secret was made from an earlier spec")


def _secret_edited(observed: Observed, _now: datetime) -> Finding | None:
    if observed.own_secret is None or observed.intact is not False:
        return None
    seen = observed.attempts.token_secret
    by = f" with {seen.data_editor}" if seen is not None and seen.data_editor else ""
    return Finding(Reason.SECRET_EDITED, f"the data of the token Secret was edited{by}")


def _requested(observed: Observed, _now: datetime) -> Finding | None:
    request = observed.inputs.rotate_request
    if not request or observed.facts is None or request == observed.facts.rotate_request:
        return None
    return Finding(Reason.REQUESTED, "a rotation was requested by annotation")


def _issued_in_the_future(observed: Observed, now: datetime) -> Finding | None:
    if observed.facts is None or observed.facts.issued_at <= now + taking.CLOCK_SKEW:
        return None
    return Finding(Reason.CLOCK_JUMPED, f"the token says it was issued at {to_rfc3339(observed.facts.issued_at)}")


def _source_rotated(observed: Observed, _now: datetime) -> Finding | None:
    return taking.rotated(observed)


def _due(observed: Observed, now: datetime) -> Finding | None:
    if observed.source is not None or observed.facts is None or now < due_at(observed.facts, observed.spec.interval):
        return None
    return Finding(Reason.DUE, "the token has reached its age of rotation")


def _client_changed(observed: Observed, _now: datetime) -> Finding | None:
    if observed.facts is None or observed.client is None:
        return None
    if str(observed.client.version) == observed.facts.client_version:
        return None
    if observed.inputs.client_digest is None:
        return CLIENT_UNREAD
    if observed.inputs.client_digest == observed.facts.client_digest:
        return None
    if observed.key_of_client_secret(observed.facts) is not None:
        return None  # others came, went or moved, which is nothing to this token
    changed = "the client id changed, or the client secret that the token was made with is gone"
    return Finding(Reason.CLIENT_SECRET_CHANGED, changed)


CLIENT_UNREAD = Finding(Reason.CLIENT_SECRET_UNREAD, "the client Secret has a version that was not read yet")

REFUSALS: Sequence[Check] = (
    _spec_invalid,
    _too_many_credentials,
    _suspended,
    _endpoint_not_allowed,
    management_scopes.refusal,
    _template_invalid,
    _secret_too_large,
    _secret_metadata_not_allowed,
    _secret_not_owned,
    _adoption_drops_keys,
    _client_secret_not_allowed,
    _client_secret_not_found,
    _source_not_shared,
)
ROTATIONS: Sequence[Check] = (
    _secret_missing,
    _secret_to_take_over,
    _facts_damaged,
    _spec_changed,
    _requested,
    _issued_in_the_future,
    _source_rotated,
    _due,
    _secret_edited,
    taking.late,
    _client_changed,  # last, since it may cost a read
)


HANDS_OFF: Sequence[Check] = (
    _spec_invalid,
    _too_many_credentials,
    _suspended,
    _secret_too_large,
    _secret_metadata_not_allowed,
    _secret_not_owned,
    _secret_to_take_over,
)
"""Those findings of `REFUSALS` and `ROTATIONS` that forbid to write the metadata of a token Secret too."""


def _no_token(observed: Observed, _now: datetime) -> Finding | None:
    name = observed.spec.secret.name
    if observed.secret is None:
        what = f"there is no Secret {name} yet"
    elif observed.own_secret is None or observed.secret.credential_uid != observed.uid:
        what = f"Secret {name} holds no token of this credential"
    elif observed.facts is None:
        what = f"the operator's annotations of Secret {name} were edited, so nothing is known of a token in it"
    elif observed.spec.invalid or observed.spec.template_problem:
        what = f"Secret {name} is not known to hold a token, as the spec can't be read"
    elif not observed.intact:
        what = f"the data of Secret {name} was edited, so it may hold no token"
    else:
        return None
    return Finding(Reason.TOKEN_MISSING, what)


def _expired(observed: Observed, now: datetime) -> Finding | None:
    facts = observed.facts
    if facts is None or now < facts.expires_at:
        return None
    expired = f"the token in Secret {observed.spec.secret.name} expired at {to_rfc3339(facts.expires_at)}"
    return Finding(Reason.EXPIRED, expired)


def _of_earlier_spec(observed: Observed, _now: datetime) -> Finding | None:
    facts = observed.facts
    if facts is None or observed.is_of_this_spec:
        return None
    until = to_rfc3339(facts.expires_at)
    return Finding(
        Reason.EARLIER_SPEC,
        f"Secret {observed.spec.secret.name} still holds the token of an earlier spec, valid until {until}",
    )


READINESS: Sequence[Check] = (
    _no_token,
    _expired,
    _of_earlier_spec,
)
"""What must not be found for the Secret to hold a valid token of this very spec."""
OF_THIS_SPEC: Sequence[Check] = (_no_token, _of_earlier_spec)
"""What must not be found for the Secret to hold a token of this very spec, whatever its age."""


def first(checks: Sequence[Check], observed: Observed, now: datetime) -> Finding | None:
    """The first finding of a list of checks, or None where there is none."""
    return next((finding for check in checks if (finding := check(observed, now))), None)
