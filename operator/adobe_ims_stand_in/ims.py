"""IMS without a network: who its clients are, and what it answers to a token request.

The facts are of Adobe's documentation ("OAuth Server-to-Server credential implementation guide") and of
what its own client, @adobe/aio-lib-ims, expects; where those are silent, of RFC 6749.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from adobe_ims_stand_in.answers import Answer, oauth_error
from adobe_ims_stand_in.defaults import EXPIRES_IN
from adobe_ims_stand_in.kinds import Behaviour
from adobe_ims_stand_in.record import Entry, Record
from adobe_ims_stand_in.rules import RuleBook
from adobe_ims_stand_in.tokens import Mint, digest

_log = logging.getLogger(__name__)

Clients = Mapping[str, frozenset[str]]
"""The client secrets of each client id: two while one is being replaced."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`expires_in` and `latency` in seconds; IMS has been seen to refuse a client with 400 and with 401."""

    expires_in: int = EXPIRES_IN
    latency: float = 0
    invalid_client_status: Literal[400, 401] = 400


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

    def __init__(self, clients: Clients, scopes: frozenset[str], settings: Settings) -> None:
        self.clients = clients
        self.settings = settings
        self.rules = RuleBook()
        self.record = Record()
        self._scopes = scopes
        self._mint = Mint()

    def answer(self, request: TokenRequest) -> Answer:
        """Decide, count and log; how long to wait before sending it is in the answer."""
        answer = self._by_rule(self.rules.applying_to(request.client_id, request.organization), request)
        entry = Entry(
            time=time.time(),
            client_id=request.client_id,
            scopes=request.scopes,
            http_version=request.http_version,
            answer=answer.label,
            connection=request.connection,
            organization=request.organization,
            user_agent=request.user_agent,
        )
        self.record.add(
            entry,
            token=_token(answer, self.settings.expires_in),
            in_query=request.in_query,
            with_cookie=request.with_cookie,
        )
        # As repr: a client id with a line break in it must not pass for a line of this log.
        _log.info("client_id=%r scopes=%r answer=%s", entry.client_id, ",".join(entry.scopes), entry.answer)
        return answer

    def _by_rule(self, behaviours: Iterator[Behaviour], request: TokenRequest) -> Answer:
        behaviour = next(behaviours, None)
        if behaviour is None:
            return self._usual(request)
        return behaviour.answer(lambda: self._by_rule(behaviours, request))

    def _usual(self, request: TokenRequest) -> Answer:
        given = request.parameters
        malformed = _malformed(request)
        if malformed is not None:
            return malformed
        if request.client_id not in self.clients:
            return self._invalid_client("client_id")
        if given["client_secret"] not in self.clients[request.client_id]:
            return self._invalid_client("client_secret")
        unknown = [scope for scope in request.scopes if scope not in self._scopes]
        if unknown or not request.scopes:
            return oauth_error("invalid_scope", f"invalid_scope: {','.join(unknown)}")
        token = self._mint.token(request.client_id, request.scopes, self.settings.expires_in)
        body = {"access_token": token, "token_type": "bearer", "expires_in": self.settings.expires_in}
        return Answer(label="token", body=body)

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


def _token(answer: Answer, usual: int) -> tuple[str, float] | None:
    """The digest of the token in an answer and when that expires, as `usual` where the answer makes no sense."""
    body = answer.body if isinstance(answer.body, Mapping) else {}
    token, given = body.get("access_token"), body.get("expires_in")
    if not isinstance(token, str) or not token:
        return None
    lifetime = given if type(given) is int and 0 < given < 10 * 86400 else usual
    return digest(token), time.time() + lifetime
