"""Who refers to what: for each thing that is named, the keys of those that name it."""

from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.resource import ClientRef, Credential, Key, SecretTemplate

T = TypeVar("T", bound=Hashable)


class References(Generic[T]):
    """Sets of keys; a set of one, as nearly all are, is kept as its key, which takes a fifth of the memory."""

    def __init__(self) -> None:
        self._keys: dict[T, Key | set[Key]] = {}

    def __len__(self) -> int:
        """How many things are referred to."""
        return len(self._keys)

    def add(self, to: T, key: Key) -> None:
        """Remember that `key` refers to it."""
        known = self._keys.setdefault(to, key)
        if isinstance(known, set):
            known.add(key)
        elif known != key:
            self._keys[to] = {known, key}

    def remove(self, to: T, key: Key) -> None:
        """Forget that `key` refers to it, if it did."""
        known = self._keys.get(to)
        if isinstance(known, set):
            known.discard(key)
            if not known:
                del self._keys[to]
        elif known == key:
            del self._keys[to]

    def of(self, to: T) -> Collection[Key]:
        """Those that refer to it now."""
        known = self._keys.get(to)
        if known is None:
            return ()
        return tuple(known) if isinstance(known, set) else (known,)


def owner(facts: Facts) -> Key:
    """The credential that a token was made for."""
    namespace, _, name = facts.credential.partition("/")
    return Key(namespace, name)


def token_key(credential: Credential) -> Key:
    """The Secret that a credential puts its token into."""
    return Key(credential.key.namespace, credential.spec.secret.name)


def client_key(credential: Credential) -> Key:
    """The Secret that a credential reads its client from."""
    return Key(credential.key.namespace, credential.spec.client.secret_name)


def names(credential: Credential) -> tuple[str, ClientRef, SecretTemplate]:
    """What its claims depend on; a status is no part of it, as the watch may bring our own before the answer."""
    return credential.uid, credential.spec.client, credential.spec.secret
