"""Tasks that wait: each wake-up reaches one that still waits, in the order in which they came."""

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.controller.waiters import Waiters


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def waiting(waiters: Waiters, count: int) -> list["asyncio.Task[None]"]:
    tasks = [asyncio.create_task(waiters.wait()) for _ in range(count)]
    await settle()
    return tasks


def ended(tasks: Sequence["asyncio.Task[None]"]) -> list[int]:
    return [number for number, task in enumerate(tasks) if task.done() and not task.cancelled()]


async def test_each_wake_up_reaches_the_one_that_has_waited_longest() -> None:
    waiters = Waiters()
    tasks = await waiting(waiters, 3)
    for count in (1, 2, 3):
        waiters.wake()
        await settle()
        assert ended(tasks) == list(range(count))


async def test_a_wake_up_that_nobody_waits_for_is_not_kept() -> None:
    waiters = Waiters()
    waiters.wake()
    (task,) = await waiting(waiters, 1)
    assert not task.done()
    waiters.wake()
    await task


async def test_all_are_woken_at_once() -> None:
    waiters = Waiters()
    tasks = await waiting(waiters, 3)
    waiters.wake_all()
    await settle()
    assert ended(tasks) == [0, 1, 2]


async def test_who_is_cancelled_after_it_was_woken_passes_it_on() -> None:
    waiters = Waiters()
    tasks = await waiting(waiters, 2)
    waiters.wake()
    tasks[0].cancel()
    await settle()
    assert ended(tasks) == [1]


@given(st.lists(st.sampled_from(["wait", "wake", "cancel the first", "cancel the last", "settle"]), max_size=40))
def test_no_wake_up_is_lost_while_somebody_waits(events: list[str]) -> None:
    async def play() -> None:
        waiters, tasks = Waiters(), list["asyncio.Task[None]"]()
        owed = 0
        for event in events:
            left = [task for task in tasks if not task.done()]
            if event == "wait":
                tasks += await waiting(waiters, 1)
                owed = 0
            elif event == "wake":
                owed = min(owed + 1, len(left))
                waiters.wake()
            elif event == "settle":
                await settle()
                owed = 0
            elif left:
                cancelled = left[0 if event == "cancel the first" else -1]
                cancelled.cancel()
                before = len(ended(tasks))
                await settle()
                # All that were woken and not cancelled go on, and one in place of each that was cancelled.
                assert len(ended(tasks)) - before == min(owed, len(left) - 1)
                owed = 0
        waiters.wake_all()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(play())
