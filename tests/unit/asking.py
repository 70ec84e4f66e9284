"""What the tests of the IMS client share: whom to ask, a server of raw answers, and the search for leaks."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from adobe_ims_operator.adobe.client import ClientCredentials
from adobe_ims_operator.adobe.errors import (
    ClockSkewed,
    CredentialNotPermitted,
    IMSError,
    IMSRateLimited,
    IMSRefused,
    IMSResponseInvalid,
    IMSUnavailable,
    InvalidClient,
    InvalidScope,
)
from adobe_ims_operator.core.model import Token
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET

SCOPES = ("openid", "AdobeID", "read_organizations")
CLIENT = ClientCredentials(SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET)
SECRET_PARTS = re.compile(r"p8e-|eyJ|opaque-|AAAAAAAA|the-token", re.IGNORECASE)
"""The client secrets and tokens of these tests all have one of these, whole or cut; no message of ours does."""

ADVICE = {
    InvalidClient: "put a valid one into the client Secret",
    InvalidScope: "set spec.scopes to those",
    CredentialNotPermitted: "check in the Adobe Developer Console",
    IMSRateLimited: "the operator tries again then",
    IMSUnavailable: "the operator keeps trying",
    ClockSkewed: "mend the clock of the operator's node",
    IMSResponseInvalid: "check ",
}
"""What a person who reads the message is told to do."""

Fetch = Callable[..., Awaitable[Token]]
Refuse = Callable[..., Awaitable[IMSError]]


@dataclass(slots=True)
class RawServer:
    """An HTTP server that gives back the same bytes each time, for what the stand-in can't say."""

    answer: bytes
    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    hold: bool = False
    """Whether the connection stays open after the answer."""
    endless: bytes = b""
    """Sent after the answer, over and over until the client hangs up."""
    sent: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            _, _, length = head.lower().partition(b"content-length:")
            self.requests.append(head + await reader.readexactly(int(length.split(b"\r\n")[0] or 0)))
            writer.write(self.answer)
            await writer.drain()
            if self.hold:
                await reader.read()
            while self.endless:
                writer.write(self.endless)
                await writer.drain()
                self.sent += len(self.endless)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


Serve = Callable[..., Awaitable[RawServer]]


def assert_without_secrets(text: str) -> None:
    found = SECRET_PARTS.search(text)
    assert found is None, f"a secret at {found}"


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def check(error: IMSError, kind: type[IMSError], *words: str) -> None:
    assert type(error) is kind
    assert error.reason == kind.__name__
    refusals = (InvalidClient, InvalidScope, CredentialNotPermitted)
    assert isinstance(error, IMSRefused) == (kind in refusals)
    assert error.needs_person == (kind in (*refusals, ClockSkewed))
    message = str(error)
    assert [word for word in (*words, ADVICE[kind]) if word not in message] == [], message
    assert len(message) < 400
    assert "\n" not in message
