"""What the operator needs of IMS: each endpoint by name, network, proxy and TLS, and a client that IMS accepts."""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from adobe_ims_operator.adobe import clock_skew
from adobe_ims_operator.adobe.client import ClientCredentials, IMSClient
from adobe_ims_operator.adobe.errors import (
    ClockSkewed,
    CredentialNotPermitted,
    Culprit,
    IMSError,
    IMSRateLimited,
    IMSResponseInvalid,
    IMSUnavailable,
    InvalidClient,
    InvalidScope,
)
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.source import ClientRef
from adobe_ims_operator.cli.results import Outcome, Result, failed, ok
from adobe_ims_operator.cli.run_settings import Settings
from adobe_ims_operator.controller.refused_oauth_client import explain_refusals
from adobe_ims_operator.core.claims import token_refusal
from adobe_ims_operator.kube.client_secret import Client, ClientSecret

DNS_SECONDS = 10.0
SKEW_SECONDS = 60.0
CULPRITS: Mapping[type[IMSError], str] = {
    IMSUnavailable: "IMS",
    IMSRateLimited: "throttling by IMS",
    IMSResponseInvalid: "what answers at the endpoint",
    ClockSkewed: "clock",
    InvalidScope: "scopes",
    CredentialNotPermitted: "credential in the Adobe Developer Console",
}
_OF_CLIENT = {
    Culprit.CLIENT_ID: "client id",
    Culprit.CLIENT_SECRET: "client secret",
    Culprit.EITHER: "client id or client secret",
}


def culprit_of(error: IMSError) -> str:
    """What to look at first."""
    if isinstance(error, InvalidClient):
        return _OF_CLIENT[error.culprit]
    if isinstance(error, IMSUnavailable) and not error.answered:
        return "network"
    return next(word for kind, word in CULPRITS.items() if isinstance(error, kind))


async def check_endpoints(settings: Settings, seconds: float) -> list[Result]:
    """Whether each endpoint can be reached from here, within so many seconds."""
    ims = IMSClient(settings.trust, settings.proxies, patience=seconds)
    try:
        found = await asyncio.gather(*(_endpoint(ims, settings, url) for url in settings.endpoints.urls))
    finally:
        await ims.close()
    return [result for results in found for result in results]


async def _endpoint(ims: IMSClient, settings: Settings, url: str) -> list[Result]:
    proxy = settings.proxies.of(url)
    resolved = await _resolve(url, url if proxy is None else proxy.url, "" if proxy is None else f"the proxy {proxy}: ")
    if resolved.outcome is Outcome.FAILED:
        return [resolved]
    by = "directly" if proxy is None else f"through the proxy {proxy}"
    try:
        answer = await ims.reach(url)
    except IMSUnavailable as error:
        culprit = "network" if proxy is None else "network or proxy"
        return [resolved, failed("connection", url, str(error), reason=error.reason, culprit=culprit)]
    tls = "over TLS with a certificate that is trusted" if url.startswith("https:") else "in the clear"
    results = [resolved, ok("connection", url, f"answers HTTP {answer.status}, {by}, {tls}")]
    skew = clock_skew.skew(answer.asked_at, answer.answered_at, clock_skew.parse_date(answer.headers.get("date")))
    if skew is not None and abs(skew) > SKEW_SECONDS:
        what = f"the clock here is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} that of the endpoint"
        results.append(Result("clock", url, Outcome.WARNING, what, culprit="clock"))
    return results


async def _resolve(target: str, url: str, prefix: str) -> Result:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(DNS_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        why = f"the name {host} is not resolved in {DNS_SECONDS:g} s"
    except OSError as error:
        why = f"the name {host} can't be resolved ({error.strerror or type(error).__name__})"
    else:
        addresses = dict.fromkeys(str(each[4][0]) for each in found)
        return ok("dns", target, f"{prefix}{host} is {', '.join(list(addresses)[:4])}")
    return failed("dns", target, f"{prefix}{why}; check the DNS of where this runs", culprit="DNS")


async def check_client(
    settings: Settings,
    endpoint: str,
    ref: ClientRef,
    scopes: Sequence[str],
    found: ClientSecret | None,
    seconds: float,
) -> Result:
    """Ask IMS once, as the operator would: with the next client secret only where one is refused.

    The token is dropped: nothing is stored.
    """
    name = f"Secret {ref.secret_name}"
    if not settings.endpoints.allows(endpoint):
        allowed = ", ".join(settings.endpoints.urls)
        what = (
            f"client secrets may not be sent to {endpoint}, but to {allowed}; correct spec.endpoint, or name --endpoint"
        )
        return failed("ims", name, what, reason=Reason.ENDPOINT_NOT_ALLOWED, culprit="endpoint")
    if found is None:
        return failed(
            "ims", name, "there is no such Secret", reason=Reason.CLIENT_SECRET_NOT_FOUND, culprit="client Secret"
        )
    if (refusal := token_refusal(ref.secret_name, found.metadata)) is not None:
        return failed("ims", name, refusal.message, reason=refusal.reason, culprit="client Secret")
    if found.client is None:
        reason, message = (
            found.missing if found.missing is not None else (Reason.CLIENT_SECRET_INVALID, "it can't be used")
        )
        return failed("ims", name, message, reason=str(reason), culprit="client Secret")
    ims = IMSClient(settings.trust, settings.proxies, patience=seconds)
    try:
        return await _ask(ims, endpoint, ref, scopes, found.client)
    finally:
        await ims.close()


async def _ask(ims: IMSClient, endpoint: str, ref: ClientRef, scopes: Sequence[str], client: Client) -> Result:
    name, refusals = f"Secret {ref.secret_name}", dict[str, InvalidClient]()
    for key, secret in client.secrets.items():
        credentials = ClientCredentials(client.client_id, secret, ref.organization_id)
        try:
            grant = await ims.fetch(endpoint, credentials, scopes)
        except InvalidClient as error:
            refusals[key] = error
            continue
        except IMSError as error:
            return failed("ims", name, str(error), reason=error.reason, culprit=culprit_of(error))
        seconds = grant.token.expires_in.total_seconds()
        message = (
            f"{endpoint} gave a token for {seconds:.0f} s for the client secret under the key {key}; it is dropped"
        )
        if not refusals:
            return ok("ims", name, message)
        earlier = f"; it refused those under {', '.join(refusals)}"
        return Result("ims", name, Outcome.WARNING, message + earlier, culprit="client secret")
    last = list(refusals.values())[-1]
    message = explain_refusals(ref, endpoint, client, refusals)
    return failed("ims", name, message, reason=last.reason, culprit=culprit_of(last))
