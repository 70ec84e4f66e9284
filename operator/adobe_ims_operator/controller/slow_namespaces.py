"""Which namespaces had work that hung a short while ago, and how much of it is under way: more is likely to hang."""

import heapq
from collections.abc import Iterator

HANGS = 5.0
"""Seconds after which work is taken to hang; what takes less may be slow because others load what it waits for."""
REMEMBERED = 300.0
"""Seconds for which it is remembered at most."""
QUICK = 0.5
"""Seconds within which work ends that waits for nothing that hangs."""
ONCE = 60.0
"""Seconds within which all work that hangs counts as once: the API server may be slow for a while."""
TIMES = 20
"""How much longer than it hung it is remembered: once for a moment may be the API server's fault."""


class SlowNamespaces:
    """The namespaces, each with the moment until which it is remembered, in epoch seconds.

    Those that did something quickly since they hung are eased: the others leave some of what may take long to them.
    So whom the API server let hang once waits for none of those that hang again and again, which are not eased,
    however much they do quickly in between.

    Args:
        most: how much work for those that are not eased may be under way, before they are held back until a quarter of
            it ended. All are held back so from one and a half times as much for all of them on.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._until: dict[str, float] = {}
        self._ends: list[tuple[float, str]] = []  # a heap, with those that were replaced
        self._under_way: dict[str, int] = {}
        self._total = 0
        self._total_eased = 0
        self._are_held_back = False
        self._others_are_held_back = False  # those that are not eased
        self._first: dict[str, float] = {}  # when each was noted
        self._is_eased: dict[str, bool] = {}  # False where it hung again; others did nothing quickly yet

    def __contains__(self, namespace: str) -> bool:
        """Whether some work of a namespace hung."""
        return namespace in self._until

    def __iter__(self) -> Iterator[str]:
        """All of them; the one that hung last comes last."""
        return iter(list(self._until))

    def holds_back(self, namespace: str) -> bool:
        """Whether it hung, and those that did have all that they may."""
        is_held_back = self._are_held_back or (self._others_are_held_back and not self._is_eased.get(namespace))
        return is_held_back and namespace in self._until

    def ended(self, namespace: str, now: float, seconds: float, under_way: int) -> None:
        """Some work of a namespace ended after so long; so much more of it is under way."""
        if seconds >= HANGS:
            self._note(namespace, now, seconds, under_way)
        elif seconds < QUICK and namespace in self._until and namespace not in self._is_eased:
            self._is_eased[namespace] = True
            self._total_eased += self._under_way[namespace]

    def _note(self, namespace: str, now: float, seconds: float, under_way: int) -> None:
        if now - self._first.setdefault(namespace, now) >= ONCE:
            if self._is_eased.get(namespace):
                self._total_eased -= self._under_way[namespace]
            self._is_eased[namespace] = False
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
            self._total_eased += by if self._is_eased.get(namespace) else 0

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
            del self._first[namespace]
            under_way = self._under_way.pop(namespace)
            self._total -= under_way
            self._total_eased -= under_way if self._is_eased.pop(namespace, False) else 0
            forgotten.append(namespace)
        return forgotten

    def settle(self) -> bool:
        """Hold them back or not, by what is under way; whether that changed."""
        before = self._are_held_back, self._others_are_held_back
        self._are_held_back = _reaches(self._total, self._most * 3 // 2, before[0])
        self._others_are_held_back = _reaches(self._total - self._total_eased, self._most, before[1])
        return (self._are_held_back, self._others_are_held_back) != before


def _reaches(total: int, most: int, did_before: bool) -> bool:
    return total >= (most * 3 // 4 if did_before else most)
