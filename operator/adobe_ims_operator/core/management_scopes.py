"""The scopes whose token can replace the client secrets of its client: not asked for unless that is allowed.

Adobe's API to list, add and delete the client secrets of a credential takes them. Anyone who can read such a token, in
its Secret or in one that a taker has, could lock the owner of the client out.
"""

from collections.abc import Iterable
from datetime import datetime

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import KIND
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Observed

MANAGEMENT_SCOPES = frozenset({"read_client_secret", "manage_client_secrets"})
WHY = "as who has a token with it can replace the client's secrets"
FLAG = "--allow-management-scopes"


def first_of(scopes: Iterable[str]) -> str | None:
    """The first of them that is one, however it is written; None where none is."""
    return next((scope for scope in scopes if scope.strip().lower() in MANAGEMENT_SCOPES), None)


def refusal(observed: Observed, _now: datetime) -> Finding | None:
    """Why no token may be had with the scopes of a spec, or of the source that shares its token."""
    if observed.endpoint.management_scopes:
        return None
    allow = f"ask the operator's administrator to start it with {FLAG}"
    if observed.shared is not None:
        if (scope := first_of(observed.shared.spec.scopes)) is None:
            return None
        what = f"{KIND} {observed.shared.key} asks for the scope {scope}, and the operator may not hand such a token on"
        return Finding(Reason.SCOPE_NOT_ALLOWED, f"{what}, {WHY}; ask its owner to remove the scope, or {allow}")
    if observed.source is not None or (scope := first_of(observed.spec.scopes)) is None:
        return None
    what = f"the operator may not ask for the scope {scope}"
    return Finding(Reason.SCOPE_NOT_ALLOWED, f"{what}, {WHY}; remove it from spec.scopes, or {allow}")
