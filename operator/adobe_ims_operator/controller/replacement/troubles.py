"""Why a step of a replacement failed, in words for a condition, and how soon it is tried again."""

from datetime import timedelta

from adobe_ims_operator.adobe.console import MANAGEMENT_SCOPES
from adobe_ims_operator.adobe.console_errors import ConsoleError, ConsoleRateLimited
from adobe_ims_operator.adobe.errors import CredentialNotPermitted, IMSError, InvalidScope, for_support
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Trouble
from adobe_ims_operator.kube.errors import ApiError, RefusedError

_NEXT_TURN = timedelta(seconds=2)
"""After which one whose turn did not come waits for another; what was listed is still new then."""


def of_console(error: ConsoleError) -> Trouble:
    """What an error of the console API means for the step."""
    after = error.retry_after if isinstance(error, ConsoleRateLimited) else None
    pace = Pace.PERSON if error.needs_person else Pace.IMS
    return Trouble(Finding(Reason(error.reason), str(error)), pace, after)


def of_ims(error: IMSError, after: timedelta | None) -> Trouble:
    """What an error of IMS means for the step; of an invalid client no step fails."""
    pace = Pace.PERSON if error.needs_person else Pace.IMS
    if not isinstance(error, InvalidScope | CredentialNotPermitted):
        return Trouble(Finding(Reason(error.reason), str(error)), pace, after)
    message = (
        f"IMS gives the client no token with the scopes that the console API needs ({error.reason}); add the I/O "
        f"Management API to its project in the Adobe Developer Console, with the scopes {', '.join(MANAGEMENT_SCOPES)}"
    )
    return Trouble(Finding(Reason.MANAGEMENT_NOT_PERMITTED, message + for_support(error.debug_id)), pace)


def no_date(endpoint: str) -> Trouble:
    """A token whose moment by Adobe's clock is not known, so that nothing can be proven by it."""
    message = f"{endpoint} answered without a Date header; check that nothing (a proxy) stands between"
    return Trouble(Finding(Reason.IMS_RESPONSE_INVALID, message), Pace.IMS)


def short_lived(endpoint: str, lifetime: timedelta) -> Trouble:
    """A token that ends before it has served."""
    seconds = int(lifetime.total_seconds())
    message = f"{endpoint} gave a token for {seconds} s, which is too short to manage client secrets with"
    return Trouble(Finding(Reason.IMS_RESPONSE_INVALID, message), Pace.IMS)


def out_of_time(what: str) -> Trouble:
    """A request that the end of the Lease cut off."""
    message = f"the request to {what} a client secret had no answer while this replica held the Lease"
    return Trouble(Finding(Reason.CONSOLE_UNAVAILABLE, message), Pace.IMS)


def no_time_left() -> Trouble:
    """The Lease ends soon, as it could not be renewed for a while."""
    message = "the Lease was not renewed for some seconds, so nothing is sent to Adobe; look at the API server"
    return Trouble(Finding(Reason.CONSOLE_UNAVAILABLE, message), Pace.API_SERVER, passing=True)


def no_turn(waited: float) -> Trouble:
    """A request that was not sent, as too many others were before it."""
    message = (
        f"too many AdobeIMSClientSecrets are due at once: the turn of this one at Adobe did not come within "
        f"{waited:g} s; nothing is to be done, as those before it get fewer"
    )
    return Trouble(Finding(Reason.CONSOLE_RATE_LIMITED, message), Pace.IMS, _NEXT_TURN, passing=True)


def not_read(key: Key, error: ApiError, kind: str = "Secret") -> Trouble:
    """An object that could not be read."""
    refused = isinstance(error, RefusedError)
    advice = "check the operator's permissions" if refused else "the operator tries again"
    finding = Finding(
        Reason.SECRET_READ_REFUSED if refused else Reason.SECRET_READ_FAILED,
        f"the API server did not give {kind} {key} ({error.answer}); {advice}",
    )
    return Trouble(finding, Pace.REFUSED_WRITE if refused else Pace.API_SERVER)


def conflict(key: Key, error: ApiError) -> Trouble:
    """A Secret that was changed since it was read."""
    message = f"Secret {key} keeps changing while it is written ({error.answer}); find out who else writes to it"
    return Trouble(Finding(Reason.SECRET_WRITE_FAILED, message), Pace.API_SERVER, passing=True)


def not_written(key: Key, error: ApiError) -> Trouble:
    """A managed Secret that could not be written."""
    if isinstance(error, RefusedError):
        message = (
            f"the API server refused to write Secret {key} ({error.answer}); check quotas, admission policies and the "
            "operator's permissions. If it is immutable, set spec.suspend to true, save it with its annotations, "
            "delete it, and make it again from what you saved, without immutable: its values are nowhere else"
        )
        return Trouble(Finding(Reason.SECRET_WRITE_REFUSED, message), Pace.REFUSED_WRITE)
    message = f"the API server could not write Secret {key} ({error.answer}); the operator tries again"
    return Trouble(Finding(Reason.SECRET_WRITE_FAILED, message), Pace.API_SERVER)
