"""Which namespaces had work that hung a short while ago, and how much of it is under way: more is likely to hang."""

import heapq
from collections.abc import Iterator

HANGS = 5.0
"""Seconds after which work is taken to hang; what takes less may be slow because others load what it waits for."""
REMEMBERED = 300.0
"""Seconds for which it is remembered at most."""
TIMES = 20
"""How much longer than it hung it is remembered: once for a moment may be the API server's fault."""


class SlowNamespaces:
    """The namespaces, each with the moment until which it is remembered, in epoch seconds.

    Args:
        most: how much work for all of them may be under way, before they are held back until a quarter of it ended.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._until: dict[str, float] = {}
        self._ends: list[tuple[float, str]] = []  # a heap, with those that were replaced
        self._under_way: dict[str, int] = {}
        self._total = 0
        self._are_held_back = False

    def __contains__(self, namespace: str) -> bool:
        """Whether some work of a namespace hung."""
        return namespace in self._until

    def __iter__(self) -> Iterator[str]:
        """All of them; the one that hung last comes last."""
        return iter(list(self._until))

    def holds_back(self, namespace: str) -> bool:
        """Whether it hung, and those that did have all that they may."""
        return self._are_held_back and namespace in self._until

    def note(self, namespace: str, now: float, seconds: float, under_way: int) -> None:
        """Some work of a namespace hung for so long; so much more of it is under way."""
        if namespace not in self._until:
            self._under_way[namespace] = under_way
            self._total += under_way
        before = self._until.pop(namespace, now)  # it comes in at the end, as the one that hung last
        self._until[namespace] = until = max(now + min(TIMES * seconds, REMEMBERED), before)
        if until != before:
            heapq.heappush(self._ends, (until, namespace))

    def changed(self, namespace: str, by: int) -> None:
        """Some work of a namespace began or ended."""
        if namespace in self._until:
            self._under_way[namespace] += by
            self._total += by

    def forget_old(self, now: float) -> list[str]:
        """Forget those that are fast by now; they. Where the clock was set back, all are forgotten."""
        forgotten = []
        while self._ends:
            until, namespace = self._ends[0]
            if 0 < until - now < REMEMBERED + 1:  # else the clock was set back
                break
            heapq.heappop(self._ends)
            if self._until.get(namespace) != until:
                continue
            del self._until[namespace]
            self._total -= self._under_way.pop(namespace)
            forgotten.append(namespace)
        return forgotten

    def settle(self) -> bool:
        """Hold them back or not, by what is under way; whether that changed."""
        before = self._are_held_back
        self._are_held_back = self._total >= (self._most * 3 // 4 if before else self._most)
        return self._are_held_back != before
