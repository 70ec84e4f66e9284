"""Whether IMS accepts a client: asked once, as the operator would, and the token is dropped."""

from adobe_ims_operator.adobe.client import ClientCredentials, IMSClient
from adobe_ims_operator.adobe.errors import IMSError, InvalidClient
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.source import ClientRef
from adobe_ims_operator.cli.client_flags import Tried
from adobe_ims_operator.cli.cluster import Cluster
from adobe_ims_operator.cli.culprits import culprit_of, failed_at_ims
from adobe_ims_operator.cli.results import Culprit, Outcome, Result, failed, ok
from adobe_ims_operator.cli.run_settings import IN_POD, Settings
from adobe_ims_operator.controller.refused_oauth_client import explain_refusals
from adobe_ims_operator.core import management_scopes
from adobe_ims_operator.core.claims import token_refusal
from adobe_ims_operator.kube import client_secret
from adobe_ims_operator.kube.client_secret import Client, ClientSecret
from adobe_ims_operator.kube.errors import ApiError, ForbiddenError, RefusedError


async def check_client_secret(cluster: Cluster, tried: Tried, settings: Settings, seconds: float) -> Result:
    """Read a client Secret, and ask IMS with it; `seconds` are for each request to IMS."""
    scope = management_scopes.first_of(tried.scopes)
    if scope is not None and settings.known and not settings.endpoints.management_scopes:
        what = f"the operator may not ask for the scope {scope}; leave it out, or start the operator with "
        what += management_scopes.FLAG
        return failed("ims", _target(tried.ref), what, reason=Reason.SCOPE_NOT_ALLOWED, culprit=Culprit.SCOPES)
    try:
        found = await client_secret.read(cluster.kube, cluster.home, tried.ref)
    except ApiError as error:
        return unread(cluster.home, tried.ref, error)
    return await check_client(tried, found, settings, seconds)


def unread(namespace: str, ref: ClientRef, error: ApiError) -> Result:
    """What is said of a client Secret that could not be read."""
    denied = isinstance(error, ForbiddenError)
    what = f"it can't be read in namespace {namespace} ({error.answer})"
    if denied:
        what += "; this takes the verb get on secrets"
    reason = Reason.SECRET_READ_REFUSED if isinstance(error, RefusedError) else Reason.SECRET_READ_FAILED
    culprit = Culprit.RBAC if denied else Culprit.API_SERVER
    return failed("ims", _target(ref), what, reason=reason, culprit=culprit)


def _target(ref: ClientRef) -> str:
    return f"Secret {ref.secret_name}"


async def check_client(tried: Tried, found: ClientSecret | None, settings: Settings, seconds: float) -> Result:
    """Ask IMS with a client Secret that was read, None where there is none.

    The next client secret is tried only where one is refused, as the operator does.
    """
    ref, url = tried.ref, settings.endpoints.resolve(tried.endpoint)
    target = _target(ref)
    if not settings.endpoints.allows(url):
        return _not_allowed(target, settings, url)
    if found is None:
        reason = Reason.CLIENT_SECRET_NOT_FOUND
        return failed("ims", target, "there is no such Secret", reason=reason, culprit=Culprit.CLIENT_OBJECT)
    if (refusal := token_refusal(ref.secret_name, found.metadata)) is not None:
        return failed("ims", target, refusal.message, reason=refusal.reason, culprit=Culprit.CLIENT_OBJECT)
    if found.client is None:
        reason, message = found.missing or (Reason.CLIENT_SECRET_INVALID, "it can't be used")
        return failed("ims", target, message, reason=reason, culprit=Culprit.CLIENT_OBJECT)
    ims = IMSClient(settings.trust, settings.proxies, patience=seconds)
    try:
        return await _ask(ims, settings, url, tried, found.client)
    finally:
        await ims.close()


def _not_allowed(target: str, settings: Settings, endpoint: str) -> Result:
    allowed = ", ".join(settings.endpoints.urls)
    if settings.known:
        what = f"client secrets may not be sent to {endpoint}, but to {allowed}; correct spec.endpoint, or start the "
        what += f"operator with --endpoint {endpoint} too"
        return failed("ims", target, what, reason=Reason.ENDPOINT_NOT_ALLOWED, culprit=Culprit.ENDPOINT)
    what = (
        f"{endpoint} was not asked: here client secrets may be sent to {allowed} alone, and what the operator allows "
    )
    what += f"is not known; add -- --endpoint {endpoint}, or check in its pod: {IN_POD}"
    return failed("ims", target, what, culprit=Culprit.FLAGS)


async def _ask(ims: IMSClient, settings: Settings, endpoint: str, tried: Tried, client: Client) -> Result:
    ref = tried.ref
    target, refusals = _target(ref), dict[str, InvalidClient]()
    for key, secret in client.secrets.items():
        credentials = ClientCredentials(client.client_id, secret, ref.organization_id)
        try:
            grant = await ims.fetch(endpoint, credentials, tried.scopes)
        except InvalidClient as error:
            refusals[key] = error
            continue
        except IMSError as error:
            return failed_at_ims("ims", target, error, settings)
        seconds = grant.token.expires_in.total_seconds()
        message = (
            f"{endpoint} gave a token for {seconds:.0f} s for the client secret under the key {key}; it is dropped"
        )
        if not refusals:
            return ok("ims", target, message)
        earlier = f"; it refused those under {', '.join(refusals)}"
        return Result("ims", target, Outcome.WARNING, message + earlier, culprit=Culprit.CLIENT_SECRET)
    last = list(refusals.values())[-1]
    message = explain_refusals(ref, endpoint, client, refusals)
    return failed("ims", target, message, reason=last.reason, culprit=culprit_of(last))
