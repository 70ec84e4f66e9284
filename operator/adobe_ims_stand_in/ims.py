"""IMS without a network: who its clients are, and what it answers to a token request.

The facts are of Adobe's documentation ("OAuth Server-to-Server credential implementation guide") and of
what its own client, @adobe/aio-lib-ims, expects; where those are silent, of RFC 6749.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from adobe_ims_stand_in.answers import Answer, oauth_error
from adobe_ims_stand_in.client_secrets import ClientSecret, ClientSecrets
from adobe_ims_stand_in.defaults import EXPIRES_IN, MANAGEMENT_SCOPES
from adobe_ims_stand_in.jsonvalues import MalformedError
from adobe_ims_stand_in.kinds import apply
from adobe_ims_stand_in.record import Entry, Issued, Record
from adobe_ims_stand_in.rules import RuleBook
from adobe_ims_stand_in.tokens import Mint, digest

_log = logging.getLogger(__name__)

Clients = Mapping[str, Iterable[str]]
"""The client secrets of each client id: two while one is being replaced."""

Credentials = Mapping[tuple[str, str], str]
"""The client id of each credential that the console API knows, by the ids of organization and credential."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All times in seconds; IMS has been seen to refuse a client with 400 and with 401.

    `clock_offset` is by how much the stand-in's clock is ahead of the machine's. A client secret that is added is
    accepted after `acceptance_delay`, and expires after `client_secret_lifetime`, null for never. Its use shows after
    `last_used_lag`. `limit_status` refuses a third one; Adobe does not say with which it does.
    """

    expires_in: int = EXPIRES_IN
    latency: float = 0
    invalid_client_status: Literal[400, 401] = 400
    clock_offset: float = 0
    acceptance_delay: float = 0
    last_used_lag: float = 0
    client_secret_lifetime: float | None = None
    limit_status: Literal[400, 403, 409, 422] = 400

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        lifetime = self.client_secret_lifetime
        if self.acceptance_delay < 0 or self.last_used_lag < 0 or (lifetime is not None and lifetime <= 0):
            raise MalformedError("acceptance_delay and last_used_lag must not be negative, nor a lifetime zero")
        if not abs(self.clock_offset) <= 100 * 366 * 86400:
            raise MalformedError("clock_offset must be within a hundred years")


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A token request as it came in, wherever its parameters were."""

    parameters: Mapping[str, str]
    http_version: str
    connection: int
    in_query: bool
    with_cookie: bool
    user_agent: str = ""

    @property
    def client_id(self) -> str:
        """Empty if it was not given."""
        return self.parameters.get("client_id", "")

    @property
    def organization(self) -> str:
        """For whom a client of several organisations asks (@adobe/aio-lib-ims: org_id); empty if it was not given."""
        return self.parameters.get("org_id", "")

    @property
    def scopes(self) -> tuple[str, ...]:
        """IMS's scopes are comma-separated; a space is part of a scope that no client has."""
        return tuple(scope.strip() for scope in self.parameters.get("scope", "").split(",") if scope.strip())


class IMS:
    """The stand-in's whole state; changed by the control API, asked by the server."""

    def __init__(
        self, clients: Clients, scopes: frozenset[str], settings: Settings, credentials: Credentials | None = None
    ) -> None:
        self.settings = settings
        self.client_secrets = ClientSecrets(clients, self.now())
        self.credentials = dict(credentials or {})
        self.rules = RuleBook()
        self.record = Record()
        self._scopes = scopes
        self._mint = Mint()

    def now(self) -> float:
        """Give the time by the stand-in's clock, in seconds since the epoch."""
        return time.time() + self.settings.clock_offset

    def answer(self, request: TokenRequest) -> Answer:
        """Decide, count and log; how long to wait before sending it is in the answer."""
        secret = self.client_secrets.matching(request.client_id, request.parameters.get("client_secret", ""))
        uuid = "" if secret is None else secret.uuid
        behaviours = self.rules.applying_to("token", request.client_id, request.organization, uuid)
        answer = apply(behaviours, lambda: self._usual(request, secret))
        entry = Entry(
            time=self.now(),
            client_id=request.client_id,
            scopes=request.scopes,
            http_version=request.http_version,
            answer=answer.label,
            connection=request.connection,
            organization=request.organization,
            user_agent=request.user_agent,
            uuid=uuid,
        )
        self.record.add(
            entry,
            token=self._token(answer, request),
            in_query=request.in_query,
            with_cookie=request.with_cookie,
        )
        # As repr: a client id with a line break in it must not pass for a line of this log.
        _log.info("client_id=%r scopes=%r answer=%s", entry.client_id, ",".join(entry.scopes), entry.answer)
        return answer

    def _usual(self, request: TokenRequest, secret: ClientSecret | None) -> Answer:
        malformed = _malformed(request)
        if malformed is not None:
            return malformed
        if request.client_id not in self.client_secrets:
            return self._invalid_client("client_id")
        now = self.now()
        if secret is None or not secret.accepted(now):
            return self._invalid_client("client_secret")
        unknown = [scope for scope in request.scopes if scope not in self._scopes_of(request.client_id)]
        if unknown or not request.scopes:
            return oauth_error("invalid_scope", f"invalid_scope: {','.join(unknown)}")
        secret.used(now, self.settings.last_used_lag)
        token = self._mint.token(request.client_id, request.scopes, self.settings.expires_in, now)
        body = {"access_token": token, "token_type": "bearer", "expires_in": self.settings.expires_in}
        return Answer(label="token", body=body)

    def _scopes_of(self, client_id: str) -> frozenset[str]:
        return self._scopes if client_id in self.credentials.values() else self._scopes - MANAGEMENT_SCOPES

    def _token(self, answer: Answer, request: TokenRequest) -> tuple[str, Issued] | None:
        """The digest of the token in an answer, and its end: as usual where the answer makes no sense."""
        body = answer.body if isinstance(answer.body, Mapping) else {}
        token, given = body.get("access_token"), body.get("expires_in")
        if not isinstance(token, str) or not token:
            return None
        lifetime = given if type(given) is int and 0 < given < 10 * 86400 else self.settings.expires_in
        return digest(token), Issued(self.now() + lifetime, request.client_id, request.scopes)

    def _invalid_client(self, parameter: str) -> Answer:
        return oauth_error("invalid_client", f"invalid {parameter} parameter", self.settings.invalid_client_status)


def _malformed(request: TokenRequest) -> Answer | None:
    given = request.parameters
    missing = [name for name in ("grant_type", "client_id", "client_secret", "scope") if not given.get(name)]
    if missing:
        return oauth_error("invalid_request", f"missing {missing[0]} parameter")
    if given["grant_type"] != "client_credentials":
        return oauth_error("unsupported_grant_type", "unsupported grant_type parameter")
    if request.organization and not request.organization.endswith("@AdobeOrg"):
        return oauth_error("invalid_request", "invalid org_id parameter")
    return None
