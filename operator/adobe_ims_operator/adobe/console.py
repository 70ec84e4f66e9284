"""Adobe's console API: the client secrets of one credential, listed, added and deleted.

Adobe: "OAuth Server-to-Server credential API Reference". One request a call: nothing is tried again here, as a request
without an answer may have been done. When to ask, and what to do about an error, is left to others.
"""

import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adobe_ims_operator.adobe.answers import Answer
from adobe_ims_operator.adobe.console_answers import (
    UUID,
    Operation,
    interpret_add,
    interpret_delete,
    interpret_list,
    unreachable,
)
from adobe_ims_operator.adobe.proxies import Proxies
from adobe_ims_operator.adobe.transport import TOTAL_SECONDS, Failure, Request, Transport
from adobe_ims_operator.api.token_rules import ACCESS_TOKEN
from adobe_ims_operator.core.replacement.listing import AddedClientSecret, Listing

MANAGEMENT_SCOPES = (
    "AdobeID",
    "openid",
    "read_organizations",
    "additional_info.projectedProductContext",
    "additional_info.roles",
    "adobeio_api",
    "read_client_secret",
    "manage_client_secrets",
)
"""What the I/O Management API wants of a token."""

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z@._-]{0,127}")
# Whatever a client Secret may hold (RFC 6749, A.1), and a header too.
_CLIENT_ID = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


@dataclass(frozen=True, slots=True)
class ManagedCredential:
    """Whose client secrets, and with what they are managed.

    Args:
        organization_id: as in the URL of the credential's page in the Developer Console, not `...@AdobeOrg`.
        credential_id: from there too.
        client_id: sent as `x-api-key`.
        access_token: one of that client with `MANAGEMENT_SCOPES`.

    Raises:
        ValueError: one of them can't be sent; the message does not repeat it.
    """

    organization_id: str
    credential_id: str
    client_id: str
    access_token: str = field(repr=False)

    def __post_init__(self) -> None:
        """Let nothing get into a path or a header that could mean more there."""
        for name, value, form in (
            ("organization id", self.organization_id, _ID),
            ("credential id", self.credential_id, _ID),
            ("client id", self.client_id, _CLIENT_ID),
            ("access token", self.access_token, ACCESS_TOKEN),
        ):
            if not form.fullmatch(value):
                raise ValueError(f"the {name} can't be one of Adobe's")

    @property
    def path(self) -> str:
        """Where its client secrets are."""
        return f"/console/organizations/{self.organization_id}/credentials/{self.credential_id}/secrets"


class ConsoleClient:
    """The API at one endpoint.

    Args:
        endpoint: as `parse_console_endpoint` gives it.
        trust: whose certificates are accepted, see `trust.load_trust`.
        proxies: which proxy it is asked through; None for those of the environment.
        now: the wall clock, in UTC.
        patience: seconds after which a request without a whole answer is given up.
    """

    def __init__(
        self,
        endpoint: str,
        trust: ssl.SSLContext,
        proxies: Proxies | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: float = TOTAL_SECONDS,
    ) -> None:
        self._endpoint = endpoint
        # A connection for each request: on one that was idle nobody knows whether the request arrived.
        self._transport = Transport(trust, proxies, now=now, patience=patience, keep_alive=False)

    async def close(self) -> None:
        """Close all connections; none may be in use."""
        await self._transport.close()

    async def list_client_secrets(self, credential: ManagedCredential) -> Listing:
        """Ask which client secrets there are. The list may be of another client: compare its client_id.

        Raises:
            ConsoleError: the answer was no list, or there was none in time.
        """
        answer = await self._exchange(Operation.LIST, credential)
        return interpret_list(self._endpoint, answer, credential.access_token)

    async def add_client_secret(self, credential: ManagedCredential) -> AddedClientSecret:
        """Add one. A call that is cancelled may have added one too.

        Raises:
            ConsoleError: none came; `outcome` says whether there may be a new one all the same.
        """
        answer = await self._exchange(Operation.ADD, credential)
        return interpret_add(self._endpoint, answer, credential.access_token)

    async def delete_client_secret(self, credential: ManagedCredential, uuid: str) -> None:
        """Delete one forever. A call that is cancelled may have deleted it too.

        Raises:
            ConsoleError: no answer says that it is deleted; `outcome` says whether it may be all the same.
            ValueError: the uuid can't be one.
        """
        if not UUID.fullmatch(uuid):
            raise ValueError("the uuid can't be one of Adobe's")
        interpret_delete(self._endpoint, await self._exchange(Operation.DELETE, credential, f"/{uuid}"))

    async def _exchange(self, operation: Operation, credential: ManagedCredential, rest: str = "") -> Answer:
        headers = {
            "Authorization": f"Bearer {credential.access_token}",
            "x-api-key": credential.client_id,
            "Cache-Control": "no-cache",  # a list that a proxy kept would show what is gone
        }
        request = Request(operation.value, credential.path + rest, headers)
        outcome = await self._transport.exchange(self._endpoint, request)
        if isinstance(outcome, Failure):
            raise unreachable(operation, self._endpoint, outcome.words, outcome.fault, sent=outcome.sent)
        return outcome
