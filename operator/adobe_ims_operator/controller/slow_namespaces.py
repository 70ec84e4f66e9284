"""Which namespaces had work that took long a short while ago: more of it is likely to."""

from collections import OrderedDict
from collections.abc import Iterator

REMEMBERED = 300.0
"""Seconds since the latest such work."""


class SlowNamespaces:
    """The namespaces, each with the moment of its latest work that took long, in epoch seconds."""

    def __init__(self) -> None:
        self._since: OrderedDict[str, float] = OrderedDict()

    def __contains__(self, namespace: str) -> bool:
        """Whether some work of a namespace took long."""
        return namespace in self._since

    def __iter__(self) -> Iterator[str]:
        """All of them."""
        return iter(list(self._since))

    def note(self, namespace: str, now: float) -> None:
        """Some work of a namespace takes long."""
        self._since[namespace] = now
        self._since.move_to_end(namespace)

    def forget_old(self, now: float) -> list[str]:
        """Forget those that are fast by now; they. Where the clock was set back, all are forgotten."""
        forgotten = []
        while self._since:
            namespace, since = next(iter(self._since.items()))
            if 0 <= now - since < REMEMBERED:
                break
            del self._since[namespace]
            forgotten.append(namespace)
        return forgotten
