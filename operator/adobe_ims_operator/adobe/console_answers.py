"""What an answer of the console API means: the client secrets of a credential, a new one, or why there is neither.

Adobe: "OAuth Server-to-Server credential API Reference". Pure: the answer is passed in. Nothing of the request or the
body gets into an error. Where a time decides whether a client secret is still used, one that may mean something else
is unreadable.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from http import HTTPStatus
from typing import Any

from adobe_ims_operator.adobe.answers import LONGEST_ANSWER, Answer, parse_object, retry_after
from adobe_ims_operator.adobe.clock_skew import parse_date
from adobe_ims_operator.adobe.console_errors import (
    ClientSecretGone,
    ClientSecretLimitReached,
    ConsoleError,
    ConsoleRateLimited,
    ConsoleRefused,
    ConsoleResponseInvalid,
    ConsoleUnavailable,
    CredentialNotFound,
    ManagementNotPermitted,
    Outcome,
)
from adobe_ims_operator.adobe.errors import Fault
from adobe_ims_operator.adobe.telltale import repeats
from adobe_ims_operator.api.sizes import MAX_CLIENT_SECRET_SIZE
from adobe_ims_operator.core.replacement.listing import AddedClientSecret, ListedClientSecret, Listing, NoUse

UUID = re.compile(r"[0-9A-Fa-f]{8}(-?)[0-9A-Fa-f]{4}(?:\1[0-9A-Fa-f]{4}){2}\1[0-9A-Fa-f]{12}")
"""What is taken for the uuid of a client secret: it gets into a path, an annotation and what people read.

Adobe's page shows 32 hexadecimal digits. No client secret of the form that Adobe gives is one.
"""
_CLIENT_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z@._-]{0,255}")
MOST_LISTED = 16
"""Client secrets in a list; Adobe has two at most."""

# As RFC 6749 has it (appendix A.2), less white space around it, which is taken off where a client Secret is read.
_CLIENT_SECRET = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
# Before Adobe had such credentials. A time in seconds, taken for milliseconds, lies before it too.
_EARLIEST, _LATEST = datetime(2015, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = "PERMANENT"

_LIMIT = (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
_REFUSED = (
    *_LIMIT,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)


class Operation(Enum):
    """What is asked of the console API, by its method; in a message it follows "whether"."""

    LIST = "GET"
    ADD = "POST"
    DELETE = "DELETE"

    @property
    def unknown(self) -> Outcome:
        """What is known where no answer refuses it."""
        return Outcome.NOT_DONE if self is Operation.LIST else Outcome.UNKNOWN


# DELETE has no body that would prove whose answer it is, so only the one status will do.
_DONE: Mapping[Operation, tuple[int, ...]] = {
    Operation.LIST: (HTTPStatus.OK,),
    Operation.ADD: (HTTPStatus.CREATED, HTTPStatus.OK),
    Operation.DELETE: (HTTPStatus.NO_CONTENT,),
}
_IN_DOUBT = {
    Operation.LIST: "",
    Operation.ADD: ". Whether a client secret was added is not known; the next list shows it",
    Operation.DELETE: ". Whether the client secret was deleted is not known; the next list shows it",
}


def interpret_list(endpoint: str, answer: Answer, access_token: str) -> Listing:
    """Read an answer to GET.

    Args:
        access_token: that was sent; a list that repeats it is none.

    Raises:
        ConsoleError: there is no list in it, or none that can be relied on.
    """
    document = _document(Operation.LIST, endpoint, answer)
    client_id, entries = document.get("client_id"), document.get("client_secrets")
    at = _plausible(parse_date(answer.headers.get("date")))
    if at is None:
        raise _invalid(Operation.LIST, endpoint, answer, "without the time by Adobe's clock (Date)")
    if not isinstance(client_id, str) or not _CLIENT_ID.fullmatch(client_id):
        raise _invalid(Operation.LIST, endpoint, answer, "without a client_id")
    if not isinstance(entries, list):
        raise _invalid(Operation.LIST, endpoint, answer, "without client_secrets")
    if len(entries) > MOST_LISTED:
        raise _invalid(Operation.LIST, endpoint, answer, f"with more than {MOST_LISTED} client_secrets")
    secrets = tuple(_listed(entry) for entry in entries)
    known = [secret for secret in secrets if secret is not None]
    if len(known) < len(secrets):
        raise _invalid(Operation.LIST, endpoint, answer, "with client_secrets that have no uuid")
    if not all(_says_its_end(entry.get("expires_at")) for entry in entries):
        raise _invalid(Operation.LIST, endpoint, answer, "with an expires_at that can't be read")
    if len({secret.uuid for secret in known}) < len(known):
        raise _invalid(Operation.LIST, endpoint, answer, "with one uuid for two client_secrets")
    if any(_tells(secret.uuid, access_token) for secret in known):
        raise _invalid(Operation.LIST, endpoint, answer, "with a uuid that repeats what was sent")
    return Listing(client_id, tuple(known), at)


def interpret_add(endpoint: str, answer: Answer, access_token: str) -> AddedClientSecret:
    """Read an answer to POST.

    Args:
        access_token: that was sent; an answer that repeats it, or the value, where people read is none.

    Raises:
        ConsoleError: there is no client secret in it that can be used.
    """
    document = _document(Operation.ADD, endpoint, answer)
    uuid, value = document.get("uuid"), document.get("client_secret")
    if not isinstance(uuid, str) or not UUID.fullmatch(uuid):
        raise _invalid(Operation.ADD, endpoint, answer, "without a uuid")
    if not isinstance(value, str) or len(value) > MAX_CLIENT_SECRET_SIZE or not _CLIENT_SECRET.fullmatch(value):
        raise _invalid(Operation.ADD, endpoint, answer, "without a client_secret that can be used")
    if _tells(uuid, value, access_token):
        raise _invalid(Operation.ADD, endpoint, answer, "with a uuid that repeats its client_secret or what was sent")
    return AddedClientSecret(uuid, value)


def interpret_delete(endpoint: str, answer: Answer) -> None:
    """Read an answer to DELETE.

    Raises:
        ConsoleError: it does not say that the client secret is deleted.
    """
    _raise_for_status(Operation.DELETE, endpoint, answer)


def unreachable(operation: Operation, endpoint: str, words: str, fault: Fault, *, sent: bool) -> ConsoleUnavailable:
    """What no answer means, where `sent` says whether the request may have arrived."""
    outcome = operation.unknown if sent else Outcome.NOT_DONE
    doubt = _IN_DOUBT[operation] if sent else ""
    return ConsoleUnavailable(
        f"{endpoint} can't be reached ({words}); the operator keeps trying{doubt}", outcome, fault
    )


def _document(operation: Operation, endpoint: str, answer: Answer) -> Mapping[str, Any]:
    _raise_for_status(operation, endpoint, answer)
    if len(answer.body) > LONGEST_ANSWER:
        raise _invalid(operation, endpoint, answer, f"with more than {LONGEST_ANSWER} bytes")
    document = parse_object(answer.body)
    if document is None:
        raise _invalid(operation, endpoint, answer, "without a JSON object")
    return document


def _raise_for_status(operation: Operation, endpoint: str, answer: Answer) -> None:
    if answer.status not in _DONE[operation]:
        raise _failure(operation, endpoint, answer)


def _failure(operation: Operation, endpoint: str, answer: Answer) -> ConsoleError:
    status = answer.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = retry_after(answer)
        asked = f"asks to wait {wait.total_seconds():.0f} s" if wait else "does not say for how long"
        return ConsoleRateLimited(f"{endpoint} throttles (HTTP 429) and {asked}; the operator tries again then", wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        words = f"{endpoint} answered HTTP {status}; the operator keeps trying{_IN_DOUBT[operation]}"
        return ConsoleUnavailable(words, operation.unknown, Fault.IMS)
    return _refusal(operation, endpoint, status) or _unlike_adobe(operation, endpoint, status)


def _refusal(operation: Operation, endpoint: str, status: int) -> ConsoleError | None:
    """An answer that says for certain that nothing was done; None for any other."""
    answered = f"{endpoint} answered HTTP {status}"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return ManagementNotPermitted(
            f"{answered}: the client may not manage its client secrets; in the Adobe Developer Console, add the I/O "
            "Management API to its project, which gives it the scopes read_client_secret and manage_client_secrets, "
            "and check spec.organizationId and spec.credentialId"
        )
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        if operation is Operation.DELETE:
            return ClientSecretGone(f"{answered}: the client secret to delete is not there; the next list shows why")
        return CredentialNotFound(
            f"{answered}: the organization has no such credential; take spec.organizationId and spec.credentialId from "
            "the URL of the credential's page in the Adobe Developer Console"
        )
    if operation is Operation.ADD and status in _LIMIT:
        return ClientSecretLimitReached(
            f"{answered}: it adds no client secret, as where there are two already; see in the Adobe Developer Console "
            "which ones there are, and delete the one that nobody uses"
        )
    if status in _REFUSED:
        return ConsoleRefused(f"{answered}; check spec.organizationId, spec.credentialId and --console-endpoint")
    return None


def _unlike_adobe(operation: Operation, endpoint: str, status: int) -> ConsoleResponseInvalid:
    does = "redirects" if 300 <= status < 400 else "answered"
    words = f"{endpoint} {does} (HTTP {status}), which Adobe never does; check --console-endpoint"
    return ConsoleResponseInvalid(words + _IN_DOUBT[operation], operation.unknown)


def _invalid(operation: Operation, endpoint: str, answer: Answer, what: str) -> ConsoleResponseInvalid:
    return ConsoleResponseInvalid(
        f"{endpoint} answered HTTP {answer.status} {what}; check that nothing (a proxy, a captive portal) stands "
        f"between{_IN_DOUBT[operation]}",
        operation.unknown,
    )


def _tells(uuid: str, *secrets: str) -> bool:
    """Whether a uuid, which people read, has a piece of a secret; hyphens hide none."""
    return repeats(uuid.replace("-", ""), *(secret.replace("-", "") for secret in secrets))


def _listed(entry: object) -> ListedClientSecret | None:
    uuid = entry.get("uuid") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(uuid, str) or not UUID.fullmatch(uuid):
        return None
    expires_at = entry.get("expires_at")
    return ListedClientSecret(
        uuid,
        _moment(entry.get("created_at")),
        _last_use(entry.get("secret_usages", NoUse.UNREADABLE)),
        None if expires_at == _NEVER else _moment(expires_at),
    )


def _says_its_end(expires_at: object) -> bool:
    """Whether it is known when one expires: one that is taken for lasting is not replaced in time."""
    return expires_at in (None, _NEVER) or _moment(expires_at) is not None


def _last_use(usages: object) -> datetime | NoUse:
    if usages is None or usages == []:
        return NoUse.NULL
    if not isinstance(usages, list):
        return NoUse.UNREADABLE
    moments = [_moment(usage.get("last_used_at")) if isinstance(usage, dict) else None for usage in usages]
    known = [moment for moment in moments if moment is not None]
    return max(known) if len(known) == len(moments) else NoUse.UNREADABLE


def _moment(value: object) -> datetime | None:
    """Read milliseconds since 1970, which Adobe writes as a string; None where it is no time of this age."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:20])
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e15:
        return None
    try:
        return _plausible(_EPOCH + timedelta(milliseconds=int(value)))
    except OverflowError:
        return None


def _plausible(moment: datetime | None) -> datetime | None:
    return moment if moment is not None and _EARLIEST <= moment < _LATEST else None
