"""A credential, and what the cluster has around it."""

from dataclasses import dataclass

from adobe_ims_operator.api.digests import SpecDigests
from adobe_ims_operator.api.resource import Credential
from adobe_ims_operator.core.model import ObservedSecret
from adobe_ims_operator.core.rivals import Holder, Rivals
from adobe_ims_operator.core.source import Source


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A credential, and what the cluster has around it."""

    credential: Credential
    spec_digests: SpecDigests
    client: ObservedSecret | None
    """The Secret that has the name of the client Secret."""
    secret: ObservedSecret | None
    """The Secret that has the name of the token Secret, no matter who made it."""
    rivals: Rivals
    holder: Holder
    """Of the token Secret, where that was made for a credential that is not watched."""
    source: Source | None = None
    """Of which credential the token is taken; None where IMS is asked for it."""
    limit: int | None = None
    """How many credentials a namespace may have, where this one is beyond that."""
