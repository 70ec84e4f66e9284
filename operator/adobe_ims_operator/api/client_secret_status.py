"""The status of an AdobeIMSClientSecret as typed values, as it stands in the API server or as it should.

It never holds the value of a client secret.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Strict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from adobe_ims_operator.api.rules import Word, list_of, text_of
from adobe_ims_operator.api.status import UNOBSERVED, Condition, condition_to_json

OLD_CLIENT_SECRET_IN_USE = "OldClientSecretInUse"  # noqa: S105 - no secret
"""The type of a condition that AdobeIMSClientSecrets alone have."""
MAX_USERS = 10
"""Names in `oldUsedBy` at most."""
MOST_BYTES = 16 * 1024
"""In memory, of the texts of a status. What we write takes a few thousand."""
MAX_LISTED = 8
"""Client secrets in the status at most; Adobe has two."""


class Role(StrEnum):
    """What a client secret at Adobe is for the managed Secret."""

    CURRENT = "Current"
    """Under `client_secret`."""
    PREVIOUS = "Previous"
    """Under `client_secret_previous`, as long as somebody uses it."""
    NEXT = "Next"
    """Under `client_secret_next`, until IMS accepted it twice."""
    LOST = "Lost"
    """In no Secret: nobody has its value."""
    UNKNOWN = "Unknown"
    """In no Secret, and it may be anybody's."""


_AS_IN_JSON = ConfigDict(alias_generator=to_camel)
_Number = Annotated[int, Strict()]
_Generation = Annotated[_Number | None, AfterValidator(lambda number: None if number == UNOBSERVED else number)]
_Word = Annotated[Word, text_of(1024)]
_NONE_WHERE_NULL = BeforeValidator(lambda entries: entries or ())


@dataclass(frozen=True, slots=True)
class ReportedClientSecret:
    """One entry of `status.clientSecrets`; times are Adobe's own, as RFC 3339 text."""

    __pydantic_config__ = _AS_IN_JSON

    uuid: _Word
    created_at: _Word | None = None
    last_used_at: _Word | None = None
    """The latest that any list showed; None where none showed a use, or something that is no time."""
    expires_at: _Word | None = None
    """None where it never expires."""
    role: Role = Role.UNKNOWN


@dataclass(frozen=True, slots=True)
class ClientSecretStatus:
    """The status as it stands in the API server or as it should; times are RFC 3339 text, as written there."""

    __pydantic_config__ = _AS_IN_JSON

    observed_generation: _Generation = None
    """None where nothing was reported yet."""
    reason: _Word | None = None
    """That of the condition which says most."""
    secret_name: _Word | None = None
    client_secrets: Annotated[tuple[ReportedClientSecret, ...], list_of(0, MAX_LISTED), _NONE_WHERE_NULL] = ()
    """As Adobe listed them last."""
    last_rotation_time: _Word | None = None
    """When the client secret in use was put in place of the one before; None before the first replacement."""
    next_rotation_time: _Word | None = None
    last_check_time: _Word | None = None
    """When IMS and Adobe last showed all as it should be, by our clock; None where the latest look found otherwise."""
    failures: _Number | None = None
    """In a row."""
    last_handled_rotate_request: _Word | None = None
    old_used_by: Annotated[tuple[_Word, ...], list_of(0, MAX_USERS), _NONE_WHERE_NULL] = ()
    """AdobeIMSCredentials of this cluster, by namespace and name, whose token was made with the old client secret."""
    old_users: _Number | None = None
    """How many those are in all; None where there is no old client secret."""
    conditions: Annotated[tuple[Condition, ...], list_of(0, 8), _NONE_WHERE_NULL] = ()

    @property
    def done(self) -> tuple[object, ...]:
        """What was done so far; a change of it is reported at once."""
        held = tuple((each.uuid, each.role) for each in self.client_secrets)
        return self.last_rotation_time, self.last_handled_rotate_request, held

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type, or None."""
        return next((condition for condition in self.conditions if condition.type == kind), None)

    def says(self, kind: str, value: str) -> bool:
        """Whether there is a condition of that type, with that status."""
        condition = self.condition(kind)
        return condition is not None and condition.status == value


def parse_client_secret_status(given: object) -> ClientSecretStatus:
    """Read a status. One that can't be read or is too large counts as none, and is written again.

    Anybody who may write it can write anything, and thousands of them are kept in memory.
    """
    try:
        status = _STATUS.validate_python(given or {})
    except ValidationError:
        return ClientSecretStatus()
    return status if sum(sys.getsizeof(text) for text in _texts(status)) <= MOST_BYTES else ClientSecretStatus()


def _texts(status: ClientSecretStatus) -> Iterator[str]:
    for condition in status.conditions:
        yield from (condition.type, condition.status, condition.reason, condition.message)
        yield condition.last_transition_time or ""
    for listed in status.client_secrets:
        yield from (listed.uuid, listed.created_at or "", listed.last_used_at or "", listed.expires_at or "")
    yield from status.old_used_by
    yield from (status.reason or "", status.secret_name or "", status.last_handled_rotate_request or "")
    yield from (status.last_rotation_time or "", status.next_rotation_time or "", status.last_check_time or "")


def client_secret_status_to_json(status: ClientSecretStatus) -> dict[str, Any]:
    """The status as a merge patch of the object: a field that is gone is null."""
    return {
        "status": {
            "observedGeneration": status.observed_generation,
            "reason": status.reason,
            "secretName": status.secret_name,
            "clientSecrets": [_listed_to_json(listed) for listed in status.client_secrets] or None,
            "lastRotationTime": status.last_rotation_time,
            "nextRotationTime": status.next_rotation_time,
            "lastCheckTime": status.last_check_time,
            "failures": status.failures,
            "lastHandledRotateRequest": status.last_handled_rotate_request,
            "oldUsedBy": list(status.old_used_by) or None,
            "oldUsers": status.old_users,
            "conditions": [condition_to_json(condition) for condition in status.conditions],
        }
    }


def _listed_to_json(listed: ReportedClientSecret) -> dict[str, Any]:
    fields = {
        "uuid": listed.uuid,
        "createdAt": listed.created_at,
        "lastUsedAt": listed.last_used_at,
        "expiresAt": listed.expires_at,
        "role": listed.role,
    }
    return {name: value for name, value in fields.items() if value is not None}


_STATUS = TypeAdapter(ClientSecretStatus)
