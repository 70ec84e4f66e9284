"""How much memory large credentials may take, as all that are watched are kept in it: a share for each namespace."""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from adobe_ims_operator.api.resource import Credential, Key, Spec, refused_spec
from adobe_ims_operator.api.status import Status

LIGHT = 16 * 1024
"""Bytes in memory of the texts of a credential that is not counted: thousands of those are no burden."""
MOST = 32 * 2**20
"""Bytes in memory of the texts of all others of a namespace."""
SHARED = 64 * 2**20
"""What all namespaces share: while there is some left, each may have `MOST`; then an nth, with n that have large ones.

What was taken before there were so many stays, so a hundred of them come to 300 MiB, and twenty to 200; beside that the
status of each may grow to `LIGHT`.
"""


class Budget:
    """What each namespace takes of its budget."""

    def __init__(self) -> None:
        self._of: dict[Key, int] = {}
        self._specs: dict[Key, int] = {}
        """What the spec of each takes of that."""
        self._taken: Counter[str] = Counter()
        self._in_all = 0
        self._refused: dict[Key, tuple[Spec, int]] = {}
        """Those for which there was no room: what stands for their spec, and what they would take."""

    def admit(self, credential: Credential) -> Credential:
        """Take up a credential in place of the one of its name; without its texts, where there is no room for them.

        One that was taken up stays so while its spec does not grow, and its status is not larger than ours are.
        """
        key, of_spec = credential.key, _size(_spec_texts(credential))
        size = of_spec + _size(_status_texts(credential))
        before, spec_before = self._of.get(key, 0), self._specs.get(key, 0)
        if key in self._refused and credential.spec is self._refused[key][0]:
            return credential
        self.release(key)
        if size <= LIGHT:
            return credential
        stays = size <= before or (of_spec <= spec_before and size - of_spec <= LIGHT)
        if not stays and not self._fits(key.namespace, size):
            refused = refused_spec(credential.spec, _problem(key, self._share(key.namespace, size)))
            self._refused[key] = refused, size
            return replace(credential, spec=refused, status=Status())
        self._of[key], self._specs[key] = size, of_spec
        self._taken[key.namespace] += size
        self._in_all += size
        return credential

    def fitting(self) -> list[Key]:
        """Those for each of which there is room by now, though there was none when it came."""
        return list(filter(self.has_room_for, self._refused))

    def has_room_for(self, key: Key) -> bool:
        """Whether that is so of one credential."""
        return key in self._refused and self._fits(key.namespace, self._refused[key][1])

    def _fits(self, namespace: str, size: int) -> bool:
        return self._taken[namespace] + size <= self._share(namespace, size)

    def _share(self, namespace: str, size: int) -> float:
        if self._in_all + size <= SHARED:
            return MOST
        return min(MOST, SHARED / len({*self._taken, namespace}))

    def release(self, key: Key) -> None:
        """Give back what a credential takes."""
        self._refused.pop(key, None)
        size = self._of.pop(key, 0)
        self._specs.pop(key, None)
        self._in_all -= size
        self._taken[key.namespace] -= size
        if not self._taken[key.namespace]:
            del self._taken[key.namespace]


def _problem(key: Key, most: float) -> str:
    return (
        f"the large credentials of namespace {key.namespace} take more than {most / 2**20:.3g} MiB of memory; "
        "shorten spec.secret.data, spec.secret.annotations and spec.sharedWith.namespaces, or delete some of "
        "them; the operator looks again within ten minutes, and at once where this one changes"
    )


def _size(texts: Iterator[str]) -> int:
    return sum(sys.getsizeof(text) for text in texts)


def _spec_texts(credential: Credential) -> Iterator[str]:
    secret = credential.spec.secret
    for texts in (secret.data, secret.annotations, secret.labels):
        yield from texts.keys()
        yield from texts.values()
    yield from credential.spec.shared_with.namespaces


def _status_texts(credential: Credential) -> Iterator[str]:
    for condition in credential.status.conditions:
        yield from (condition.type, condition.reason, condition.message)
    for restart in credential.status.restarts:
        yield from (restart.name, restart.rotation, restart.reason, restart.message or "")
