"""The one schedule: which key is due when, and who works on what.

The contract, which is that of client-go's workqueue with due times: a key that is in work is not handed out
again; what is asked for it meanwhile is handed out once after. Keys live in lanes, one for each endpoint, so that
a slow endpoint holds up nobody else's; within a lane the lowest rank goes first, and equals go in order.
It knows neither credentials nor why they are due, and does no I/O.
"""

import asyncio
import heapq
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, NamedTuple, TypeVar

Rank = tuple[float, ...]
K = TypeVar("K", bound=Hashable)

STEP_BACK = 30.0
"""Seconds that the wall clock must lose for all due times to be in doubt."""
LONGEST_NAP = 5.0
"""Seconds after which the wall clock is read again: it may have jumped, or the machine may have slept."""


class Place(NamedTuple):
    """Where a key that is due waits."""

    lane: str
    rank: Rank
    """Of one lane the lowest goes first."""
    until: float | None = None
    """When it is to be placed anew, in epoch seconds."""
    begun: bool = False
    """Whether it is in the middle of its work, which is handed out after `close` too."""


@dataclass(slots=True)
class _Lane(Generic[K]):
    ready: list[tuple[Rank, float, int, K, bool]] = field(default_factory=list)
    filled: asyncio.Condition = field(default_factory=asyncio.Condition)


class Schedule(Generic[K]):
    """Keys and their due times (epoch seconds), handed out lane by lane.

    Args:
        clock: the wall clock, in epoch seconds.
        steady: seconds that never go back, to tell when the wall clock was set back.
        place: where a key waits that is due now.
    """

    def __init__(self, clock: Callable[[], float], steady: Callable[[], float], place: Callable[[K], Place]) -> None:
        self._clock = clock
        self._steady = steady
        self._ahead = clock() - steady()
        self._place = place
        self._waiting: list[tuple[float, int, K]] = []
        self._due: dict[K, float] = {}
        self._ready: dict[K, tuple[int, float]] = {}  # with the moment when they fell due
        self._in_work: set[K] = set()
        self._lanes: dict[str, _Lane[K]] = {}
        self._order = count()
        self._changed = asyncio.Event()
        self._paused = False
        self.closed = False
        """Whether `close` was called."""

    def __len__(self) -> int:
        """How many keys are known: waiting, ready or in work."""
        return len(self._due.keys() | self._ready.keys() | self._in_work)

    def at(self, key: K, due: float) -> None:
        """Hand out `key` at `due` (epoch seconds) instead of when it was due before.

        One that is due already stays due since when it is, and is placed anew: its lane or its rank may be another.
        """
        if key in self._ready:
            due = self._ready.pop(key)[1]
        self._due[key] = due
        if key not in self._in_work:
            self._push(key, due)

    def now(self, key: K) -> None:
        """Hand out `key` as soon as there is a worker for it."""
        self.at(key, self._clock())

    def discard(self, key: K) -> None:
        """Forget `key`; a worker that has it may finish."""
        self._due.pop(key, None)
        self._ready.pop(key, None)

    async def take(self, lane: str) -> K | None:
        """Wait for the next key of a lane, which the caller must give back with `done`; None for no more."""
        queue = self._lanes.setdefault(lane, _Lane())
        async with queue.filled:
            while True:
                while queue.ready and not self._paused:
                    _, _, order, key, begun = heapq.heappop(queue.ready)
                    if not self._is_current(order, key) or (self.closed and not begun):
                        continue
                    del self._ready[key]
                    self._in_work.add(key)
                    return key
                if self.closed:
                    return None
                await queue.filled.wait()

    def done(self, key: K, again_at: float | None) -> None:
        """End the work on `key`; it is handed out at `again_at`, or earlier if that was asked for meanwhile."""
        self._in_work.discard(key)
        asked = [due for due in (again_at, self._due.get(key)) if due is not None]
        if asked:
            self.at(key, min(asked))

    def pause(self) -> None:
        """Hand out nothing until `resume`."""
        self._paused = True

    def resume(self) -> None:
        """Hand out again; what has become due meanwhile is placed anew, as its rank may be another."""
        self._paused = False
        self._begin_anew(list(self._ready))

    @property
    def late(self) -> float:
        """Seconds that the first of those that wait is past its due time: no more than a moment, unless `run` hangs."""
        return max(self._clock() - self._waiting[0][0], 0.0) if self._waiting else 0.0

    @property
    def backlog(self) -> float:
        """Seconds for which the first of those that are due has waited for a worker; 0 while nothing is handed out."""
        if self._paused or not self._ready:
            return 0.0
        return max(self._clock() - min(since for _, since in self._ready.values()), 0.0)

    async def close(self) -> None:
        """Hand out nothing more but what is due and begun; then whoever asks for a key gets None."""
        await self._move_due()
        self.closed = True
        for lane in self._lanes.values():
            async with lane.filled:
                lane.filled.notify_all()

    async def run(self) -> None:
        """Move keys that fall due to their lanes, for ever."""
        while True:
            self._notice_step_back()
            await self._move_due()
            nap = min(self._waiting[0][0] - self._clock(), LONGEST_NAP) if self._waiting else LONGEST_NAP
            try:
                async with asyncio.timeout(max(nap, 0)):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()

    def _notice_step_back(self) -> None:
        # What was due by a clock that went wrong is looked at anew: it may lie a day ahead now.
        ahead, self._ahead = self._ahead, self._clock() - self._steady()
        if self._ahead < ahead - STEP_BACK:
            self._begin_anew([*self._due, *self._ready])

    def _begin_anew(self, keys: list[K]) -> None:
        for key in keys:
            self._ready.pop(key, None)
            self.now(key)

    def _is_current(self, order: int, key: K) -> bool:
        return key in self._ready and self._ready[key][0] == order

    def _clear_away(self, queue: _Lane[K]) -> None:
        # Entries that were superseded go when they are popped, and while paused nobody pops.
        if len(queue.ready) > 4 * len(self._ready) + 64:
            queue.ready = [entry for entry in queue.ready if self._is_current(*entry[2:4])]
            heapq.heapify(queue.ready)

    def _push(self, key: K, due: float) -> None:
        # An entry that was superseded stays in the heap until it is due; many of them are cleared away at once.
        if len(self._waiting) > 4 * (len(self._due) + len(self._ready)) + 64:
            self._waiting = [
                (at, order, k) for at, order, k in self._waiting if self._due.get(k) == at or self._is_current(order, k)
            ]
            heapq.heapify(self._waiting)
        heapq.heappush(self._waiting, (due, next(self._order), key))
        self._changed.set()

    async def _move_due(self) -> None:
        now = self._clock()
        filled: dict[str, int] = {}
        while self._waiting and self._waiting[0][0] <= now:
            due, order, key = heapq.heappop(self._waiting)
            if self._is_current(order, key):
                lane = self._line_up(key, now, since=self._ready[key][1])
            elif self._due.get(key) == due and key not in self._in_work:
                del self._due[key]
                lane = self._line_up(key, now, since=due)
            else:
                continue
            filled[lane] = filled.get(lane, 0) + 1
        for lane, keys in filled.items():
            queue = self._lanes[lane]
            async with queue.filled:
                queue.filled.notify(keys)

    def _line_up(self, key: K, now: float, since: float) -> str:
        place, order = self._place(key), next(self._order)
        queue = self._lanes.setdefault(place.lane, _Lane())
        heapq.heappush(queue.ready, (place.rank, since, order, key, place.begun))
        self._ready[key] = order, since
        self._clear_away(queue)
        if place.until is not None and place.until > now:
            heapq.heappush(self._waiting, (place.until, order, key))
        return place.lane
