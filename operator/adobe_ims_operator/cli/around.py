"""A credential with all that hangs on it, read once and put before the same core that the operator decides with.

What only the operator knows is taken from its report: whether it may ask the endpoint, and what its attempts came to.
Of what may not be read the problem is kept, and the rest is shown all the same.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from adobe_ims_operator.adobe.endpoints import ADOBE, Endpoints
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import JSON, KIND, Credential, Key, MalformedResourceError, parse_credential
from adobe_ims_operator.api.times import moment_or_none
from adobe_ims_operator.cache.index import client_key, token_key
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.core import attempts as attempt
from adobe_ims_operator.core import claims, policy
from adobe_ims_operator.core.decision import Decision
from adobe_ims_operator.core.explain import is_reported
from adobe_ims_operator.core.forbidden_metadata import Forbidden
from adobe_ims_operator.core.model import Attempts, Endpoint, Observed
from adobe_ims_operator.core.observe import observe
from adobe_ims_operator.kube import client_secret, secret_owner, token_secret
from adobe_ims_operator.kube.client import JSON_TYPE, METADATA_OBJECT, Kube
from adobe_ims_operator.kube.client_secret import ClientSecret
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.list_pages import pages
from adobe_ims_operator.kube.paths import credentials_path, secret_path
from adobe_ims_operator.kube.secret_metadata import observe_secret
from adobe_ims_operator.kube.token_secret import Content


@dataclass(slots=True)
class Around:
    """What was read; `problems` say what could not be."""

    credential: Credential
    body: JSON
    problems: list[str]
    unread: list[Key] = field(default_factory=list)
    """The Secrets that could not be read, so that nobody knows whether they are there."""
    client: ClientSecret | None = None
    client_error: ApiError | None = None
    content: Content | None = None
    observed: Observed | None = None
    """None where a Secret could not be read, so that nothing can be said of what is decided."""
    decision: Decision | None = None


async def read_credential(kube: Kube, key: Key) -> tuple[Credential, JSON]:
    """Read one credential, with what its managers own.

    Raises:
        ApiError: it could not be read.
        MalformedResourceError: it can't be said which object it is.
    """
    body = await kube.get(credentials_path(key.namespace, key.name), fields=True)
    return parse_credential(body), body


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator's flags refuse."""

    forbidden: Forbidden
    management_scopes: bool
    """Whether tokens may be asked for that can replace client secrets."""


async def read_around(kube: Kube, key: Key, now: datetime, limits: Limits | None = None) -> Around:
    """Read a credential and what is around it.

    Args:
        limits: what the operator refuses, where that is known; else its report is believed.

    Raises:
        ApiError: the credential could not be read.
        MalformedResourceError: it can't be said which object it is.
    """
    credential, body = await read_credential(kube, key)
    around = Around(credential, body, [])
    store = Store(lambda *_: None)
    store.upsert_credential(credential)
    await _read_rivals(kube, store, around)
    known = await _read_client(kube, store, around)
    known = await _read_token(kube, store, around) and known
    if known and not credential.deleting:
        await _decide(kube, store, around, now, limits)
    return around


async def _read_rivals(kube: Kube, store: Store, around: Around) -> None:
    namespace = around.credential.key.namespace
    try:
        async for page in pages(kube, credentials_path(namespace), accept=JSON_TYPE):
            for body in page["items"]:
                try:
                    store.upsert_credential(parse_credential(body))
                except MalformedResourceError:
                    continue
    except ApiError as error:
        around.problems.append(f"the credentials of namespace {namespace} can't be listed ({error.answer})")


async def _read_client(kube: Kube, store: Store, around: Around) -> bool:
    ref, key = around.credential.spec.client, client_key(around.credential)
    if ref is None or key is None:
        return await _read_source(kube, store, around)
    if not key.name:
        return True
    try:
        around.client = await client_secret.read(kube, key.namespace, ref)
        if around.client is not None:
            store.upsert_secret(key, around.client.metadata)
    except ApiError as error:
        around.client_error = error
        around.problems.append(_unread("client Secret", key, error))
        around.unread.append(key)
        return False
    return True


async def _read_source(kube: Kube, store: Store, around: Around) -> bool:
    key = around.credential.spec.taken_from
    if key is None:
        return True
    store.watched_secrets(None, 0)
    store.listed_credentials(None)
    what = f"{KIND} {key}, whose token it takes,"
    try:
        source = parse_credential(await kube.get(credentials_path(key.namespace, key.name)))
        store.upsert_credential(source)
        secret = token_key(source)
        what = f"Secret {secret}, which holds the token that it takes,"
        store.upsert_secret(
            secret, observe_secret((await kube.get(secret_path(secret), accept=METADATA_OBJECT))["metadata"])
        )
    except NotFoundError:
        return True
    except (ApiError, MalformedResourceError) as error:
        problem = error.answer if isinstance(error, ApiError) else str(error)
        around.problems.append(f"{what} can't be read ({problem})")
        return False
    return True


async def _read_token(kube: Kube, store: Store, around: Around) -> bool:
    key = token_key(around.credential)
    try:
        around.content = await token_secret.read(kube, key)
        if around.content is not None:
            store.upsert_secret(key, around.content.metadata)
    except ApiError as error:
        around.problems.append(_unread("token Secret", key, error))
        around.unread.append(key)
        return False
    return True


def _unread(what: str, key: Key, error: ApiError) -> str:
    return f"the {what} {key.name} can't be read ({error.answer}); this takes the verb get on secrets"


async def _decide(kube: Kube, store: Store, around: Around, now: datetime, limits: Limits | None) -> None:
    seen = _observe(store, around, attempt.recall(around.credential, now), now, limits)
    if claims.must_look_up(seen) and (whom := claims.to_look_up(seen.credential, seen.secret)) is not None:
        secret = token_key(around.credential)
        store.note_holder(secret, whom.uid, await secret_owner.look_up(kube, whom.key, whom.uid, secret.name, now))
    attempts = seen.attempts
    if around.content is not None:
        attempts = attempt.saw_token_secret(attempts, around.content.seen(seen))
    seen_client = None if around.client is None else around.client.seen(around.credential.uid)
    if (ref := seen.spec.client) is not None:
        attempts = attempt.saw_client_secret(attempts, ref.secret_name, seen_client, seen.inputs)
    around.observed = _observe(store, around, attempts, now, limits)
    around.decision = policy.decide(around.observed, now)


def _observe(store: Store, around: Around, attempts: Attempts, now: datetime, limits: Limits | None) -> Observed:
    credential = around.credential
    surroundings = store.surroundings(credential.key, now)
    if surroundings is None:
        raise AssertionError("the credential was put into the store")
    url = Endpoints(ADOBE).resolve(credential.spec.endpoint)
    if limits is not None:
        what, management = limits.forbidden.first(credential.spec.secret), limits.management_scopes
    else:
        reported = is_reported(credential, Reason.SECRET_METADATA_NOT_ALLOWED)
        what = "what the operator's --forbid names" if reported else None
        management = not is_reported(credential, Reason.SCOPE_NOT_ALLOWED)
    return observe(
        # As it was read first: a later list may show it a version further on.
        replace(surroundings, credential=credential),
        attempts,
        Endpoint(url, not is_reported(credential, Reason.ENDPOINT_NOT_ALLOWED), (), management),
        forbidden=what,
    )


def client_created(around: Around) -> datetime | None:
    """When the client Secret was made."""
    return None if around.client is None else around.client.times.created


def expires_at(around: Around) -> datetime | None:
    """When the token expires, as its Secret says or else the status."""
    facts = None if around.observed is None else around.observed.facts
    return facts.expires_at if facts is not None else moment_or_none(around.credential.status.expiration_time)
