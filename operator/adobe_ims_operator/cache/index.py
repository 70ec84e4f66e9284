"""Who refers to what: for each thing that is named, the keys of those that name it."""

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.resource import Credential, Key, SecretTemplate
from adobe_ims_operator.api.source import ClientRef, TokenFrom
from adobe_ims_operator.core.claims import had_secret
from adobe_ims_operator.core.model import ObservedSecret

T = TypeVar("T", bound=Hashable)
Age = tuple[datetime, str]


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


class Claims(Generic[T]):
    """Who names each thing, such as a Secret, in the order of their claims: thousands cost no more than a few do.

    Args:
        rank: the order of an object's claim, smaller first. It must give the same for `add` and `remove`.
    """

    def __init__(self, rank: Callable[[Key], tuple[Any, ...]]) -> None:
        self._rank = rank
        self._keys: dict[T, Key | list[tuple[tuple[Any, ...], Key]]] = {}

    def __len__(self) -> int:
        """How many things are named."""
        return len(self._keys)

    def add(self, named: T, key: Key) -> None:
        """Remember that `key` names it."""
        known = self._keys.get(named)
        if known is None:
            self._keys[named] = key
        elif isinstance(known, list):
            insort(known, (self._rank(key), key))
        else:
            self._keys[named] = sorted((self._rank(each), each) for each in (known, key))

    def remove(self, named: T, key: Key) -> None:
        """Forget that `key`, which does, names it."""
        known = self._keys[named]
        if not isinstance(known, list):
            del self._keys[named]
            return
        del known[bisect_left(known, (self._rank(key), key))]
        if len(known) == 1:
            self._keys[named] = known[0][1]

    def count(self, named: T) -> int:
        """How many name it."""
        known = self._keys.get(named)
        return len(known) if isinstance(known, list) else int(known is not None)

    def first(self, named: T, most: int | None = None) -> Sequence[Key]:
        """The first `most` of those that name it; None stands for all."""
        known = self._keys.get(named)
        if known is None:
            return ()
        return [key for _, key in known[:most]] if isinstance(known, list) else [known]


def owner(facts: Facts) -> Key:
    """The credential that a token was made for."""
    namespace, _, name = facts.credential.partition("/")
    return Key(namespace, name)


def owners(namespace: str, secrets: Iterable[ObservedSecret | None]) -> set[Key]:
    """The credentials of a namespace that the tokens in Secrets were made for."""
    made_for = {owner(each.facts) for each in secrets if each is not None and each.facts is not None}
    return {key for key in made_for if key.namespace == namespace}


def changes_hands(secrets: Iterable[ObservedSecret | None]) -> bool:
    """Whether a Secret, None where there is none, is not made for the same credential in all of its states."""
    return len({None if each is None else (each.credential_uid, each.controller_uid) for each in secrets}) > 1


def token_key(credential: Credential) -> Key:
    """The Secret that a credential puts its token into."""
    return Key(credential.key.namespace, credential.spec.secret.name)


def client_key(credential: Credential) -> Key | None:
    """The Secret that a credential reads its client from; None where it takes the token of another credential."""
    client = credential.spec.client
    return None if client is None else Key(credential.key.namespace, client.secret_name)


def names(credential: Credential) -> tuple[str, ClientRef | TokenFrom, SecretTemplate]:
    """What its claims depend on; a status is no part of it, as the watch may bring our own before the answer."""
    return credential.uid, credential.spec.source, credential.spec.secret


def age(credential: Credential) -> Age:
    """The order of claims where nobody had the Secret: the older credential first."""
    return credential.created, credential.uid


def rank(credential: Credential) -> tuple[bool, datetime, str]:
    """The order of claims to a token Secret: who had it first, then by age."""
    return not had_secret(credential.status, credential.spec.secret.name), *age(credential)


def controller(secret: ObservedSecret) -> str | None:
    """The uid of the credential that controls a Secret which was made for it."""
    # By ownerReference too: annotations may be forged by who may not delete, and Retain has none.
    uid = secret.controller_uid
    return uid if secret.facts is not None and secret.facts.credential_uid == uid else None
