"""Why a token Secret, or its metadata, was not written: in words for a person, and at which pace it is tried again."""

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Trouble
from adobe_ims_operator.kube.errors import ApiError, ForbiddenError, RefusedError


def conflict(name: str, what: str) -> Trouble:
    """Somebody else wrote to the token Secret meanwhile."""
    message = (
        f"Secret {name} keeps changing while the token is written ({what}); "
        "find out who else writes to it, or which admission webhook refuses it"
    )
    return Trouble(Finding(Reason.SECRET_WRITE_FAILED, message), Pace.API_SERVER, passing=True)


def metadata_conflict(name: str, what: str) -> Trouble:
    """Somebody else wrote to it meanwhile, where its metadata was to be written."""
    message = (
        f"Secret {name} keeps changing while its labels, annotations and ownerReferences are written ({what}); "
        "find out who else writes to it"
    )
    return Trouble(Finding(Reason.SECRET_WRITE_FAILED, message), Pace.API_SERVER, passing=True)


def metadata_not_written(name: str, error: ApiError) -> Trouble:
    """The API server did not write the metadata."""
    if isinstance(error, RefusedError):
        message = (
            f"the API server refused to write the labels, annotations and ownerReferences of Secret {name} "
            f"({error.answer}); check admission policies and the operator's permissions"
        )
        return Trouble(Finding(Reason.SECRET_WRITE_REFUSED, message), Pace.REFUSED_WRITE)
    message = (
        f"the API server could not write the labels, annotations and ownerReferences of Secret {name} "
        f"({error.answer}); the operator tries again"
    )
    return Trouble(Finding(Reason.SECRET_WRITE_FAILED, message), Pace.API_SERVER)


def refused(name: str, error: RefusedError, words: str) -> Trouble:
    """The API server refused the token Secret; `words` are what it says of a dummy."""
    # The API server's own words may quote what was sent, so only its status and its reason are passed on.
    message = f"the API server refused to write Secret {name} ({error.answer}); "
    if words:
        message += f"it refuses a new Secret with dummy data too: {words}; check its type, quotas and policies"
    elif isinstance(error, ForbiddenError):
        message += "check the operator's permissions, quotas and admission policies"
    else:
        message += "check its type and size, its immutable field and admission policies"
    return Trouble(Finding(Reason.SECRET_WRITE_REFUSED, message), Pace.REFUSED_WRITE)


def not_written(name: str, error: ApiError, *, keeps: bool) -> Trouble:
    """The API server could not write the token Secret; `keeps` is whether the token is kept."""
    again = "keeps the token and tries again" if keeps else "tries again"
    message = (
        f"the API server could not write Secret {name} ({error.answer}); the operator {again}; "
        "if it stays so, look at the API server and its admission webhooks"
    )
    return Trouble(Finding(Reason.SECRET_WRITE_FAILED, message), Pace.API_SERVER)
