"""For how long there has been no Secret of a name, as far as the watches have shown it.

So it is known that no pod can have started with an earlier Secret of that name. What is not known counts as a Secret
that was there a moment ago.
"""

import time
from collections import Counter
from collections.abc import Callable

from adobe_ims_operator.api.resource import Key

LONGEST_SECONDS = 3600.0
"""A longer absence counts as this one, so deletions are remembered for no longer."""
MAX_DELETIONS = 256
"""Deletions in a namespace that are remembered at most; with more of them, all of its names count as deleted."""


class Absences:
    """When Secrets were deleted, of those names that have none.

    Args:
        monotonic: seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._listed: dict[str | None, float] = {}
        # Both in the order of their moments.
        self._deleted: dict[Key, float] = {}
        self._too_many: dict[str, float] = {}
        self._counts: Counter[str] = Counter()

    def listed(self, namespace: str | None) -> None:
        """All Secrets of a namespace (None: of all) are known from now on."""
        self._listed[namespace] = self._monotonic()

    def deleted(self, key: Key) -> None:
        """A Secret was deleted."""
        now = self._monotonic()
        self._prune(now)
        if self._deleted.pop(key, None) is None:
            if self._counts[key.namespace] >= MAX_DELETIONS:
                self._too_many.pop(key.namespace, None)
                self._too_many[key.namespace] = now
                return
            self._counts[key.namespace] += 1
        self._deleted[key] = now

    def seconds(self, key: Key) -> float:
        """For how long there has been no Secret of that name, where there is none now; 0 where that is not known."""
        now = self._monotonic()
        listed = [self._listed[each] for each in (key.namespace, None) if each in self._listed]
        since = [*listed, *filter(None, (self._deleted.get(key), self._too_many.get(key.namespace)))]
        return min(now - max(since), LONGEST_SECONDS) if listed else 0.0

    def _prune(self, now: float) -> None:
        while self._deleted and now - self._deleted[oldest := next(iter(self._deleted))] > LONGEST_SECONDS:
            del self._deleted[oldest]
            self._counts[oldest.namespace] -= 1
            if not self._counts[oldest.namespace]:
                del self._counts[oldest.namespace]
        while self._too_many and now - self._too_many[first := next(iter(self._too_many))] > LONGEST_SECONDS:
            del self._too_many[first]
