"""Work that turns begin: what takes longer than half a second leaves its place then, as a worker has it."""

import heapq

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.namespace_turns import Turns

SLOW_SECONDS = 0.5


class UnderWay:
    """All that was taken and did not end, in seconds of whatever clock the turns are told."""

    def __init__(self, turns: Turns[Key]) -> None:
        self._turns = turns
        self._slow_at: list[tuple[float, Key]] = []
        self._ends: list[tuple[float, Key]] = []

    def begin(self, key: Key, now: float, seconds: float) -> None:
        """Have what was just taken go on for so long."""
        heapq.heappush(self._ends, (now + seconds, key))
        if seconds > SLOW_SECONDS:
            heapq.heappush(self._slow_at, (now + SLOW_SECONDS, key))

    def go_on_until(self, now: float) -> list[Key]:
        """Have all leave their places and end whose time that is; those that ended."""
        while self._slow_at and self._slow_at[0][0] <= now:
            self._turns.leave_place(heapq.heappop(self._slow_at)[1])
        ended = []
        while self._ends and self._ends[0][0] <= now:
            _, key = heapq.heappop(self._ends)
            self._turns.done(key, now)
            ended.append(key)
        return ended


def begun_that_hang(turns: Turns[Key], now: float = 0.0) -> list[Key]:
    """All that may go, which then take long."""
    begun = []
    while (key := turns.take(now)) is not None:
        begun.append(key)
    for key in begun:
        turns.leave_place(key)
    return begun
