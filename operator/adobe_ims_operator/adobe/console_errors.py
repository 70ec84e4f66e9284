"""What can go wrong at Adobe's console API, as one small tree.

    ConsoleError
    ├── ConsoleUnavailable       down or unreachable; time mends it
    ├── ConsoleRateLimited       it throttles this client; time mends it
    ├── ConsoleResponseInvalid   it answered, but not as Adobe does; time or a person mends it
    ├── ClientSecretGone         the client secret to delete is not there; the next list says what is
    └── ConsoleRefused           it said no; a person mends it
        ├── ManagementNotPermitted     the token may not manage client secrets
        ├── CredentialNotFound         the ids name no credential
        └── ClientSecretLimitReached   there are two already

Each says of a request that changes something whether it may have been done. A message is written for a condition: it
says what to do, and never holds what was sent or received.
"""

from datetime import timedelta
from enum import Enum

from adobe_ims_operator.adobe.errors import Fault


class Outcome(Enum):
    """What a request that failed did at Adobe. One for the list changes nothing ever."""

    NOT_DONE = "nothing was changed"
    UNKNOWN = "it may have been done"
    """The request may have arrived, and no answer says that it was refused."""


class ConsoleError(Exception):
    """Base of all; `reason` is the CamelCase word of the condition."""

    reason: str
    needs_person = False
    """Whether asking again is of no use before a person has changed something."""
    outcome = Outcome.NOT_DONE


class ConsoleUnavailable(ConsoleError):  # noqa: N818 - the name is the reason that users search for
    """No answer, or a 5xx."""

    reason = "ConsoleUnavailable"

    def __init__(self, message: str, outcome: Outcome, fault: Fault) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.fault = fault


class ConsoleRateLimited(ConsoleError):  # noqa: N818
    """A 429; `retry_after` is what the answer asked for, from one second to one hour, or None."""

    reason = "ConsoleRateLimited"

    def __init__(self, message: str, retry_after: timedelta | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConsoleResponseInvalid(ConsoleError):  # noqa: N818
    """An answer that is neither what was asked for nor a refusal."""

    reason = "ConsoleResponseInvalid"

    def __init__(self, message: str, outcome: Outcome) -> None:
        super().__init__(message)
        self.outcome = outcome


class ClientSecretGone(ConsoleError):  # noqa: N818
    """A 404 to DELETE: no client secret of that uuid, or no such credential, which only a list can tell."""

    reason = "OldClientSecretGone"


class ConsoleRefused(ConsoleError):  # noqa: N818
    """A refusal that comes again until a person changes something; on its own, one of no form that is known."""

    reason = "ConsoleResponseInvalid"
    needs_person = True


class ManagementNotPermitted(ConsoleRefused):
    """A 401 or 403: the token may not manage the client secrets of the credential."""

    reason = "ManagementNotPermitted"


class CredentialNotFound(ConsoleRefused):
    """A 404 to GET or POST: the organization has no such credential."""

    reason = "CredentialMismatch"


class ClientSecretLimitReached(ConsoleRefused):
    """POST was refused in a form that Adobe has for a credential with two client secrets."""

    reason = "TwoClientSecrets"
