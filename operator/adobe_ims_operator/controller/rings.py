"""The namespaces that may go, in the order of their turns."""

from collections import OrderedDict

MOST_REMEMBERED = 10_000
"""Namespaces whose latest turn is known; of any other it counts as long ago."""


class LatestTurns:
    """When each namespace had its latest turn, as the number of the turn."""

    def __init__(self) -> None:
        self._numbers: OrderedDict[str, int] = OrderedDict()
        self._count = 0

    def of(self, namespace: str) -> int:
        """The number; 0 where it had none, or long ago."""
        return self._numbers.get(namespace, 0)

    def had(self, namespace: str) -> None:
        """A namespace has its turn."""
        self._count += 1
        self._numbers[namespace] = self._count
        self._numbers.move_to_end(namespace)
        if len(self._numbers) > MOST_REMEMBERED:
            self._numbers.popitem(last=False)


class Rings:
    """The namespaces, and those of them that have urgent items.

    Who comes in waits for a turn of each that is in. But who had none since the next of those had its latest goes
    before them: so who wants little waits for none of those that always want more.
    """

    def __init__(self, latest: LatestTurns) -> None:
        self._latest = latest
        self._fresh: OrderedDict[str, None] = OrderedDict()
        self._regular: OrderedDict[str, None] = OrderedDict()
        self.urgent: OrderedDict[str, None] = OrderedDict()

    def __bool__(self) -> bool:
        """Whether any may go."""
        return bool(self._fresh or self._regular)

    @property
    def first(self) -> str:
        """Whose turn it is, of at least one."""
        return next(iter(self._fresh or self._regular))

    def place(self, namespace: str, *, waiting: bool, urgent: bool) -> None:
        """Have a namespace in, or out; one that is in keeps its turn."""
        if not waiting:
            self._fresh.pop(namespace, None)
            self._regular.pop(namespace, None)
        elif namespace not in self._fresh and namespace not in self._regular:
            (self._fresh if self._is_fresh(namespace) else self._regular)[namespace] = None
        if urgent:
            self.urgent.setdefault(namespace)
        else:
            self.urgent.pop(namespace, None)

    def has_turn(self, namespace: str) -> None:
        """A namespace that is in has its turn, and comes last."""
        self._latest.had(namespace)
        if namespace in self.urgent:
            self.urgent.move_to_end(namespace)
        self._fresh.pop(namespace, None)
        self._regular[namespace] = None
        self._regular.move_to_end(namespace)

    def _is_fresh(self, namespace: str) -> bool:
        following = next(iter(self._regular), None)
        return following is not None and self._latest.of(namespace) < self._latest.of(following)
