"""The one classification of what the API server answers: everyone else asks an error for its class.

Who admits a write may put any text into a Status, its reason included, and quote the whole object with its token. So
only the reasons that Kubernetes defines pass, and no message of an answer to a write.
"""

import json

from adobe_ims_operator.api.text import printable

KNOWN_REASONS = frozenset(
    {
        "Unauthorized",
        "Forbidden",
        "NotFound",
        "AlreadyExists",
        "Conflict",
        "Gone",
        "Invalid",
        "ServerTimeout",
        "StoreReadError",
        "Timeout",
        "TooManyRequests",
        "BadRequest",
        "MethodNotAllowed",
        "NotAcceptable",
        "RequestEntityTooLarge",
        "UnsupportedMediaType",
        "InternalError",
        "Expired",
        "ServiceUnavailable",
    }
)
"""The StatusReasons of k8s.io/apimachinery."""
LONGEST_MESSAGE = 500
LONGEST_RETRY_SECONDS = 3600
_RETRIED = (401, 408, 425, 429)
"""Below 500, what the same request may be spared a moment later: 401, as tokens are renewed."""


class ApiError(Exception):
    """A request to the API server came to nothing.

    Args:
        status: the HTTP status; 0 where there is no valid answer.
        reason: a StatusReason of Kubernetes, or what kept the answer away.
        message: may be shown to anybody.
    """

    def __init__(self, status: int, reason: str, message: str, *, retry_after: float | None = None) -> None:
        said = f"{status} {reason}" if status else reason
        super().__init__(f"{said}: {message}" if message else said)
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    @property
    def answer(self) -> str:
        """The answer in short, such as `403 Forbidden`."""
        return f"{self.status} {self.reason}" if self.status else self.reason


class NotFoundError(ApiError):
    """There is no such object, or no such namespace or resource."""


class ConflictError(ApiError):
    """The object is not as the request expects: it exists already, or was changed."""


class GoneError(ApiError):
    """The resourceVersion is too old to go on from."""


class RefusedError(ApiError):
    """The same request will be refused until a person mends something."""


class TooLargeError(RefusedError):
    """The object is larger than any that is read."""


class ForbiddenError(RefusedError):
    """The operator's account lacks a permission, or who admits the request denies it."""


class UnavailableError(ApiError):
    """Time mends it; a write may have been done all the same."""


class UnreachableError(UnavailableError):
    """There was no answer."""


class InvalidAnswerError(UnavailableError):
    """The request was taken, and its answer can't be read; a write was most likely done."""


_CLASSES: dict[int, type[ApiError]] = {403: ForbiddenError, 404: NotFoundError, 409: ConflictError, 410: GoneError}


def is_refusal(status: int) -> bool:
    """Whether an HTTP status says that the API server did not do what was asked; `from_answer` says why."""
    return status >= 400


def from_answer(status: int, body: bytes, *, quotable: bool, retry_after: str | None = None) -> ApiError:
    """The error that an answer with an HTTP status of 400 or above stands for.

    Args:
        quotable: whether the answer's message may be shown, as nothing secret was sent.
        retry_after: the header of that name.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    return from_status(status, answer, quotable=quotable, retry_after=_seconds(retry_after))


def from_status(status: object, answer: object, *, quotable: bool, retry_after: float | None = None) -> ApiError:
    """The error that a Status stands for; `status` is the HTTP status, or the Status' own code within a watch."""
    code = status if isinstance(status, int) and not isinstance(status, bool) and 400 <= status < 600 else 0
    fields = answer if isinstance(answer, dict) else {}
    reason, message = fields.get("reason"), fields.get("message")
    return _class(code)(
        code,
        reason if isinstance(reason, str) and reason in KNOWN_REASONS else "Unknown",
        printable(message[:LONGEST_MESSAGE]) if quotable and isinstance(message, str) else "",
        retry_after=retry_after,
    )


def invalid_answer() -> InvalidAnswerError:
    """The error for an answer that can't be read; it may be one to a write that was done."""
    return InvalidAnswerError(0, "InvalidAnswer", "the API server answered no valid object")


def _class(code: int) -> type[ApiError]:
    if code in _CLASSES:
        return _CLASSES[code]
    return UnavailableError if code in _RETRIED or not 400 <= code < 500 else RefusedError


def _seconds(retry_after: str | None) -> float | None:
    # The header's other form, a date, is none that an API server sends.
    if retry_after is None or not (retry_after.isascii() and retry_after.isdigit()) or len(retry_after) > 6:
        return None
    return float(min(int(retry_after), LONGEST_RETRY_SECONDS))


class NotLeadingError(Exception):
    """Another replica may lead by now, so nothing may be asked of IMS and nothing written."""


class PutOffError(Exception):
    """A large answer has to wait for its turn, so the work that asked for it ends, and is begun again then."""
