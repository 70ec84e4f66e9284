"""How much memory the large credentials of one namespace may take, as all that are watched are kept in it."""

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


class Budget:
    """What each namespace takes of its budget."""

    def __init__(self) -> None:
        self._of: dict[Key, int] = {}
        self._taken: Counter[str] = Counter()

    def admit(self, credential: Credential) -> Credential:
        """Take up a credential in place of the one of its name; without its texts, where there is no room for them."""
        key, size = credential.key, _size(credential)
        self.release(key)
        if size <= LIGHT:
            return credential
        if self._taken[key.namespace] + size > MOST:
            problem = (
                f"the large credentials of namespace {key.namespace} take more than {MOST // 2**20} MiB of memory; "
                "shorten spec.secret.data, spec.secret.annotations and spec.sharedWith.namespaces, or delete some of "
                "them, then change this one"
            )
            return replace(credential, spec=refused_spec(credential.spec, problem), status=Status())
        self._of[key] = size
        self._taken[key.namespace] += size
        return credential

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
