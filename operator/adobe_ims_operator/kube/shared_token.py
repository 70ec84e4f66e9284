"""Reading the token of another credential from the Secret that it keeps.

Who may write Secrets in that namespace may have written this one, so nothing in it is trusted: the owner and the digest
of the data must fit, and each value is held to what an answer of IMS is held to. Nothing of it is kept.
"""

import base64
from dataclasses import dataclass, field
from datetime import datetime

from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.resource import JSON
from adobe_ims_operator.api.sizes import MAX_CLIENT_ID_SIZE, MAX_SCOPE_SIZE, MAX_TOKEN_SIZE
from adobe_ims_operator.api.token_rules import ACCESS_TOKEN, TOKEN_TYPE
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import ObservedSecret, Token
from adobe_ims_operator.core.source import Shared
from adobe_ims_operator.core.taking import implausible, unusable
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import NotFoundError
from adobe_ims_operator.kube.paths import secret_path
from adobe_ims_operator.kube.token_secret import content_of


@dataclass(frozen=True, slots=True)
class SharedToken:
    """The token, and what is true of it."""

    token: Token
    secret: ObservedSecret
    """The Secret that it was read from."""
    facts: Facts
    client_id: str | None = field(repr=False)
    """None in a Secret of an older version."""
    organization_id: str | None
    scope: str


async def read(kube: Kube, shared: Shared, now: datetime) -> SharedToken | Finding:
    """Read the token that a credential shares, or say why it can't be taken.

    Raises:
        ApiError: the Secret could not be read.
    """
    try:
        body = await kube.get(secret_path(shared.secret_key), fields=True)
    except NotFoundError:
        return unusable(shared, "does not exist")
    return _pick(body, shared, now)


def _pick(body: JSON, shared: Shared, now: datetime) -> SharedToken | Finding:
    content = content_of(body)
    facts = content.metadata.facts
    if facts is None or (facts.credential, facts.credential_uid) != (str(shared.key), shared.uid):
        return unusable(shared, "was not written for it")
    if not content.intact:
        return unusable(shared, "is not as the operator wrote it")
    # Both are part of the spec that the token was made from.
    scope, client = ",".join(shared.spec.scopes), shared.spec.client
    organization_id = None if client is None else client.organization_id
    access_token = _access_token(body.get("data") or {}, shared)
    if (problem := _problem(facts, scope, shared, now)) is not None:
        return unusable(shared, problem)
    if access_token is None:
        return unusable(shared, "has no key that holds a token and nothing else, as $(access_token) alone writes it")
    token = Token(access_token, facts.token_type or TOKEN_TYPE, facts.expires_at - facts.issued_at)
    return SharedToken(token, content.metadata, facts, facts.client_id, organization_id, scope)


def _problem(facts: Facts, scope: str, shared: Shared, now: datetime) -> str | None:
    """What is wrong with what a Secret says of its token, in words that follow the name of the Secret."""
    client_id = facts.client_id
    wrong = {
        "holds the token of an earlier spec": not facts.is_made_from(shared.spec_digests),
        "holds a token of a type that is not bearer": (facts.token_type or TOKEN_TYPE).lower() != TOKEN_TYPE,
        "names a client id that none can be": client_id is not None and not _is_client_id(client_id),
        "has more scopes than a token may have": len(scope) > MAX_SCOPE_SIZE,
    }
    if (time := implausible(facts, now)) is not None:
        return f"says that its token {time}"
    return next((problem for problem, is_wrong in wrong.items() if is_wrong), None)


def _is_client_id(client_id: str) -> bool:
    # Takers put it where they put the token, so it must break out of no JSON string either.
    return len(client_id) <= MAX_CLIENT_ID_SIZE and ACCESS_TOKEN.fullmatch(client_id) is not None


def _access_token(data: JSON, shared: Shared) -> str | None:
    template = shared.spec.secret.data
    encoded = next((data.get(key) for key, text in template.items() if text == "$(access_token)"), None)
    # Base64 has four characters for three bytes.
    if not isinstance(encoded, str) or len(encoded) > 2 * MAX_TOKEN_SIZE:
        return None
    try:
        text = base64.b64decode(encoded, validate=True).decode("ascii")
    except ValueError:
        return None
    return text if len(text) <= MAX_TOKEN_SIZE and ACCESS_TOKEN.fullmatch(text) else None
