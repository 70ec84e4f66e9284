"""The token endpoint of Adobe IMS: one request that exchanges client credentials for an access token.

IMS: `POST /ims/token/v3`, a form in the body, scopes joined by commas (Adobe Developer Console guide, "OAuth
Server-to-Server credential implementation"). How often to ask and what to do about an error is left to others.
"""

import asyncio
import json
import os
import re
import socket
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx

from adobe_ims_operator.adobe.errors import (
    CredentialNotPermitted,
    IMSError,
    IMSRateLimited,
    IMSResponseInvalid,
    IMSUnavailable,
    InvalidClient,
    InvalidScope,
)
from adobe_ims_operator.api.sizes import MAX_TOKEN_SIZE
from adobe_ims_operator.core.model import Token

TOKEN_PATH = "/ims/token/v3"  # noqa: S105 - a path
TOTAL_SECONDS = 60.0
"""For all of a request: an IMS that is very slow is still one that gives tokens."""
CONNECT_SECONDS = 10.0
LONGEST_ANSWER = 32 * 1024
"""Bytes; a real answer has one to two thousand."""
LONGEST_LIFETIME = timedelta(days=10)
"""Above this `expires_in` is in milliseconds, as older IMS endpoints wrote it."""
RETRY_AFTER = (timedelta(seconds=1), timedelta(hours=1))

# Visible ASCII, as OAuth 2.0 has it (RFC 6749, A.12), less what would break out of a JSON string.
_ACCESS_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_PERSON_ERRORS = ("invalid_request", "unsupported_grant_type", "unauthorized_client", "access_denied")
_PASSING_ERRORS = ("server_error", "temporarily_unavailable")


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """An OAuth client id with one client secret."""

    client_id: str
    client_secret: str = field(repr=False)


class TrustError(Exception):
    """The authorities to trust can't be read."""


def load_trust(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the usual authorities, and those of a PEM file.

    The usual ones are those of SSL_CERT_FILE and SSL_CERT_DIR, else the system's, and certifi's where it has none.

    Raises:
        TrustError: a file is missing, or holds no certificate.
    """
    file, folder = os.environ.get("SSL_CERT_FILE") or None, os.environ.get("SSL_CERT_DIR") or None
    try:
        if file or folder:
            context = ssl.create_default_context(cafile=file, capath=folder)
        else:
            context = ssl.create_default_context() if _system_has_authorities() else httpx.create_ssl_context()
    except OSError as error:  # which an ssl.SSLError is as well
        raise TrustError(f"the file that SSL_CERT_FILE names can't be used ({error})") from error
    try:
        if ca_file is not None:
            context.load_verify_locations(cafile=str(ca_file))
    except OSError as error:
        raise TrustError(f"{ca_file} holds no certificate in PEM form ({error})") from error
    return context


def _system_has_authorities() -> bool:
    paths = ssl.get_default_verify_paths()
    # OpenSSL finds those of a folder by the hash of their names, each when it is needed.
    return bool(paths.cafile or (paths.capath and any(Path(paths.capath).glob("*.0"))))


class IMSClient:
    """Connections to all endpoints, kept alive between requests; as many as there are requests at once.

    Each is an httpx client of its own, since the pool of a shared one looks at all its connections for each request.

    Args:
        trust: whose certificates are accepted, see `load_trust`.
    """

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._trust = trust
        self._idle: defaultdict[str, list[httpx.AsyncClient]] = defaultdict(list)

    async def close(self) -> None:
        """Close all connections; none may be in use."""
        for clients in self._idle.values():
            for client in clients:
                await client.aclose()

    async def fetch(self, endpoint: str, credentials: ClientCredentials, scopes: Sequence[str]) -> Token:
        """Ask `endpoint` for a token.

        Raises:
            IMSError: the answer was no token, or there was none in a minute.
        """
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "scope": ",".join(scopes),
        }
        answer: tuple[httpx.Response, bytes] | None = None
        failure = ""
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                answer = await self._post(endpoint, form)
        except TimeoutError:
            failure = f"no answer in {TOTAL_SECONDS:.0f} s"
        except Exception as error:  # noqa: BLE001 - whatever it is, it holds the request, and that the secret
            failure = _explain(error)
        # Raised out here, so that nothing is chained to it.
        if answer is None:
            raise IMSUnavailable(f"{endpoint} can't be reached ({failure}); the operator keeps trying")
        return _interpret(endpoint, *answer, scopes)

    @asynccontextmanager
    async def _client(self, endpoint: str) -> AsyncIterator[httpx.AsyncClient]:
        idle = self._idle[endpoint]
        # The one that was used last, as its connection is the likeliest to be open still.
        client = idle.pop() if idle else self._open()
        try:
            yield client
        finally:
            idle.append(client)

    def _open(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=self._trust,
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            # No limit of the pool's own: httpcore never gives back the place of a connect that was cancelled.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=1),
            # A cookie set for one credential must not be sent with another.
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    async def _post(self, endpoint: str, form: Mapping[str, str]) -> tuple[httpx.Response, bytes]:
        url = endpoint + TOKEN_PATH
        async with self._client(endpoint) as client, client.stream("POST", url, data=form) as response:
            # The raw bytes: an answer that is compressed although none was asked for is not unpacked.
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > LONGEST_ANSWER:
                    break
            return response, bytes(body)


def _explain(error: BaseException) -> str:
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    for cause in reversed(causes):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its TLS certificate is not trusted, {cause.verify_message}: see --ims-ca-file"
        if isinstance(cause, socket.gaierror):
            return "its name can't be resolved"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
    if isinstance(error, httpx.ProxyError):
        return "the proxy refused; see HTTPS_PROXY and NO_PROXY"
    return "no answer in time" if isinstance(error, httpx.TimeoutException) else type(error).__name__


def _interpret(endpoint: str, response: httpx.Response, body: bytes, scopes: Sequence[str]) -> Token:
    status = response.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        wait = _retry_after(response.headers.get("retry-after"), datetime.now(UTC))
        asked = f"asks to wait {wait.total_seconds():.0f} s" if wait else "does not say for how long"
        raise IMSRateLimited(f"{endpoint} throttles (HTTP 429) and {asked}; the operator tries again then", wait)
    if status >= 500 or status == httpx.codes.REQUEST_TIMEOUT:
        raise IMSUnavailable(f"{endpoint} answered HTTP {status}; the operator keeps trying")
    if status == httpx.codes.OK and len(body) > LONGEST_ANSWER:
        raise _invalid(endpoint, f"with more than {LONGEST_ANSWER} bytes")
    document = _parse(body)
    if status == httpx.codes.OK:
        return _token(endpoint, document)
    raise _refusal(endpoint, status, document, scopes)


def _parse(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body) if len(body) <= LONGEST_ANSWER else None
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _token(endpoint: str, document: dict[str, Any] | None) -> Token:
    if document is None:
        raise _invalid(endpoint, "without a JSON object")
    access_token, token_type = document.get("access_token"), document.get("token_type")
    if not isinstance(access_token, str) or not _ACCESS_TOKEN.fullmatch(access_token):
        raise _invalid(endpoint, "without an access_token")
    if len(access_token) > MAX_TOKEN_SIZE:
        raise _invalid(endpoint, f"with an access_token of more than {MAX_TOKEN_SIZE} bytes")
    if not isinstance(token_type, str) or token_type.lower() != "bearer":
        raise _invalid(endpoint, "with a token_type that is not bearer")
    lifetime = _lifetime(document.get("expires_in"))
    if lifetime is None:
        raise _invalid(endpoint, "without an expires_in in seconds")
    if lifetime > LONGEST_LIFETIME:
        raise _invalid(endpoint, "with an expires_in of more than ten days, so likely in milliseconds")
    return Token(access_token, token_type, lifetime)


def _invalid(endpoint: str, what: str) -> IMSResponseInvalid:
    return IMSResponseInvalid(
        f"{endpoint} answered HTTP 200 {what}; check that nothing (a proxy, a captive portal) stands between"
    )


def _lifetime(expires_in: object) -> timedelta | None:
    if isinstance(expires_in, str) and expires_in.isascii() and expires_in.isdigit():
        expires_in = int(expires_in[:20])
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
        return None
    if not 1 <= expires_in < 1e15:
        return None
    # Cut to what a timedelta can hold: anything of that size is refused as milliseconds anyway.
    return timedelta(seconds=min(int(expires_in), 10**12))


def _refusal(endpoint: str, status: int, document: dict[str, Any] | None, scopes: Sequence[str]) -> IMSError:
    error = document.get("error") if document is not None else None
    if error == "invalid_client":
        return InvalidClient(f"IMS does not accept {_culprit(document)}; put a valid one into the client Secret")
    if error == "invalid_scope":
        return InvalidScope(
            f"the credential does not have all of the scopes {','.join(scopes)}; set spec.scopes to those that "
            "the Adobe Developer Console lists for it"
        )
    if error in _PERSON_ERRORS:
        return CredentialNotPermitted(
            f"IMS answered {error}; check in the Adobe Developer Console that the credential is of the type "
            "OAuth Server-to-Server and has the APIs that it needs"
        )
    if error in _PASSING_ERRORS:
        return IMSUnavailable(f"{endpoint} answered {error}; the operator keeps trying")
    if 300 <= status < 400:
        return IMSResponseInvalid(f"{endpoint} redirects (HTTP {status}), which IMS never does; check spec.endpoint")
    known = "an unknown OAuth error" if isinstance(error, str) else "no OAuth error"
    return IMSResponseInvalid(f"{endpoint} answered HTTP {status} with {known}; check spec.endpoint")


def _culprit(document: dict[str, Any] | None) -> str:
    # IMS's own description is not repeated, as it may quote what was sent.
    description = str(document.get("error_description", "")) if document is not None else ""
    of_id, of_secret = "client_id" in description, "client_secret" in description
    if of_id == of_secret:
        return "the client id or the client secret"
    return "the client id" if of_id else "the client secret"


def _retry_after(header: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header: seconds or an HTTP date (RFC 9110, 10.2.3), brought within `RETRY_AFTER`."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=min(int(text[:12]), 10**9))
    else:
        try:
            date = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    least, most = RETRY_AFTER
    return min(max(wait, least), most)
