"""The places of work: how many there are, and what takes long and left its own to others."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


def places_for(alone: int) -> int:
    """How many places there must be for one namespace to have so many of them while no other wants any."""
    return alone + max(alone // 3, 1)


def most_slow(places: int) -> int:
    """How many items may take long beside those that hold the places."""
    return 4 * places


class LeftPlaces(Generic[K]):
    """The items that left their places.

    Args:
        most: how many may have left theirs; others keep them until one of these ends.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._left: set[K] = set()
        self._would: OrderedDict[K, None] = OrderedDict()

    def __len__(self) -> int:
        """How many left their places."""
        return len(self._left)

    def __contains__(self, key: K) -> bool:
        """Whether an item left its place."""
        return key in self._left

    def leave(self, key: K) -> bool:
        """Have an item leave its place, now or once there is room; whether it left it now."""
        if key in self._left:
            return False
        if len(self._left) >= self._most:
            self._would.setdefault(key)
            return False
        self._left.add(key)
        return True

    def end(self, key: K) -> K | None:
        """An item ended; the one that leaves its place because of that."""
        self._would.pop(key, None)
        if key not in self._left:
            return None
        self._left.discard(key)
        if not self._would:
            return None
        following, _ = self._would.popitem(last=False)
        self._left.add(following)
        return following
