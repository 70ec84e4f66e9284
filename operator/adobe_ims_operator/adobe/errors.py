"""What can go wrong at the token endpoint, as one small tree.

    IMSError
    ├── IMSUnavailable       down or unreachable; time mends it
    ├── IMSRateLimited       it throttles this client; time mends it
    ├── IMSResponseInvalid   it answered, but not as IMS does; time or a person mends it
    ├── ClockSkewed          its clock or the operator's is wrong; a person mends it
    └── IMSRefused           it said no; a person mends it
        ├── InvalidClient            the id or the secret; another client secret may do
        ├── InvalidScope
        └── CredentialNotPermitted

A message is written for a condition: it says what to do, and never holds what was sent or received.
"""

from datetime import timedelta
from enum import Enum


def for_support(debug_id: str | None) -> str:
    """What to add to a message about an answer of that x-debug-id."""
    return "" if debug_id is None else f" (for Adobe's support: x-debug-id {debug_id})"


class IMSError(Exception):
    """Base of all; `reason` is the CamelCase word of the condition."""

    reason: str
    needs_person = False
    """Whether asking again is of no use before a person has changed something."""
    debug_id: str | None = None
    """The x-debug-id of the answer, by which Adobe's support finds the request."""

    def __str__(self) -> str:
        """The message, with the x-debug-id if there is one."""
        return super().__str__() + for_support(self.debug_id)


class Fault(Enum):
    """What keeps an answer of IMS from coming, as far as that is seen from the operator."""

    IMS = "IMS, which answers that it can't serve"
    NETWORK = "the network, or what listens there"
    DNS = "a name that can't be resolved"
    CERTIFICATE = "a certificate that is not trusted"
    PROXY = "the proxy"
    NETWORK_OR_PROXY = "the proxy, or what is behind it"


class IMSUnavailable(IMSError):  # noqa: N818 - the name is the reason that users search for
    """No answer, or a 5xx."""

    reason = "IMSUnavailable"

    def __init__(self, message: str, fault: Fault = Fault.IMS) -> None:
        super().__init__(message)
        self.fault = fault


class IMSRateLimited(IMSError):  # noqa: N818
    """A 429; `retry_after` is what the answer asked for, or None."""

    reason = "IMSRateLimited"

    def __init__(self, message: str, retry_after: timedelta | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class IMSResponseInvalid(IMSError):  # noqa: N818
    """An answer that holds no usable token and no OAuth error."""

    reason = "IMSResponseInvalid"


class ClockSkewed(IMSError):  # noqa: N818
    """A token whose end can't be known; `skew` is by how many seconds the operator's clock is ahead of IMS's."""

    reason = "ClockSkewed"
    needs_person = True

    def __init__(self, message: str, skew: float) -> None:
        super().__init__(message)
        self.skew = skew


class IMSRefused(IMSError):  # noqa: N818
    """An OAuth error that comes again until a person changes something."""

    reason = "IMSRefused"
    needs_person = True


class Culprit(Enum):
    """What IMS says is wrong with a client."""

    CLIENT_ID = "the client id"
    CLIENT_SECRET = "the client secret"  # noqa: S105 - no secret
    EITHER = "the client id or the client secret"


class InvalidClient(IMSRefused):
    """Wrong, expired or deleted client id or client secret."""

    reason = "InvalidClient"

    def __init__(self, culprit: Culprit) -> None:
        super().__init__(f"IMS does not accept {culprit.value}; put a valid one into the client Secret")
        self.culprit = culprit


class InvalidScope(IMSRefused):
    """A scope that the credential does not have."""

    reason = "InvalidScope"


class CredentialNotPermitted(IMSRefused):
    """The credential is not set up for this grant."""

    reason = "CredentialNotPermitted"
