"""What is found while it is not certain which of the client secrets at Adobe is ours, in words for a person."""

from collections.abc import Sequence

from adobe_ims_operator.api.client_secret import CredentialId
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement.findings import CONSOLE, last_use
from adobe_ims_operator.core.replacement.listing import ListedClientSecret
from adobe_ims_operator.core.replacement.model import Observed, Source


def of_another_credential(credential: CredentialId) -> Finding:
    """What Adobe gave is of the credential that an object of this name was for before."""
    message = (
        f"it is of credential {credential}, which another AdobeIMSClientSecret of this name was for; delete this "
        f"object and make that one again, with its credentialId and its secret.name, or, if nobody needs it, start "
        f"the operator again"
    )
    return Finding(Reason.CREDENTIAL_MISMATCH, message)


def _where(observed: Observed, source: Source) -> str:
    """Where the value is that is to be taken over."""
    if source is Source.BOOTSTRAP:
        return f"in Secret {observed.resource.spec.bootstrap.secret_name}"
    return f"under {source.value} in Secret {observed.resource.secret_key}"


def taking_over(observed: Observed, source: Source) -> Finding:
    """Adobe has two, and it is being found out which one was given to us."""
    message = (
        f"Adobe has two client secrets; the operator finds out by their times of last use which one is "
        f"{_where(observed, source)}, in 10 to 20 minutes, or within two days where Adobe shows "
        f"them late; nothing is touched"
    )
    return Finding(Reason.TAKING_OVER, message)


def taking_over_alone(observed: Observed, source: Source) -> Finding:
    """Adobe has one, and its list may be late with another one."""
    message = (
        f"Adobe lists one client secret, and does not show yet that it is the one "
        f"{_where(observed, source)}; it is taken over once Adobe shows it as just used, or lists "
        f"it alone for 10 minutes"
    )
    return Finding(Reason.TAKING_OVER, message)


def confirming(uuid: str) -> Finding:
    """It is due to be replaced, and might be another one than Adobe lists."""
    message = (
        f"Adobe lists client secret {uuid}, and does not show yet that it is the one in place; another is added once "
        f"its last use is a request of the operator, for two requests, or once IMS accepted it for 25 hours"
    )
    return Finding(Reason.TAKING_OVER, message)


def not_told_apart(observed: Observed, source: Source, number: int) -> Finding:
    """The client can't be taken over as long as there are so many."""
    where = _where(observed, source)
    message = (
        f"Adobe has {number} client secrets, and their times of last use do not tell which one is {where}; nothing is "
        f"touched. Find out who uses the others and give them the one {where}; then delete the others on {CONSOLE}"
    )
    return Finding(Reason.TWO_CLIENT_SECRETS, message)


def two(observed: Observed, ours: str, others: Sequence[ListedClientSecret], *, is_certain: bool) -> Finding:
    """There is one that is not ours, and there is no room for another.

    Args:
        is_certain: whether ours is known to be that one, so that a person may be told to delete the other.
    """
    said = "; ".join(f"{other.uuid} ({last_use(other)})" for other in others[:3])
    begin = f"Adobe has client secrets that this operator did not add: {said}; nothing is touched"
    if is_certain:
        message = (
            f"{begin}. Delete the one that nobody uses on {CONSOLE}, but not {ours}, which is in Secret "
            f"{observed.resource.secret_key}"
        )
    else:
        message = (
            f"{begin}. Compare their values on {CONSOLE} with the one in Secret {observed.resource.secret_key}, which "
            f"is {ours} as far as the operator knows; then delete the one that is not there and that nobody uses"
        )
    return Finding(Reason.TWO_CLIENT_SECRETS, message)
