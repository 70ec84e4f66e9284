"""The token endpoint of Adobe IMS: one request that exchanges client credentials for an access token.

IMS: `POST /ims/token/v3`, a form in the body, scopes joined by commas (Adobe Developer Console guide, "OAuth
Server-to-Server credential implementation"). How often to ask and what to do about an error is left to others.
"""

import asyncio
import json
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx

from adobe_ims_operator.ims_errors import (
    CredentialNotPermitted,
    IMSError,
    IMSRateLimited,
    IMSResponseInvalid,
    IMSUnavailable,
    InvalidClient,
    InvalidScope,
)

TOKEN_PATH = "/ims/token/v3"  # noqa: S105 - a path
TOTAL_SECONDS = 30.0
LONGEST_ANSWER = 128 * 1024
"""Bytes; a real answer has one to two thousand."""
LONGEST_LIFETIME = timedelta(days=10)
"""Above this `expires_in` is in milliseconds, as older IMS endpoints wrote it."""
RETRY_AFTER = (timedelta(seconds=1), timedelta(hours=1))

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_PERSON_ERRORS = ("invalid_request", "unsupported_grant_type", "unauthorized_client", "access_denied")
_PASSING_ERRORS = ("server_error", "temporarily_unavailable")


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """An OAuth client id with one client secret."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; opaque, whatever its form."""

    access_token: str = field(repr=False)
    token_type: str
    expires_in: timedelta


class IMSClient:
    """One pool of connections to all endpoints, kept alive between requests.

    Args:
        connections: how many requests may be under way at once.
        ca_file: a PEM file with authorities to trust beside the usual ones (certifi's, or SSL_CERT_FILE's).
    """

    def __init__(self, connections: int, ca_file: Path | None = None) -> None:
        context = httpx.create_ssl_context()
        if ca_file is not None:
            context.load_verify_locations(cafile=str(ca_file))
        self._http = httpx.AsyncClient(
            verify=context,
            follow_redirects=False,
            timeout=httpx.Timeout(connect=10.0, read=20.0, write=10.0, pool=None),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            # A cookie set for one credential must not be sent with another.
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def fetch(self, endpoint: str, credentials: ClientCredentials, scopes: Sequence[str]) -> Token:
        """Ask `endpoint` for a token.

        Raises:
            IMSError: the answer was no token, or there was none in 30 seconds.
        """
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "scope": ",".join(scopes),
        }
        # An exception of httpx holds the request, and the request the secret: nothing is chained to ours.
        failure: str
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                request = self._http.build_request("POST", endpoint + TOKEN_PATH, data=form)
                response = await self._http.send(request, stream=True)
                try:
                    body = await _read(response)
                finally:
                    await response.aclose()
            return _interpret(endpoint, response, body, scopes)
        except TimeoutError:
            failure = f"no answer in {TOTAL_SECONDS:.0f} s"
        except httpx.TransportError as error:
            failure = _explain(error)
        except httpx.HTTPError as error:
            failure = type(error).__name__
        raise IMSUnavailable(f"{endpoint} can't be reached ({failure}); the operator keeps trying")


async def _read(response: httpx.Response) -> bytes:
    # The raw bytes: an answer that is compressed although none was asked for is not unpacked.
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LONGEST_ANSWER:
            break
    return bytes(body)


def _explain(error: httpx.TransportError) -> str:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return f"its TLS certificate is not trusted: {seen.verify_message}"
        seen = seen.__cause__ or seen.__context__
    return type(error).__name__


def _interpret(endpoint: str, response: httpx.Response, body: bytes, scopes: Sequence[str]) -> Token:
    status = response.status_code
    if len(body) > LONGEST_ANSWER:
        raise IMSResponseInvalid(f"{endpoint} answered HTTP {status} with more than {LONGEST_ANSWER} bytes")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        wait = _retry_after(response.headers.get("retry-after"), datetime.now(UTC))
        asked = f"and asks to wait {wait.total_seconds():.0f} s" if wait else "without saying for how long"
        raise IMSRateLimited(f"{endpoint} throttles (HTTP 429) {asked}; the operator keeps to it", wait)
    if status >= 500 or status == httpx.codes.REQUEST_TIMEOUT:
        raise IMSUnavailable(f"{endpoint} answered HTTP {status}; the operator keeps trying")
    document = _parse(body)
    if status == httpx.codes.OK:
        return _token(endpoint, document)
    raise _refusal(endpoint, status, document, scopes)


def _parse(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _token(endpoint: str, document: dict[str, Any] | None) -> Token:
    def invalid(what: str) -> IMSResponseInvalid:
        return IMSResponseInvalid(
            f"{endpoint} answered HTTP 200 {what}; check that nothing (a proxy, a captive portal) stands between"
        )

    if document is None:
        raise invalid("without a JSON object")
    access_token, token_type = document.get("access_token"), document.get("token_type")
    if not isinstance(access_token, str) or not _PRINTABLE.fullmatch(access_token):
        raise invalid("without an access_token")
    if not isinstance(token_type, str) or token_type.lower() != "bearer":
        raise invalid("with a token_type that is not bearer")
    lifetime = _lifetime(document.get("expires_in"))
    if lifetime is None:
        raise invalid("without an expires_in in seconds")
    if lifetime > LONGEST_LIFETIME:
        raise invalid("with an expires_in of more than ten days, so likely in milliseconds as older endpoints do")
    return Token(access_token, token_type, lifetime)


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
    return IMSResponseInvalid(f"{endpoint} answered HTTP {status} without an OAuth error; check spec.endpoint")


def _culprit(document: dict[str, Any] | None) -> str:
    # IMS's own description is not repeated, as it may quote what was sent.
    description = str(document.get("error_description", "")) if document is not None else ""
    if "client_id" in description:
        return "the client id"
    if "client_secret" in description:
        return "the client secret"
    return "the client id or the client secret"


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
        except ValueError:
            return None
        wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    least, most = RETRY_AFTER
    return min(max(wait, least), most)
