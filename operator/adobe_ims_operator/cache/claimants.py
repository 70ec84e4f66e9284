"""Which credentials of a namespace name the same Secret, and so may want it of each other."""

from collections.abc import Iterable, Mapping

from adobe_ims_operator.api.resource import Credential, Key
from adobe_ims_operator.cache.index import Claims, age, client_key, rank, token_key
from adobe_ims_operator.core.claims import claimant
from adobe_ims_operator.core.model import ObservedSecret
from adobe_ims_operator.core.rivals import Claimant, Rivals

MAX_CLAIMANTS = 16
"""Credentials of those that name one Secret that are looked at, and enqueued by a change of one of them."""
_NO_RIVALS = Rivals()


class Claimants:
    """Who reads a client from each Secret, and who puts a token there.

    Args:
        credentials: all that are known; a credential is in it while it is filed here.
    """

    def __init__(self, credentials: Mapping[Key, Credential]) -> None:
        self._credentials = credentials
        self._by_client: Claims[Key] = Claims(lambda key: age(credentials[key]))
        self._by_token: Claims[Key] = Claims(lambda key: rank(credentials[key]))

    def add(self, credential: Credential) -> None:
        """File a credential under the Secrets that it names."""
        if (client := client_key(credential)) is not None:
            self._by_client.add(client, credential.key)
        self._by_token.add(token_key(credential), credential.key)

    def remove(self, credential: Credential) -> None:
        """Forget one that was filed."""
        if (client := client_key(credential)) is not None:
            self._by_client.remove(client, credential.key)
        self._by_token.remove(token_key(credential), credential.key)

    def puts_token(self, secret: Key) -> bool:
        """Whether somebody puts a token into a Secret."""
        return self._by_token.count(secret) > 0

    def naming(self, secret: Key, most: int | None = None) -> set[Key]:
        """Those that name a Secret; of each way to name it the oldest, where that is limited."""
        return {*self._by_client.first(secret, most), *self._by_token.first(secret, most)}

    def is_crowd(self, secret: Key, *, changes_hands: bool) -> bool:
        """Whether more than the first are concerned by a change of a Secret."""
        claimants = self._by_token.count(secret) if changes_hands else 0
        return max(self._by_client.count(secret), claimants) > MAX_CLAIMANTS

    def near(self, credential: Credential) -> Iterable[Key]:
        """The first of those whom a change of a credential concerns."""
        token, client = token_key(credential), client_key(credential)
        makers = () if client is None else self._by_token.first(client, MAX_CLAIMANTS)
        found = (*self._by_token.first(token, MAX_CLAIMANTS), *makers, *self._by_client.first(token, MAX_CLAIMANTS))
        return dict.fromkeys(found)

    def rivals(self, credential: Credential, secret: ObservedSecret | None) -> Rivals:
        """The other credentials that name a Secret which this one names too.

        Args:
            secret: that in which this one has its token, or would have.
        """
        token, client = token_key(credential), client_key(credential)
        users = self._by_client.first(token, MAX_CLAIMANTS)
        makers = () if client is None else self._by_token.first(client, MAX_CLAIMANTS)
        claimants = self._by_token.first(token, MAX_CLAIMANTS)
        if len(claimants) < 2 and not users and not makers:
            return _NO_RIVALS
        holder = self._credentials.get(secret.credential) if secret is not None and secret.credential else None
        if holder is not None and token_key(holder) == token and holder.key not in claimants:
            claimants = (*claimants, holder.key)
        return Rivals(*(self._claimants(keys, credential.key) for keys in (claimants, users, makers)))

    def _claimants(self, keys: Iterable[Key], but: Key) -> tuple[Claimant, ...]:
        return tuple(claimant(self._credentials[key]) for key in keys if key != but)
