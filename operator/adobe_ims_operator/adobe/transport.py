"""HTTP to Adobe: one request, and its whole answer or what keeps it from coming.

It knows neither IMS nor the console API. What is sent holds secrets, and so does what httpx raises: nothing of either
gets out of here, and no error is raised at all.
"""

import asyncio
import re
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlencode

import httpx

from adobe_ims_operator.adobe.answers import LONGEST_ANSWER, Answer
from adobe_ims_operator.adobe.direct_transport import DirectTransport
from adobe_ims_operator.adobe.errors import Fault
from adobe_ims_operator.adobe.proxies import Proxies, Proxy, ProxyError
from adobe_ims_operator.api.names import version

TOTAL_SECONDS = 60.0
"""For all of a request: an IMS that is very slow is still one that gives tokens."""
CONNECT_SECONDS = 10.0
IDLE_SECONDS = 5.0
"""For which a connection is kept: less than what servers and balancers do, who close it while a request is sent."""
FORM_TYPE = "application/x-www-form-urlencoded"

# Raised while there is no connection to send on. Whatever else is raised may be so after all was sent.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    ProxyError,
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to an endpoint; a form makes the body."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)


class Failure(NamedTuple):
    """No answer, in words that follow "can't be reached"."""

    words: str
    fault: Fault
    sent: bool = True
    """Whether the request may have arrived; False only where there was no connection to send it on."""


class Transport:
    """Connections to all endpoints, kept alive between requests; as many as there are requests at once.

    Each is an httpx transport of its own, so that the one that was used last comes first. A transport sends one request
    and no more: it keeps no cookie, which might be sent with another credential, follows no redirect, and costs less
    than the client around it. Where there is no proxy, it is one on aiohttp.

    Args:
        trust: whose certificates are accepted, see `trust.load_trust`.
        proxies: which proxy each endpoint is asked through; None for those of the environment.
        now: the wall clock, in UTC.
        patience: seconds after which a request without a whole answer is given up.
        keep_alive: whether a connection serves more than one request. A server may close it just as the next one is
            sent, of which nobody knows then whether it arrived.
    """

    def __init__(
        self,
        trust: ssl.SSLContext,
        proxies: Proxies | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: float = TOTAL_SECONDS,
        keep_alive: bool = True,
    ) -> None:
        self._trust = trust
        self._proxies = proxies or Proxies()
        self._now = now
        self._patience = patience
        self._keep_alive = keep_alive
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

    async def exchange(self, endpoint: str, request: Request) -> Answer | Failure:
        """Send one request, and take whatever HTTP answer comes."""
        proxy: Proxy | None = None
        try:
            proxy = self._proxies.of(endpoint)
            async with asyncio.timeout(self._patience):
                answer = await self._send(endpoint, proxy, request)
        except TimeoutError:
            return _by(proxy, f"no answer in {self._patience:g} s")
        except Exception as error:  # noqa: BLE001 - whatever it is, it holds the request, and that the secret
            return _explain(error, proxy)
        if proxy is not None and answer.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            return _refused_by(proxy, answer.status)
        return answer

    def _open(self, proxy: Proxy | None) -> httpx.AsyncBaseTransport:
        if proxy is None:
            return DirectTransport(self._trust, connect=CONNECT_SECONDS, keepalive=IDLE_SECONDS)
        kept_at_most = int(self._keep_alive)
        return httpx.AsyncHTTPTransport(
            verify=self._trust,
            proxy=self._through(proxy),
            trust_env=False,
            # No limit of the pool's own: httpcore never gives back the place of a connect that was cancelled.
            limits=httpx.Limits(
                max_connections=None, max_keepalive_connections=kept_at_most, keepalive_expiry=IDLE_SECONDS
            ),
        )

    def _through(self, proxy: Proxy) -> httpx.Proxy:
        # An https proxy is trusted as IMS is; httpcore refuses a context for an http one.
        return httpx.Proxy(proxy.url, ssl_context=self._trust if proxy.url.startswith("https:") else None)

    def _request(self, endpoint: str, asked: Request) -> httpx.Request:
        headers, content = self._headers, None
        if asked.form is not None:
            headers, content = self._form_headers, urlencode(asked.form).encode()
        if asked.headers:
            headers = httpx.Headers({**headers, **asked.headers})
        url = _url(endpoint + asked.path)
        return httpx.Request(asked.method, url, headers=headers, content=content, extensions=self._extensions)

    async def _send(self, endpoint: str, proxy: Proxy | None, asked: Request) -> Answer:
        request = self._request(endpoint, asked)
        idle = self._idle[endpoint]
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
            if self._keep_alive:
                idle.append(transport)
            else:
                await transport.aclose()
        return Answer(response.status_code, dict(response.headers.items()), bytes(body), asked_at, self._now())


@lru_cache(maxsize=64)
def _url(text: str) -> httpx.URL:
    """Parsed once: that takes as long as to send a request."""
    return httpx.URL(text)


def _explain(error: Exception, proxy: Proxy | None) -> Failure:
    return _name(error, proxy)._replace(sent=not isinstance(error, _NOT_SENT))


def _name(error: Exception, proxy: Proxy | None) -> Failure:
    if proxy is not None and isinstance(error, httpx.ProxyError):
        status = re.match(r"[1-5][0-9]{2}\b", str(error))
        return _refused_by(proxy, status[0] if status else None)
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    for cause in reversed(causes):
        if isinstance(cause, ssl.SSLCertVerificationError):
            words = f"its TLS certificate is not trusted, {cause.verify_message}: see --ims-ca-file"
            return Failure(_by(proxy, words).words, Fault.CERTIFICATE)
        # Through a proxy it is only the proxy that is connected to.
        if isinstance(cause, socket.gaierror):
            return _of(proxy, "its name can't be resolved", Fault.DNS)
        if isinstance(cause, ConnectionRefusedError):
            return _of(proxy, "connection refused")
    return _by(proxy, "no answer in time" if isinstance(error, httpx.TimeoutException) else type(error).__name__)


def _refused_by(proxy: Proxy | None, status: int | str | None) -> Failure:
    failure = _of(proxy, "it refuses the connection" + (f", HTTP {status}" if status else ""))
    return failure._replace(sent=False)


def _of(proxy: Proxy | None, words: str, fault: Fault = Fault.NETWORK) -> Failure:
    """A failure of the proxy where there is one, else that one."""
    if proxy is None:
        return Failure(words, fault)
    return Failure(f"the proxy {proxy} fails: {words}; check it and NO_PROXY", Fault.PROXY)


def _by(proxy: Proxy | None, words: str) -> Failure:
    """A failure that may be the proxy's where there is one."""
    if proxy is None:
        return Failure(words, Fault.NETWORK)
    return Failure(f"{words}, through the proxy {proxy}", Fault.NETWORK_OR_PROXY)
