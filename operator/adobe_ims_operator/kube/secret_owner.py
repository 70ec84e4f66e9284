"""Looks up the credential that a Secret was made for, where no watch shows it."""

from datetime import datetime, timedelta

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.core.claims import holds
from adobe_ims_operator.core.rivals import Hold, Holder
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError, ForbiddenError, NotFoundError
from adobe_ims_operator.kube.paths import credentials_path

COUNTS_FOR = timedelta(minutes=10)
AGAIN_AFTER_FAILURE = timedelta(seconds=30)


async def look_up(kube: Kube, credential: Key, uid: str, secret_name: str, now: datetime) -> Holder:
    """Ask whether the credential of that name and uid exists, and names that Secret."""
    try:
        body = await kube.get(credentials_path(credential.namespace, credential.name))
    except ApiError as error:
        if isinstance(error, NotFoundError):
            return Holder(Hold.GONE, now + COUNTS_FOR)
        if isinstance(error, ForbiddenError):
            problem = f"{error.answer} (the operator needs the verb get on adobeimscredentials)"
        else:
            problem = f"the API server answered {error.answer}"
        return Holder(Hold.UNREACHABLE, now + AGAIN_AFTER_FAILURE, problem)
    return Holder(Hold.HELD if holds(body, uid, secret_name) else Hold.GONE, now + COUNTS_FOR)
