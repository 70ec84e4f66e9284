"""The work queue: which key is due when, and that no two workers have the same key.

The contract is that of client-go's workqueue: a key in work is not handed out again; what is added meanwhile is handed
out once after. The queue is given keys and never asks: it knows neither credentials nor why they are due. Whose turn it
is among the keys that are due is up to `Turns`.
"""

import asyncio
import heapq
from collections.abc import Callable
from enum import IntEnum
from typing import Generic

from adobe_ims_operator.controller.namespace_turns import K, Turns
from adobe_ims_operator.controller.waiters import Waiters

STEP_BACK = 30.0
"""Seconds that the wall clock must lose for all due times to be in doubt."""
LONGEST_NAP = 5.0
"""Seconds after which the wall clock is read again: it may have jumped, or the machine may have slept."""


class Priority(IntEnum):
    """What goes first within a namespace."""

    IN_HAND = 0
    """A token came and is to be written: urgent, and handed out after `shut_down` too."""
    NORMAL = 1


class WorkQueue(Generic[K]):
    """Keys that are due, or will be (epoch seconds).

    Args:
        workers: how many keys may be in work.
        clock: the wall clock, in epoch seconds.
        monotonic: seconds that never go back, to notice that the wall clock was set back.
        longest_nap: seconds after which the wall clock is read again.
        remembers: whether namespaces whose work hung are known for a while.
    """

    def __init__(
        self,
        workers: int,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        longest_nap: float = LONGEST_NAP,
        *,
        remembers: bool = True,
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._longest_nap = longest_nap
        self._ahead = clock() - monotonic()
        self._turns: Turns[K] = Turns(workers, remembers=remembers)
        self._ready: dict[K, tuple[float, Priority]] = {}  # with the moment when they fell due
        self._due: dict[K, tuple[float, Priority]] = {}  # of those that are not due, and of those in work
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0
        self._waiters = Waiters()
        self._earlier = asyncio.Event()
        self._paused = False
        self._shut_down = False

    def __len__(self) -> int:
        """How many keys are known: due later, ready or in work."""
        idle = sum(not self._turns.is_in_flight(key) for key in self._due)
        return idle + len(self._ready) + self._turns.in_flight

    @property
    def depth(self) -> int:
        """How many keys wait for a worker."""
        return len(self._ready)

    @property
    def late(self) -> float:
        """Seconds that the first of those due later is past its due time: no more than a moment, unless `run` hangs."""
        return max(self._clock() - self._heap[0][0], 0.0) if self._heap else 0.0

    @property
    def backlog(self) -> float:
        """Seconds for which the first of those that are due has waited for a worker; 0 while nothing is handed out."""
        if self._paused or not self._ready:
            return 0.0
        return max(self._clock() - min(since for since, _ in self._ready.values()), 0.0)

    def add(self, key: K, priority: Priority = Priority.NORMAL) -> None:
        """Hand out a key as soon as there is a worker for it; a higher priority that it has already stands."""
        self.add_at(key, self._clock(), priority)

    def add_at(self, key: K, due: float, priority: Priority = Priority.NORMAL) -> None:
        """Hand out a key at `due`, or earlier where that was asked for: an early look costs little, a late one a lot.

        After `shut_down` only a token in hand that is due is taken.
        """
        now = self._clock()
        if self._shut_down and (priority is not Priority.IN_HAND or due > now):
            return
        if key in self._ready:
            if due <= now:
                self._make_ready(key, *self._ready[key], priority)
            return
        if key in self._due:
            known, known_priority = self._due[key]
            due, priority = min(due, known), min(priority, known_priority)
        if due > now or self._turns.is_in_flight(key):
            self._wait_until(key, due, priority)
        else:
            self._due.pop(key, None)
            self._make_ready(key, due, priority)

    async def get(self) -> K | None:
        """Wait for the next key, which the caller gives back with `done`; None after `shut_down`: there is no more."""
        while True:
            if not self._paused:
                self._move_due()
                if (key := self._turns.take(self._clock())) is not None:
                    del self._ready[key]
                    self._stir()
                    return key
            if self._is_over:
                self._waiters.wake()
                return None
            await self._waiters.wait()

    def leave_place(self, key: K) -> None:
        """The work on a key takes long: another one may have its worker's place."""
        self._turns.leave_place(key)
        self._stir()

    def is_slow(self, namespace: str) -> bool:
        """Whether so much of the work for a namespace takes long that little else of it is begun."""
        return self._turns.is_slow(namespace)

    def on_slow(self, told: Callable[[str], None]) -> None:
        """Have a namespace told where `is_slow` may have changed by what others do, or by time."""
        self._turns.on_slow = told

    def done(self, key: K, again_at: float | None = None, priority: Priority = Priority.NORMAL) -> None:
        """End the work on a key; it is handed out at `again_at`, or earlier if that was asked for meanwhile."""
        self._turns.done(key, self._clock())
        meanwhile = self._due.pop(key, None)
        if again_at is not None:
            self.add_at(key, again_at, priority)
        if meanwhile is not None:
            self.add_at(key, *meanwhile)
        self._stir()

    def forget(self, key: K) -> None:
        """Drop a key that is gone; a worker that has it may finish."""
        self._due.pop(key, None)
        self._ready.pop(key, None)
        self._turns.remove(key)
        self._stir()

    def pause(self) -> None:
        """Hand out nothing until `resume`; after `shut_down` this is the end."""
        self._paused = True
        self._stir()

    def resume(self) -> None:
        """Hand out again."""
        self._paused = False
        self._stir()

    def shut_down(self) -> None:
        """Hand out only tokens in hand that are due, then None to each worker.

        Let the askers end first, then add each token in hand once more: workers that have left write nothing.
        """
        self._move_due()
        self._shut_down = True
        self._heap.clear()
        for key, (_, priority) in list(self._due.items()):
            if priority is not Priority.IN_HAND or not self._turns.is_in_flight(key):
                del self._due[key]
        for key, (_, priority) in list(self._ready.items()):
            if priority is not Priority.IN_HAND:
                del self._ready[key]
                self._turns.remove(key)
        self._waiters.wake_all()

    async def run(self) -> None:
        """Make keys ready as they fall due, until cancelled."""
        while True:
            self._notice_step_back()
            self._move_due()
            nap = min(self._heap[0][0] - self._clock(), self._longest_nap) if self._heap else self._longest_nap
            try:
                async with asyncio.timeout(max(nap, 0)):
                    await self._earlier.wait()
            except TimeoutError:
                pass
            self._earlier.clear()

    def _notice_step_back(self) -> None:
        # What was due by a clock that went wrong is looked at again: it may lie a day ahead now.
        ahead, self._ahead = self._ahead, self._clock() - self._monotonic()
        if self._ahead < ahead - STEP_BACK:
            now = self._clock()
            self._ready = {key: (now, priority) for key, (_, priority) in self._ready.items()}
            for key, (_, priority) in list(self._due.items()):
                self.add_at(key, now, priority)

    def _make_ready(self, key: K, since: float, *priorities: Priority) -> None:
        priority = min(priorities)
        if self._ready.get(key) == (since, priority):
            return
        self._ready[key] = since, priority
        self._turns.add(key, priority, urgent_at=0.0 if priority is Priority.IN_HAND else None)
        self._stir()

    def _wait_until(self, key: K, due: float, priority: Priority) -> None:
        known, self._due[key] = self._due.get(key), (due, priority)
        if self._turns.is_in_flight(key) or (known is not None and known[0] == due):
            return
        # An entry that was superseded stays in the heap until it is due; many of them are cleared away at once.
        if len(self._heap) > 2 * len(self._due) + 64:
            waiting = [key for key in self._due if not self._turns.is_in_flight(key)]
            self._heap = [(self._due[key][0], self._next_count(), key) for key in waiting]
            heapq.heapify(self._heap)
        else:
            heapq.heappush(self._heap, (due, self._next_count(), key))
        if self._heap[0][0] == due:
            self._earlier.set()

    def _next_count(self) -> int:
        self._count += 1
        return self._count

    def _move_due(self) -> None:
        now = self._clock()
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if key in self._due and self._due[key][0] == due and not self._turns.is_in_flight(key):
                _, priority = self._due.pop(key)
                self._make_ready(key, due, priority)

    def _stir(self) -> None:
        # One at a time: who takes a key wakes the next worker if there is more to take.
        if self._is_over or (self._turns.can_take and not self._paused):
            self._waiters.wake()

    @property
    def _is_over(self) -> bool:
        return self._shut_down and (self._paused or not self._ready)
