"""The token endpoint of Adobe IMS: one request that exchanges client credentials for an access token.

IMS: `POST /ims/token/v3`, a form in the body, scopes joined by commas (Adobe Developer Console guide, "OAuth
Server-to-Server credential implementation"). How often to ask and what to do about an error is left to others.
"""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adobe_ims_operator.adobe.answers import Answer, Grant, Question, interpret
from adobe_ims_operator.adobe.errors import IMSUnavailable
from adobe_ims_operator.adobe.proxies import Proxies
from adobe_ims_operator.adobe.transport import TOTAL_SECONDS, Failure, Request, Transport

TOKEN_PATH = "/ims/token/v3"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """An OAuth client id with one client secret."""

    client_id: str
    client_secret: str = field(repr=False)
    organization_id: str | None = None
    """For whom a client of several organizations asks (@adobe/aio-lib-ims, adobe/ims-go: org_id)."""


class IMSClient:
    """The token endpoints.

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
        self._transport = Transport(trust, proxies, now=now, patience=patience)

    async def close(self) -> None:
        """Close all connections; none may be in use."""
        await self._transport.close()

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
        answer = await self._exchange(endpoint, Request("POST", TOKEN_PATH, form=form))
        question = Question(
            endpoint, scopes, credentials.client_secret, credentials.client_id, credentials.organization_id
        )
        return interpret(question, answer)

    async def reach(self, endpoint: str) -> Answer:
        """Send a request that holds nothing, and take whatever HTTP answer comes.

        Raises:
            IMSUnavailable: there was none in time.
        """
        return await self._exchange(endpoint, Request("GET", "/"))

    async def _exchange(self, endpoint: str, request: Request) -> Answer:
        outcome = await self._transport.exchange(endpoint, request)
        if isinstance(outcome, Failure):
            words = f"{endpoint} can't be reached ({outcome.words}); the operator keeps trying"
            raise IMSUnavailable(words, outcome.fault)
        return outcome
