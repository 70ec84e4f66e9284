"""What is known of the credential whose token another one takes."""

from dataclasses import dataclass

from adobe_ims_operator.api.digests import SpecDigests
from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.resource import Key, Spec


@dataclass(frozen=True, slots=True)
class Unwatched:
    """Its namespace is not watched, so nothing is known of it."""

    key: Key


@dataclass(frozen=True, slots=True)
class Unshared:
    """There is none, or it does not share its token with the namespace of the taker."""

    key: Key


@dataclass(frozen=True, slots=True)
class Shared:
    """It shares its token."""

    key: Key
    uid: str
    spec: Spec
    spec_digests: SpecDigests
    facts: Facts | None
    """Of the token in its Secret; None where there is none that was made for it."""

    @property
    def secret_key(self) -> Key:
        """Its token Secret."""
        return Key(self.key.namespace, self.spec.secret.name)

    @property
    def rotation(self) -> str | None:
        """The rotation that its Secret holds."""
        return None if self.facts is None else self.facts.rotation


Source = Unwatched | Unshared | Shared
