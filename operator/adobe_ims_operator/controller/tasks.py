"""Tasks that go on where a cancellation was meant for somebody else.

kopf, at its end, cancels the tasks that were made since its start, and with them those that a library made for a
request of ours.
"""

import asyncio
from collections.abc import Awaitable, Callable


async def steadily(run: Callable[[], Awaitable[None]]) -> None:
    """Go on with `run` where a task was cancelled that it waits for, and not this one."""
    while True:
        try:
            return await run()
        except asyncio.CancelledError:
            if is_cancelled():
                raise


def is_cancelled() -> bool:
    """Whether this very task is asked to end; else the cancellation was meant for another that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
