"""What an answer of the token endpoint means: a token and when it ends, or why there is none.

Pure: the answer and the operator's clock are passed in. Nothing of the request or the body gets into an error.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from adobe_ims_operator.adobe import clock_skew
from adobe_ims_operator.adobe.errors import (
    ClockSkewed,
    CredentialNotPermitted,
    Culprit,
    IMSError,
    IMSRateLimited,
    IMSResponseInvalid,
    IMSUnavailable,
    InvalidClient,
    InvalidScope,
)
from adobe_ims_operator.adobe.telltale import repeats
from adobe_ims_operator.api.sizes import MAX_TOKEN_SIZE
from adobe_ims_operator.api.times import whole_seconds
from adobe_ims_operator.api.token_rules import ACCESS_TOKEN, LONGEST_LIFETIME, SHORTEST_LIFETIME, TOKEN_TYPE
from adobe_ims_operator.core.model import Token

LONGEST_ANSWER = 32 * 1024
"""Bytes; a real answer has one to two thousand."""
RETRY_AFTER = (timedelta(seconds=1), timedelta(hours=1))
MOST_SCOPES_SHOWN = 200

_DEBUG_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
_PERSON_ERRORS = ("invalid_request", "unsupported_grant_type", "unauthorized_client", "access_denied")
_PASSING_ERRORS = ("server_error", "temporarily_unavailable")


@dataclass(frozen=True, slots=True)
class Question:
    """Who was asked, and for what."""

    endpoint: str
    scopes: Sequence[str]
    client_secret: str = field(repr=False)
    client_id: str = ""
    organization_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Args:
        headers: by their names in lower case.
        body: not more than one byte longer than `LONGEST_ANSWER`, or whatever was read by then.
        asked_at: when the request was sent, by the operator's clock.
        answered_at: when the answer was there, by the same clock.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    asked_at: datetime
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """A token with its time, in whole seconds, by the earlier clock where the operator's and IMS's differ.

    Args:
        skew: by how many seconds the operator's clock is ahead of IMS's; None where that is not known.
        date: when it was issued, by IMS's clock; None where the answer does not say.
    """

    token: Token
    issued_at: datetime
    expires_at: datetime
    skew: float | None
    date: datetime | None


def interpret(question: Question, answer: Answer) -> Grant:
    """Read an answer.

    Raises:
        IMSError: there is no token in it, or none that can be used.
    """
    document = parse_object(answer.body)
    outcome = _outcome(question, answer, document)
    if isinstance(outcome, Grant):
        return outcome
    outcome.debug_id = _debug_id(question, answer, document)
    raise outcome


def _outcome(question: Question, answer: Answer, document: dict[str, Any] | None) -> Grant | IMSError:
    endpoint, status = question.endpoint, answer.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = retry_after(answer)
        asked = f"asks to wait {wait.total_seconds():.0f} s" if wait else "does not say for how long"
        return IMSRateLimited(f"{endpoint} throttles (HTTP 429) and {asked}; the operator tries again then", wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return IMSUnavailable(f"{endpoint} answered HTTP {status}; the operator keeps trying")
    if status != HTTPStatus.OK:
        return _refusal(question, status, document)
    if len(answer.body) > LONGEST_ANSWER:
        return _invalid(endpoint, f"with more than {LONGEST_ANSWER} bytes")
    token = _token(endpoint, document)
    return token if isinstance(token, IMSError) else _grant(endpoint, token, answer)


def parse_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object that a body is, or None: of another form, or longer than `LONGEST_ANSWER`."""
    try:
        document = json.loads(body) if len(body) <= LONGEST_ANSWER else None
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _token(endpoint: str, document: dict[str, Any] | None) -> Token | IMSError:
    if document is None:
        return _invalid(endpoint, "without a JSON object")
    # Some kinds of credential get no token_type, although OAuth wants one (RFC 6749, 5.1).
    access_token, token_type = document.get("access_token"), document.get("token_type", TOKEN_TYPE)
    if not isinstance(access_token, str) or not ACCESS_TOKEN.fullmatch(access_token):
        return _invalid(endpoint, "without an access_token")
    if len(access_token) > MAX_TOKEN_SIZE:
        return _invalid(endpoint, f"with an access_token of more than {MAX_TOKEN_SIZE} bytes")
    if not isinstance(token_type, str) or token_type.lower() != TOKEN_TYPE:
        return _invalid(endpoint, "with a token_type that is not bearer")
    lifetime = _lifetime(document.get("expires_in"))
    return _invalid(endpoint, lifetime) if isinstance(lifetime, str) else Token(access_token, token_type, lifetime)


def _grant(endpoint: str, token: Token, answer: Answer) -> Grant | IMSError:
    date = clock_skew.parse_date(answer.headers.get("date"))
    skew = clock_skew.skew(answer.asked_at, answer.answered_at, date)
    if skew is not None and clock_skew.unusable(skew, token.expires_in):
        how = f"{timedelta(seconds=abs(int(skew)))} {'ahead of' if skew > 0 else 'behind'}"
        return ClockSkewed(
            f"the operator's clock is {how} that of {endpoint}, so it can't know when a token expires; "
            "mend the clock of the operator's node",
            skew,
        )
    issued_at = whole_seconds(clock_skew.issued_at(answer.asked_at, skew))
    return Grant(token, issued_at, issued_at + token.expires_in, skew, date)


def _invalid(endpoint: str, what: str) -> IMSResponseInvalid:
    return IMSResponseInvalid(
        f"{endpoint} answered HTTP 200 {what}; check that nothing (a proxy, a captive portal) stands between"
    )


def _lifetime(expires_in: object) -> timedelta | str:
    """Read an expires_in, or say what is wrong with it."""
    if isinstance(expires_in, str) and expires_in.isascii() and expires_in.isdigit():
        expires_in = int(expires_in[:20])
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float) or not 1 <= expires_in < 1e15:
        return "without an expires_in in seconds"
    # Cut to what a timedelta can hold: anything of that size is refused as milliseconds anyway.
    lifetime = timedelta(seconds=min(int(expires_in), 10**12))
    if lifetime < SHORTEST_LIFETIME:
        return f"with an expires_in of less than {SHORTEST_LIFETIME.seconds} s"
    if lifetime > LONGEST_LIFETIME:
        return "with an expires_in of more than ten days, so likely in milliseconds"
    return lifetime


def _refusal(question: Question, status: int, document: dict[str, Any] | None) -> IMSError:
    error = document.get("error") if document is not None else None
    if error == "invalid_client":
        return InvalidClient(_culprit(document))
    if error == "invalid_scope":
        scopes = ",".join(question.scopes)
        shown = scopes if len(scopes) <= MOST_SCOPES_SHOWN else f"{scopes[:MOST_SCOPES_SHOWN]}..."
        return InvalidScope(
            f"the credential does not have all of the scopes {shown}; set spec.scopes to those that "
            "the Adobe Developer Console lists for it"
        )
    if error in _PERSON_ERRORS:
        return CredentialNotPermitted(
            f"IMS answered {error}; check in the Adobe Developer Console that the credential is of the type "
            f"OAuth Server-to-Server and has the APIs that it needs{_in_organization(question)}"
        )
    endpoint = question.endpoint
    if error in _PASSING_ERRORS:
        return IMSUnavailable(f"{endpoint} answered {error}; the operator keeps trying")
    if 300 <= status < 400:
        return IMSResponseInvalid(f"{endpoint} redirects (HTTP {status}), which IMS never does; check spec.endpoint")
    known = "an unknown OAuth error" if isinstance(error, str) else "no OAuth error"
    return IMSResponseInvalid(f"{endpoint} answered HTTP {status} with {known}; check spec.endpoint")


def _in_organization(question: Question) -> str:
    if question.organization_id is None:
        return ""
    return f", and that organization {question.organization_id} (spec.client.organizationId) has it"


def _culprit(document: dict[str, Any] | None) -> Culprit:
    # IMS's own description is not repeated, as it may quote what was sent.
    description = str(document.get("error_description", "")) if document is not None else ""
    of_id, of_secret = "client_id" in description, "client_secret" in description
    if of_id == of_secret:
        return Culprit.EITHER
    return Culprit.CLIENT_ID if of_id else Culprit.CLIENT_SECRET


def retry_after(answer: Answer) -> timedelta | None:
    """Read a Retry-After header: seconds or an HTTP date (RFC 9110, 10.2.3), brought within `RETRY_AFTER`."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=min(int(text[:12]), 10**9))
    else:
        moment = clock_skew.parse_date(text)
        if moment is None:
            return None
        # By the clock that wrote it, where the answer says what that was.
        wait = moment - (clock_skew.parse_date(answer.headers.get("date")) or answer.answered_at)
    least, most = RETRY_AFTER
    return min(max(wait, least), most)


def _debug_id(question: Question, answer: Answer, document: dict[str, Any] | None) -> str | None:
    """The x-debug-id, unless it has another form or repeats what was sent or received."""
    header = answer.headers.get("x-debug-id", "")
    if not _DEBUG_ID.fullmatch(header):
        return None
    folded = header.casefold()
    token = document.get("access_token") if document is not None else None
    secrets = [question.client_secret, token if isinstance(token, str) else ""]
    texts = [
        *secrets,
        ",".join(question.scopes),
        question.client_id,
        question.organization_id or "",
        answer.body.decode("latin-1"),
    ]
    has_one = any(secret and secret.casefold() in folded for secret in secrets)
    return None if has_one or repeats(header, *texts) else header
