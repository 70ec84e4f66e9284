"""Tasks that wait for something to do, woken one by one in the order in which they came."""

import asyncio
from collections import deque


class Waiters:
    """A wake-up reaches one task that waits; a task that is cancelled after it was woken passes it on."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Wait to be woken. What the task waits for may be gone by then, so look and wait again."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.wake()
            elif future in self._waiting:  # or a wake-up that came since passed over it
                self._waiting.remove(future)
            raise

    def wake(self) -> None:
        """Wake the task that has waited longest."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return

    def wake_all(self) -> None:
        """Wake all tasks that wait."""
        while self._waiting:
            self.wake()
