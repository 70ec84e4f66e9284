"""Which culprit a failure at IMS names, as seen from where a command runs."""

from collections.abc import Mapping

from adobe_ims_operator.adobe import errors
from adobe_ims_operator.adobe.errors import (
    ClockSkewed,
    CredentialNotPermitted,
    Fault,
    IMSError,
    IMSRateLimited,
    IMSResponseInvalid,
    IMSUnavailable,
    InvalidClient,
    InvalidScope,
)
from adobe_ims_operator.cli.results import Culprit, Result, failed
from adobe_ims_operator.cli.run_settings import Settings

_OF_ERROR: Mapping[type[IMSError], Culprit] = {
    IMSRateLimited: Culprit.THROTTLING,
    IMSResponseInvalid: Culprit.NOT_IMS,
    ClockSkewed: Culprit.CLOCK,
    InvalidScope: Culprit.SCOPES,
    CredentialNotPermitted: Culprit.CONSOLE,
}
_OF_CLIENT = {
    errors.Culprit.CLIENT_ID: Culprit.CLIENT_ID,
    errors.Culprit.CLIENT_SECRET: Culprit.CLIENT_SECRET,
    errors.Culprit.EITHER: Culprit.CLIENT,
}
_OF_FAULT = {
    Fault.IMS: Culprit.IMS,
    Fault.NETWORK: Culprit.NETWORK,
    Fault.DNS: Culprit.DNS,
    Fault.CERTIFICATE: Culprit.CERTIFICATE,
    Fault.PROXY: Culprit.PROXY,
    Fault.NETWORK_OR_PROXY: Culprit.NETWORK_OR_PROXY,
}
FROM_HERE = "seen from here, where the network and the proxy need not be those of the operator's pod"


def culprit_of(error: IMSError) -> Culprit:
    """What to look at first."""
    if isinstance(error, InvalidClient):
        return _OF_CLIENT[error.culprit]
    if isinstance(error, IMSUnavailable):
        return _OF_FAULT[error.fault]
    return _OF_ERROR[type(error)]


def failed_at_ims(check: str, target: str, error: IMSError, settings: Settings) -> Result:
    """A check that failed as IMS gave no answer, or another than it should."""
    message = str(error)
    if isinstance(error, IMSUnavailable) and error.fault is not Fault.IMS and not settings.in_pod:
        message = f"{message}; {FROM_HERE}"
    return failed(check, target, message, reason=error.reason, culprit=culprit_of(error))
