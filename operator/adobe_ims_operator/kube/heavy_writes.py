"""Writes of objects with very many labels, annotations or owners: one at a time with a pause after each, in fair turns.

The API server checks each of these at each write, also of a status, which takes it a hundred times as long as usual.
Many at once would each take longer than a request may, and the operator would send them again and again.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from adobe_ims_operator.kube.fair_turns import FairTurns, Place
from adobe_ims_operator.kube.remembered_paths import RememberedPaths

MANY = 128
"""Entries of metadata of which a write takes the API server more than some milliseconds."""
LONGEST_PAUSE = 1.0
"""Seconds: what takes longer hangs rather than works."""
KNOWN = 100_000
"""Objects that are remembered; each of them takes more room in etcd than here."""
_LISTS = ("labels", "annotations", "ownerReferences", "finalizers")


class HeavyWrites:
    """Which objects are heavy, and whose turn it is.

    Args:
        counter: seconds that never go back.
    """

    def __init__(self, counter: Callable[[], float] = time.perf_counter) -> None:
        self._counter = counter
        self._turns = FairTurns(counter)
        self._known = RememberedPaths(KNOWN)

    def note(self, path: str, metadata: Mapping[str, Any], *, gone: bool = False) -> None:
        """Take note of the metadata of an object as a watch brings it."""
        if not gone and sum(len(metadata.get(name) or ()) for name in _LISTS) >= MANY:
            self._known.add(path)
        else:
            self._known.discard(path)

    @asynccontextmanager
    async def turn(self, path: str) -> AsyncIterator[None]:
        """Write the status of an object in its turn, if it is heavy.

        Raises:
            PutOffError: it is not its turn, and the work that writes is put off; nothing was sent.
        """
        if path.removesuffix("/status") not in self._known:
            yield
            return
        await self._turns.take(path)
        started = self._counter()
        try:
            yield
        finally:
            self._turns.release_after(min(self._counter() - started, LONGEST_PAUSE))

    def ended(self, place: Place) -> None:
        """Work ended."""
        self._turns.ended(place)
