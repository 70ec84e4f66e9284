"""Who takes the token of which credential, where both agree to it.

A taker is filed under the credential that it names and its own namespace, and a source is asked for those of the
namespaces that it names. So what happens to a source concerns those that it shares its token with and nobody else, and
who is named by strangers pays nothing for it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping

from adobe_ims_operator.api.resource import Credential, Key
from adobe_ims_operator.cache.index import References


class Takers:
    """The takers among some credentials.

    Args:
        credentials: all that are known, as they were admitted.
    """

    def __init__(self, credentials: Mapping[Key, Credential]) -> None:
        self._credentials = credentials
        self._asking: References[tuple[Key, str]] = References()
        self._taking: References[Key] = References()
        self._lost: defaultdict[Key, set[Key]] = defaultdict(set)

    def has(self, source: Key) -> bool:
        """Whether a change of a credential concerns a taker."""
        return bool(self._taking.of(source)) or source in self._lost

    def of(self, source: Key) -> Collection[Key]:
        """Those that a credential shares its token with, and that take it."""
        return self._taking.of(source)

    def to_wake(self, source: Key) -> Collection[Key]:
        """The same, and once those with whom it does not share its token any more."""
        return {*self.of(source), *self._lost.pop(source, ())}

    def replace(self, known: Credential | None, new: Credential | None, key: Key) -> None:
        """Follow a change of the credential of that key; None where there is none."""
        before, after = _names(known), _names(new)
        for namespace in before - after:
            for taker in self._asking.of((key, namespace)):
                self._taking.remove(key, taker)
                self._lost[key].add(taker)
        for namespace in after - before:
            for taker in self._asking.of((key, namespace)):
                self._taking.add(key, taker)
        old, source = _source(known), _source(new)
        if old == source:
            return
        if old is not None:
            self._asking.remove((old, key.namespace), key)
            self._taking.remove(old, key)
        if source is not None:
            self._asking.add((source, key.namespace), key)
            if shares(new if source == key else self._credentials.get(source), key.namespace):
                self._taking.add(source, key)


def shares(source: Credential | None, namespace: str) -> bool:
    """Whether a credential shares its token with a namespace."""
    return source is not None and namespace in source.spec.shared_with.namespaces


def _source(credential: Credential | None) -> Key | None:
    return None if credential is None else credential.spec.taken_from


def _names(credential: Credential | None) -> frozenset[str]:
    return frozenset() if credential is None else frozenset(credential.spec.shared_with.namespaces)
