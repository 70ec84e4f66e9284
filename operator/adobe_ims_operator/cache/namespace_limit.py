"""Which credentials are beyond the number that their namespace may have: its youngest, however they are listed."""

from bisect import bisect_left, insort

from adobe_ims_operator.api.resource import Credential, Key
from adobe_ims_operator.cache.index import Age, age


class NamespaceLimit:
    """The credentials of each namespace by age.

    Args:
        most: how many a namespace may have; None for any number, and nothing is kept then.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self._by_age: dict[str, list[tuple[Age, Key]]] = {}

    def add(self, credential: Credential) -> Key | None:
        """Take up a credential; the key of the one that is beyond the limit for it, if that is another."""
        if self.most is None:
            return None
        ranked = self._by_age.setdefault(credential.key.namespace, [])
        insort(ranked, (age(credential), credential.key))
        if len(ranked) <= self.most or self.is_beyond(credential):
            return None
        return ranked[self.most][1]

    def remove(self, credential: Credential) -> Key | None:
        """Forget a credential; the key of the one that is within the limit for it, if there is one."""
        ranked = self._by_age.get(credential.key.namespace)
        if self.most is None or ranked is None:
            return None
        was_within = not self.is_beyond(credential)
        del ranked[bisect_left(ranked, (age(credential), credential.key))]
        if not ranked:
            del self._by_age[credential.key.namespace]
        return ranked[self.most - 1][1] if was_within and len(ranked) >= self.most else None

    def is_beyond(self, credential: Credential) -> bool:
        """Whether a credential is beyond the limit."""
        ranked = self._by_age.get(credential.key.namespace, [])
        return self.most is not None and bisect_left(ranked, (age(credential), credential.key)) >= self.most
