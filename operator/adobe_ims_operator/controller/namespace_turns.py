"""Whose turn it is: namespaces take turns, and none of them holds all places.

Pure and synchronous: the time is passed in, and nobody waits here. `WorkQueue` and `Lane` are built on it.

- Within a namespace the lowest priority goes first, then the lowest order, then who came first.
- From its `urgent_at` on an item is urgent. It goes first in its namespace, and its namespace may go ahead of its turn,
  but at most at every second take.
- A namespace has at most half of the places while another has an item that could go. Alone it leaves a quarter free.
  So a newcomer starts at once, whatever one namespace holds: it never waits for the end of what another one began.
- An item that takes long leaves its place to others. A namespace that has some of these begins another only while few
  of all take long, and nobody else wants to go. The more take long, the fewer it may have at once, and holds up nobody.
- Namespaces that hung a while ago have at most half of all that may take long, where that is remembered; three quarters
  where it was once only. The rest is for those of which nothing bad is known, however many hang.
"""

import heapq
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from adobe_ims_operator.controller.places import LeftPlaces, most_slow
from adobe_ims_operator.controller.rings import LatestTurns, Rings
from adobe_ims_operator.controller.slow_namespaces import SlowNamespaces

URGENT = -1
"""Below every priority that a caller gives."""


class Namespaced(Hashable, Protocol):
    """A key of something that lives in a namespace."""

    @property
    def namespace(self) -> str:
        """The namespace."""


K = TypeVar("K", bound=Namespaced)


class _Entry(NamedTuple, Generic[K]):
    priority: int
    order: float
    arrival: int
    version: int
    """Unique, so that keys are never compared."""
    key: K


@dataclass(slots=True)
class _Namespace(Generic[K]):
    heap: list[_Entry[K]] = field(default_factory=list)
    """With entries that were replaced or removed; they go when they come to the top, or many at once."""
    waiting: int = 0
    urgent: int = 0
    in_flight: int = 0
    slow: int = 0
    """Of those in flight."""


class Turns(Generic[K]):
    """The items that wait and those that are in flight.

    Args:
        places: how many may be in flight.
        remembers: whether namespaces that hung are known for a while.
    """

    def __init__(self, places: int, *, remembers: bool = False) -> None:
        if places < 1:
            raise ValueError(f"{places} places: nothing could go")
        self._places = places
        self._half = max(places // 2, 1)
        self._alone = places - max(places // 4, 1) if places > 1 else 1
        self._few_slow = max(places // 16, 1)
        self._most_each = self._alone
        self._waiting: dict[K, _Entry[K]] = {}
        self._in_flight: dict[K, float] = {}  # with the moment of its take, later by what it waited for elsewhere
        self._slow: LeftPlaces[K] = LeftPlaces(most_slow(places))
        self._namespaces: dict[str, _Namespace[K]] = {}
        self._blocked: set[str] = set()
        latest = LatestTurns()
        self._below_half, self._from_half, self._slowed = Rings(latest), Rings(latest), Rings(latest)
        self._remembers = remembers
        self._hung = SlowNamespaces(most_slow(places) // 2)
        self.on_slow: Callable[[str], None] = lambda _: None
        """Takes a namespace where `is_slow` may have changed by what others do, or by time."""
        self._becoming_urgent: list[tuple[float, int, K]] = []
        self._count = 0
        self._jumped = False

    def __len__(self) -> int:
        """How many items wait."""
        return len(self._waiting)

    def __contains__(self, key: K) -> bool:
        """Whether an item waits."""
        return key in self._waiting

    def is_in_flight(self, key: K) -> bool:
        """Whether an item was taken and is not done."""
        return key in self._in_flight

    @property
    def in_flight(self) -> int:
        """How many items were taken and are not done."""
        return len(self._in_flight)

    @property
    def can_take(self) -> bool:
        """Whether `take` would return an item."""
        return self._next_rings() is not None

    def is_slow(self, namespace: str) -> bool:
        """Whether so many items of a namespace take long that it begins others only where nobody else wants to.

        So it is too where it hung a while ago, and those that did have all that they may.
        """
        state = self._namespaces.get(namespace)
        has_slow = state is not None and state.slow >= self._few_slow
        return has_slow or self._hung.holds_back(namespace)

    def add(self, key: K, priority: int = 0, order: float = 0.0, urgent_at: float | None = None) -> None:
        """Have an item wait; one that waits already gets the new values and keeps its order of arrival.

        Args:
            key: the item.
            priority: 0 or more; the lowest goes first.
            order: of one priority the lowest goes first.
            urgent_at: from when on it is urgent, in epoch seconds; None for never.

        Raises:
            ValueError: the item is in flight.
        """
        if key in self._in_flight:
            raise ValueError(f"{key} is in flight")
        arrival = self._waiting[key].arrival if key in self._waiting else self._next_count()
        self._withdraw(key)
        entry = self._push(key, priority, order, arrival)
        if urgent_at is not None:
            self._watch_for_urgency(urgent_at, entry)
        self._settle(key.namespace)

    def remove(self, key: K) -> None:
        """Drop an item that waits; one that is in flight stays so until it is done."""
        self._withdraw(key)
        self._settle(key.namespace)

    def take(self, now: float) -> K | None:
        """The item whose turn it is, which the caller gives back with `done`; None if none may go now."""
        self._turn_slow(self._hung.forget_old(now))
        self._notice_urgency(now)
        rings = self._next_rings()
        if rings is None:
            return None
        namespace = regular = rings.first
        if rings.urgent and not self._jumped:
            namespace = next(iter(rings.urgent))
        self._jumped = namespace != regular
        key = self._first(namespace)
        self._withdraw(key)
        self._in_flight[key] = now
        self._namespaces[namespace].in_flight += 1
        self._hung.changed(namespace, 1)
        rings.has_turn(namespace)
        self._settle(namespace)
        self._share()
        return key

    def leave_place(self, key: K) -> None:
        """An item in flight leaves its place to others, as it takes long; where too many left theirs, once one ends."""
        if key in self._in_flight and self._slow.leave(key):
            self._left(key)
            self._share()

    def waited(self, key: K, seconds: float) -> None:
        """An item in flight waited for its turn elsewhere for so long: for that long it did not hang."""
        if key in self._in_flight:
            self._in_flight[key] += max(seconds, 0.0)

    def done(self, key: K, now: float | None = None) -> None:
        """End what `take` began, at `now` if it may have hung; no matter if it was ended before."""
        if key not in self._in_flight:
            return
        began = self._in_flight.pop(key)
        state = self._namespaces[key.namespace]
        state.in_flight -= 1
        self._hung.changed(key.namespace, -1)
        if self._remembers and now is not None:
            self._hung.ended(key.namespace, now, now - began, state.in_flight)
        state.slow -= key in self._slow
        if (following := self._slow.end(key)) is not None:
            self._left(following)
        self._settle(key.namespace)
        self._share()

    def block(self, namespace: str) -> None:
        """Let no item of a namespace go until `unblock`; its items wait and hold up no other's."""
        self._blocked.add(namespace)
        self._settle(namespace)

    def unblock(self, namespace: str) -> None:
        """Let the items of a namespace go again."""
        self._blocked.discard(namespace)
        self._settle(namespace)

    def _left(self, key: K) -> None:
        self._namespaces[key.namespace].slow += 1
        self._settle(key.namespace)

    def _next_rings(self) -> Rings | None:
        """From which the next is taken; None where none may go."""
        if len(self._in_flight) - len(self._slow) >= self._places:
            return None
        if self._below_half:
            return self._below_half
        if self._from_half:
            return self._from_half
        return self._slowed if self._slowed and len(self._slow) < self._places else None

    def _share(self) -> None:
        """Halve what each namespace may have at once with each quarter of the places that take long."""
        few = max(self._places // 16, 1) if len(self._slow) < self._places else 1
        most = max(self._alone >> (4 * len(self._slow) // self._places), few)
        before = self._few_slow, self._most_each
        self._few_slow, self._most_each = few, most
        if few != before[0]:
            self._turn_slow(list(self._namespaces))
        elif most != before[1]:
            for namespace in list(self._namespaces):
                self._settle(namespace)
        if self._hung.settle():
            self._turn_slow(self._hung)

    def _turn_slow(self, namespaces: Iterable[str]) -> None:
        """What holds for these is another by now."""
        for namespace in namespaces:
            self._settle(namespace)
            self.on_slow(namespace)

    def _next_count(self) -> int:
        self._count += 1
        return self._count

    def _push(self, key: K, priority: int, order: float, arrival: int) -> _Entry[K]:
        state = self._namespaces.setdefault(key.namespace, _Namespace())
        entry = _Entry(priority, order, arrival, self._next_count(), key)
        self._waiting[key] = entry
        state.waiting += 1
        state.urgent += priority == URGENT
        if len(state.heap) > 2 * state.waiting + 16:
            state.heap = [kept for kept in state.heap if self._waiting.get(kept.key) is kept]
            heapq.heapify(state.heap)
        heapq.heappush(state.heap, entry)
        return entry

    def _withdraw(self, key: K) -> None:
        if (entry := self._waiting.pop(key, None)) is not None:
            state = self._namespaces[key.namespace]
            state.waiting -= 1
            state.urgent -= entry.priority == URGENT

    def _first(self, namespace: str) -> K:
        heap = self._namespaces[namespace].heap
        while self._waiting.get(heap[0].key) is not heap[0]:
            heapq.heappop(heap)
        return heapq.heappop(heap).key

    def _watch_for_urgency(self, urgent_at: float, entry: _Entry[K]) -> None:
        if len(self._becoming_urgent) > 2 * len(self._waiting) + 64:
            self._becoming_urgent = [kept for kept in self._becoming_urgent if self._is_current(kept[1], kept[2])]
            heapq.heapify(self._becoming_urgent)
        heapq.heappush(self._becoming_urgent, (urgent_at, entry.version, entry.key))

    def _is_current(self, version: int, key: K) -> bool:
        return key in self._waiting and self._waiting[key].version == version

    def _notice_urgency(self, now: float) -> None:
        while self._becoming_urgent and self._becoming_urgent[0][0] <= now:
            _, version, key = heapq.heappop(self._becoming_urgent)
            if self._is_current(version, key):
                entry = self._waiting[key]
                self._withdraw(key)
                self._push(key, URGENT, entry.order, entry.arrival)
                self._settle(key.namespace)

    def _settle(self, namespace: str) -> None:
        """Have a namespace where it belongs after a change; what is there already keeps its turn."""
        state = self._namespaces.get(namespace)
        if state is None:
            return
        may_go = state.waiting > 0 and namespace not in self._blocked
        slowed = may_go and self.is_slow(namespace) and state.in_flight < self._alone
        may_go = may_go and not slowed and state.in_flight < self._most_each
        below = may_go and state.in_flight < self._half
        above = may_go and state.in_flight >= self._half
        self._slowed.place(namespace, waiting=slowed, urgent=slowed and state.urgent > 0)
        self._below_half.place(namespace, waiting=below, urgent=below and state.urgent > 0)
        self._from_half.place(namespace, waiting=above, urgent=above and state.urgent > 0)
        if not state.waiting and not state.in_flight:
            del self._namespaces[namespace]
