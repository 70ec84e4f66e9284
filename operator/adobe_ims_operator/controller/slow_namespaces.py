"""Which namespaces had work that hung a short while ago, and how much of it is under way: more is likely to hang."""

from collections import OrderedDict
from collections.abc import Iterator

HANGS = 5.0
"""Seconds after which work is taken to hang; what takes less may be slow because others load what it waits for."""
REMEMBERED = 300.0
"""Seconds since the latest such work."""


class SlowNamespaces:
    """The namespaces, each with the moment of its latest work that hung, in epoch seconds.

    Args:
        most: how much work for all of them may be under way, before they are held back until a quarter of it ended.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._since: OrderedDict[str, float] = OrderedDict()
        self._under_way: dict[str, int] = {}
        self._total = 0
        self._are_held_back = False

    def __contains__(self, namespace: str) -> bool:
        """Whether some work of a namespace hung."""
        return namespace in self._since

    def __iter__(self) -> Iterator[str]:
        """All of them."""
        return iter(list(self._since))

    def holds_back(self, namespace: str) -> bool:
        """Whether it hung, and those that did have all that they may."""
        return self._are_held_back and namespace in self._since

    def note(self, namespace: str, now: float, under_way: int) -> None:
        """Some work of a namespace hung; so much more of it is under way."""
        if namespace not in self._since:
            self._under_way[namespace] = under_way
            self._total += under_way
        self._since[namespace] = now
        self._since.move_to_end(namespace)

    def changed(self, namespace: str, by: int) -> None:
        """Some work of a namespace began or ended."""
        if namespace in self._since:
            self._under_way[namespace] += by
            self._total += by

    def forget_old(self, now: float) -> list[str]:
        """Forget those that are fast by now; they. Where the clock was set back, all are forgotten."""
        forgotten = []
        while self._since:
            namespace, since = next(iter(self._since.items()))
            if 0 <= now - since < REMEMBERED:
                break
            del self._since[namespace]
            self._total -= self._under_way.pop(namespace)
            forgotten.append(namespace)
        return forgotten

    def settle(self) -> bool:
        """Hold them back or not, by what is under way; whether that changed."""
        before = self._are_held_back
        self._are_held_back = self._total >= (self._most * 3 // 4 if before else self._most)
        return self._are_held_back != before
