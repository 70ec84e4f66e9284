"""How much memory large credentials may take, as all that are watched are kept in it: a share for each namespace."""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from adobe_ims_operator.api.resource import Credential, Key, refused_spec
from adobe_ims_operator.api.status import Status

LIGHT = 16 * 1024
"""Bytes in memory of the texts of a credential that is not counted: thousands of those are no burden."""
MOST = 32 * 2**20
"""Bytes in memory of the texts of all others of a namespace."""
SHARED = 64 * 2**20
"""What all namespaces share: with n of them that have large credentials, each may take an nth of it.

What was taken before there were so many stays, so a hundred of them come to 300 MiB, and twenty to 200.
"""


class Budget:
    """What each namespace takes of its budget."""

    def __init__(self) -> None:
        self._of: dict[Key, int] = {}
        self._taken: Counter[str] = Counter()

    def admit(self, credential: Credential) -> Credential:
        """Take up a credential in place of the one of its name; without its texts, where there is no room for them."""
        key, size = credential.key, _size(credential)
        before = self._of.get(key, 0)
        self.release(key)
        if size <= LIGHT:
            return credential
        most = self._share(key.namespace)
        if size > before and self._taken[key.namespace] + size > most:
            problem = (
                f"the large credentials of namespace {key.namespace} take more than {most / 2**20:.3g} MiB of memory; "
                "shorten spec.secret.data, spec.secret.annotations and spec.sharedWith.namespaces, or delete some of "
                "them, then change this one"
            )
            return replace(credential, spec=refused_spec(credential.spec, problem), status=Status())
        self._of[key] = size
        self._taken[key.namespace] += size
        return credential

    def _share(self, namespace: str) -> float:
        return min(MOST, SHARED / len({*self._taken, namespace}))

    def release(self, key: Key) -> None:
        """Give back what a credential takes."""
        size = self._of.pop(key, 0)
        self._taken[key.namespace] -= size
        if not self._taken[key.namespace]:
            del self._taken[key.namespace]


def _size(credential: Credential) -> int:
    return sum(sys.getsizeof(text) for text in _texts(credential))


def _texts(credential: Credential) -> Iterator[str]:
    secret, status = credential.spec.secret, credential.status
    for texts in (secret.data, secret.annotations, secret.labels):
        yield from texts.keys()
        yield from texts.values()
    yield from credential.spec.shared_with.namespaces
    for condition in status.conditions:
        yield from (condition.type, condition.reason, condition.message)
    for restart in status.restarts:
        yield from (restart.name, restart.rotation, restart.reason, restart.message or "")
