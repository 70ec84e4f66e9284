"""Every way to spoil an answer: the table a rule's `behaviour` is looked up in.

A behaviour takes IMS's usual answer, not yet made, and gives another; it never touches a connection, which
is `server`'s work. To add one, write a class below: its fields are the fields of its JSON.
"""

import gzip
import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal
from uuid import uuid4

from adobe_ims_stand_in.answers import Answer, Ending, oauth_error
from adobe_ims_stand_in.jsonvalues import MalformedError
from adobe_ims_stand_in.kinds import LEFT_OUT, Altered, Behaviour, Instead, entering

BEHAVIOURS: dict[str, type[Behaviour]] = {}
"""Every behaviour by its name."""

_named = entering(BEHAVIOURS)


def _page(text: str) -> bytes:
    return f"<!DOCTYPE html>\n<html><title>{text}</title><body><h1>{text}</h1></body></html>\n".encode()


@_named("error")
@dataclass(frozen=True, slots=True)
class Error(Instead):
    """Any status: with an OAuth error, an HTML page, a line of text, or no body."""

    status: int = 400
    error: str = "invalid_client"
    description: str = "invalid client_secret parameter"
    body: Literal["oauth", "html", "text", "empty"] = "oauth"

    def _instead(self) -> Answer:
        if self.body == "oauth":
            return oauth_error(self.error, self.description, self.status)
        kinds = {
            "html": ("text/html", _page(self.description)),
            "text": ("text/plain", self.description.encode()),
        }
        content_type, body = kinds.get(self.body, ("text/plain", b""))
        return Answer(label=self.name, status=self.status, content_type=content_type, body=body)


@_named("rate_limited")
@dataclass(frozen=True, slots=True)
class RateLimited(Instead):
    """429; `retry_after` in seconds, null for no such header; `form` is how the header says it."""

    retry_after: int | None = None
    form: Literal["seconds", "date"] = "seconds"

    def _instead(self) -> Answer:
        after = self.retry_after
        in_seconds, as_date = self.form == "seconds", self.form == "date"
        return Answer(
            label=self.name,
            status=429,
            headers={"Retry-After": str(after)} if after is not None and in_seconds else {},
            dates={"Retry-After": after} if after is not None and as_date else {},
            content_type="text/plain",
            body=b"Too many requests",
        )


@_named("server_error")
@dataclass(frozen=True, slots=True)
class ServerError(Instead):
    """5xx with a page for people, as a gateway gives it."""

    status: int = 503

    def _instead(self) -> Answer:
        page = _page("Unavailable")
        return Answer(label=self.name, status=self.status, content_type="text/html", body=page)


@_named("slow")
@dataclass(frozen=True, slots=True)
class Slow(Altered):
    """The answer that would come anyway, `seconds` later."""

    seconds: float

    def _altered(self, usual: Answer) -> Answer:
        return replace(usual, wait=usual.wait + self.seconds)


@_named("hang")
@dataclass(frozen=True, slots=True)
class Hang(Instead):
    """No answer, ever."""

    def _instead(self) -> Answer:
        return Answer(label=self.name, wait=math.inf)


@_named("truncated")
@dataclass(frozen=True, slots=True)
class Truncated(Altered):
    """Half of the usual answer, though its Content-Length says the whole."""

    def _altered(self, usual: Answer) -> Answer:
        return replace(usual, label=self.name, ending=Ending.TRUNCATED)


@_named("reset")
@dataclass(frozen=True, slots=True)
class Reset(Instead):
    """The connection dropped with RST."""

    def _instead(self) -> Answer:
        return Answer(label=self.name, ending=Ending.RESET)


@_named("not_json")
@dataclass(frozen=True, slots=True)
class NotJson(Instead):
    """200 with a captive portal's page."""

    def _instead(self) -> Answer:
        return Answer(label=self.name, content_type="text/html", body=_page("Welcome! Please accept the terms"))


@_named("not_object")
@dataclass(frozen=True, slots=True)
class NotObject(Instead):
    """200 with JSON that is not an object."""

    def _instead(self) -> Answer:
        return Answer(label=self.name, body=b'["access_token", "token_type", "expires_in"]')


@_named("no_token")
@dataclass(frozen=True, slots=True)
class NoToken(Altered):
    """200 without access_token."""

    def _altered(self, usual: Answer) -> Answer:
        return self._with(usual, access_token=LEFT_OUT)


@_named("empty_token")
@dataclass(frozen=True, slots=True)
class EmptyToken(Altered):
    """200 with "" as access_token."""

    def _altered(self, usual: Answer) -> Answer:
        return self._with(usual, access_token="")


@_named("wrong_token_type")
@dataclass(frozen=True, slots=True)
class WrongTokenType(Altered):
    """A token_type that is not bearer."""

    token_type: str = "mac"  # noqa: S105 # a kind of token, not one

    def _altered(self, usual: Answer) -> Answer:
        return self._with(usual, token_type=self.token_type)


@_named("bearer_case")
@dataclass(frozen=True, slots=True)
class BearerCase(Altered):
    """A good answer with "Bearer": OAuth's token types are of any case (RFC 6749, section 5.1)."""

    def _altered(self, usual: Answer) -> Answer:
        return self._with(usual, token_type="Bearer")  # noqa: S106 # a kind of token, not one


@_named("no_token_type")
@dataclass(frozen=True, slots=True)
class NoTokenType(Altered):
    """A good answer without token_type, as some kinds of credential get it."""

    def _altered(self, usual: Answer) -> Answer:
        return self._with(usual, token_type=LEFT_OUT)


@_named("expires_in")
@dataclass(frozen=True, slots=True)
class ExpiresIn(Altered):
    """Any JSON value as expires_in; without `value`, no expires_in."""

    value: object = LEFT_OUT

    def _altered(self, usual: Answer) -> Answer:
        return self._with(usual, expires_in=self.value)


@_named("opaque_token")
@dataclass(frozen=True, slots=True)
class OpaqueToken(Altered):
    """A good answer whose token is not a JWT."""

    def _altered(self, usual: Answer) -> Answer:
        return self._with(usual, access_token=f"opaque-{uuid4().hex}{uuid4().hex}")


@_named("redirect")
@dataclass(frozen=True, slots=True)
class Redirect(Instead):
    """A redirect to a given URL."""

    location: str
    status: int = 302

    def _instead(self) -> Answer:
        return Answer(label=self.name, status=self.status, headers={"Location": self.location})


@_named("oversized")
@dataclass(frozen=True, slots=True)
class Oversized(Instead):
    """A flawless answer but for a token of so many MiB; with `gzip`, a small body that unpacks to it."""

    mebibytes: int = 16
    gzip: bool = False

    def __post_init__(self) -> None:
        """Refuse what would not fit into memory."""
        if not 1 <= self.mebibytes <= 1024:
            raise MalformedError("mebibytes must be from 1 to 1024")

    def _instead(self) -> Answer:
        headers = {"Content-Encoding": "gzip"} if self.gzip else {}
        return Answer(label=self.name, headers=headers, body=_oversized(self.mebibytes, packed=self.gzip))


@lru_cache(maxsize=2)
def _oversized(mebibytes: int, *, packed: bool) -> bytes:
    body = b'{"token_type": "bearer", "expires_in": 86399, "access_token": "' + b"A" * (mebibytes << 20) + b'"}'
    return gzip.compress(body) if packed else body


@_named("clock")
@dataclass(frozen=True, slots=True)
class Clock(Altered):
    """The answer that would come anyway, with a Date `ahead` seconds ahead of the clock, or behind it."""

    ahead: float

    def _altered(self, usual: Answer) -> Answer:
        return replace(usual, dates={**usual.dates, "Date": self.ahead})


@_named("debug_id")
@dataclass(frozen=True, slots=True)
class DebugId(Altered):
    """The answer that would come anyway, with that X-Debug-Id; without `value`, with none."""

    value: str | None = None

    def _altered(self, usual: Answer) -> Answer:
        return replace(usual, headers={**usual.headers, "X-Debug-Id": self.value or ""})


@_named("set_cookie")
@dataclass(frozen=True, slots=True)
class SetCookie(Altered):
    """The answer that would come anyway, with a cookie."""

    def _altered(self, usual: Answer) -> Answer:
        return replace(usual, headers={**usual.headers, "Set-Cookie": "relay=stand-in; Path=/; HttpOnly"})
