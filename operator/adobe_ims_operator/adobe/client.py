"""The token endpoint of Adobe IMS: one request that exchanges client credentials for an access token.

IMS: `POST /ims/token/v3`, a form in the body, scopes joined by commas (Adobe Developer Console guide, "OAuth
Server-to-Server credential implementation"). How often to ask and what to do about an error is left to others.
"""

import asyncio
import re
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlencode

import httpx

from adobe_ims_operator.adobe.answers import LONGEST_ANSWER, Answer, Grant, Question, interpret
from adobe_ims_operator.adobe.errors import Fault, IMSUnavailable
from adobe_ims_operator.adobe.proxies import Proxies, Proxy
from adobe_ims_operator.adobe.transport import DirectTransport
from adobe_ims_operator.api.names import version

TOKEN_PATH = "/ims/token/v3"  # noqa: S105 - a path
FORM_TYPE = "application/x-www-form-urlencoded"
TOTAL_SECONDS = 60.0
"""For all of a request: an IMS that is very slow is still one that gives tokens."""
CONNECT_SECONDS = 10.0
IDLE_SECONDS = 5.0
"""How long a connection is kept without a request: a server that closes it first may do so while one is sent."""


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """An OAuth client id with one client secret."""

    client_id: str
    client_secret: str = field(repr=False)
    organization_id: str | None = None
    """For whom a client of several organizations asks (@adobe/aio-lib-ims, adobe/ims-go: org_id)."""


class IMSClient:
    """Connections to all endpoints, kept alive between requests; as many as there are requests at once.

    Each is an httpx transport of its own, so that the one that was used last comes first. A transport sends one request
    and no more: it keeps no cookie, which might be sent with another credential, follows no redirect, and costs less
    than the client around it. Where there is no proxy, it is one on aiohttp.

    Args:
        trust: whose certificates are accepted, see `trust.load_trust`.
        proxies: which proxy each endpoint is asked through; None for those of the environment.
        now: the wall clock, in UTC.
        patience: seconds after which a request without a whole answer is given up.
    """

    def __init__(
        self,
        trust: ssl.SSLContext,
        proxies: Proxies | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: float = TOTAL_SECONDS,
    ) -> None:
        self._trust = trust
        self._proxies = proxies or Proxies()
        self._now = now
        self._patience = patience
        self._headers = httpx.Headers(
            {
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": f"adobe-ims-operator/{version()}",
            }
        )
        self._form_headers = httpx.Headers([*self._headers.multi_items(), ("Content-Type", FORM_TYPE)])
        self._extensions = {"timeout": httpx.Timeout(None, connect=CONNECT_SECONDS).as_dict()}
        self._idle: defaultdict[str, list[httpx.AsyncBaseTransport]] = defaultdict(list)

    async def close(self) -> None:
        """Close all connections; none may be in use."""
        for transports in self._idle.values():
            for transport in transports:
                await transport.aclose()

    async def fetch(self, endpoint: str, credentials: ClientCredentials, scopes: Sequence[str]) -> Grant:
        """Ask `endpoint` for a token.

        Raises:
            IMSError: the answer was no token, or there was none in time.
        """
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "scope": ",".join(scopes),
        }
        if credentials.organization_id is not None:
            form["org_id"] = credentials.organization_id
        answer = await self._exchange(endpoint, form)
        question = Question(
            endpoint, scopes, credentials.client_secret, credentials.client_id, credentials.organization_id
        )
        return interpret(question, answer)

    async def reach(self, endpoint: str) -> Answer:
        """Send a request that holds nothing, and take whatever HTTP answer comes.

        Raises:
            IMSUnavailable: there was none in time.
        """
        return await self._exchange(endpoint, None)

    async def _exchange(self, endpoint: str, form: Mapping[str, str] | None) -> Answer:
        outcome: Answer | _Failure
        proxy: Proxy | None = None
        try:
            proxy = self._proxies.of(endpoint)
            async with asyncio.timeout(self._patience):
                outcome = await self._send(endpoint, proxy, form)
        except TimeoutError:
            outcome = _by(proxy, f"no answer in {self._patience:g} s")
        except Exception as error:  # noqa: BLE001 - whatever it is, it holds the request, and that the secret
            outcome = _explain(error, proxy)
        if isinstance(outcome, Answer):
            if proxy is None or outcome.status != HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                return outcome
            outcome = _refused_by(proxy, outcome.status)
        # Raised out here, so that nothing is chained to it.
        raise IMSUnavailable(f"{endpoint} can't be reached ({outcome.words}); the operator keeps trying", outcome.fault)

    def _open(self, proxy: Proxy | None) -> httpx.AsyncBaseTransport:
        if proxy is None:
            return DirectTransport(self._trust, connect=CONNECT_SECONDS, keepalive=IDLE_SECONDS)
        return httpx.AsyncHTTPTransport(
            verify=self._trust,
            proxy=self._through(proxy),
            trust_env=False,
            # No limit of the pool's own: httpcore never gives back the place of a connect that was cancelled.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS),
        )

    def _through(self, proxy: Proxy) -> httpx.Proxy:
        # An https proxy is trusted as IMS is; httpcore refuses a context for an http one.
        return httpx.Proxy(proxy.url, ssl_context=self._trust if proxy.url.startswith("https:") else None)

    def _ask(self, endpoint: str, form: Mapping[str, str] | None) -> httpx.Request:
        if form is None:
            return httpx.Request("GET", _url(f"{endpoint}/"), headers=self._headers, extensions=self._extensions)
        return httpx.Request(
            "POST",
            _url(endpoint + TOKEN_PATH),
            headers=self._form_headers,
            content=urlencode(form).encode(),
            extensions=self._extensions,
        )

    async def _send(self, endpoint: str, proxy: Proxy | None, form: Mapping[str, str] | None) -> Answer:
        idle = self._idle[endpoint]
        request = self._ask(endpoint, form)
        # The one that was used last, as its connection is the likeliest to be open still.
        transport = idle.pop() if idle else self._open(proxy)
        asked_at = self._now()
        try:
            response = await transport.handle_async_request(request)
            try:
                # The raw bytes: an answer that is compressed although none was asked for is not unpacked.
                body = bytearray()
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > LONGEST_ANSWER:
                        break
            finally:
                await response.aclose()
        finally:
            idle.append(transport)
        return Answer(response.status_code, dict(response.headers.items()), bytes(body), asked_at, self._now())


@lru_cache(maxsize=64)
def _url(text: str) -> httpx.URL:
    """Parsed once: that takes as long as to send a request."""
    return httpx.URL(text)


class _Failure(NamedTuple):
    words: str
    fault: Fault


def _explain(error: BaseException, proxy: Proxy | None) -> _Failure:
    if proxy is not None and isinstance(error, httpx.ProxyError):
        status = re.match(r"[1-5][0-9]{2}\b", str(error))
        return _refused_by(proxy, status[0] if status else None)
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    for cause in reversed(causes):
        if isinstance(cause, ssl.SSLCertVerificationError):
            words = f"its TLS certificate is not trusted, {cause.verify_message}: see --ims-ca-file"
            return _Failure(_by(proxy, words).words, Fault.CERTIFICATE)
        # Through a proxy it is only the proxy that is connected to.
        if isinstance(cause, socket.gaierror):
            return _of(proxy, "its name can't be resolved", Fault.DNS)
        if isinstance(cause, ConnectionRefusedError):
            return _of(proxy, "connection refused")
    return _by(proxy, "no answer in time" if isinstance(error, httpx.TimeoutException) else type(error).__name__)


def _refused_by(proxy: Proxy | None, status: int | str | None) -> _Failure:
    return _of(proxy, "it refuses the connection" + (f", HTTP {status}" if status else ""))


def _of(proxy: Proxy | None, words: str, fault: Fault = Fault.NETWORK) -> _Failure:
    """A failure of the proxy where there is one, else that one."""
    if proxy is None:
        return _Failure(words, fault)
    return _Failure(f"the proxy {proxy} fails: {words}; check it and NO_PROXY", Fault.PROXY)


def _by(proxy: Proxy | None, words: str) -> _Failure:
    """A failure that may be the proxy's where there is one."""
    if proxy is None:
        return _Failure(words, Fault.NETWORK)
    return _Failure(f"{words}, through the proxy {proxy}", Fault.NETWORK_OR_PROXY)
