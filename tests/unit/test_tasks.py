"""A cancellation that was meant for another task does not end what goes on waiting for it."""

import asyncio

import pytest

from adobe_ims_operator.controller.tasks import is_cancelled, steadily


async def test_what_waits_for_a_task_that_others_cancel_goes_on() -> None:
    library: asyncio.Queue[asyncio.Task[None]] = asyncio.Queue()
    left = [1, 2, 3]

    async def run() -> None:
        if left:
            left.pop()
            task = asyncio.create_task(asyncio.sleep(60))
            library.put_nowait(task)
            await task

    running = asyncio.create_task(steadily(run))
    async with asyncio.timeout(5):
        for _ in range(3):
            (await library.get()).cancel()
        await running
    assert library.empty()


async def test_who_is_cancelled_itself_ends() -> None:
    starts = 0

    async def run() -> None:
        nonlocal starts
        starts += 1
        await asyncio.sleep(60)

    running = asyncio.create_task(steadily(run))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 5)
    assert starts == 1


async def test_an_error_is_passed_on() -> None:
    async def run() -> None:
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        await steadily(run)


async def test_a_task_knows_whether_it_is_meant_itself() -> None:
    seen: list[bool] = []

    async def run(other: "asyncio.Task[None]") -> None:
        try:
            await other
        except asyncio.CancelledError:
            seen.append(is_cancelled())

    for meant in (False, True):
        other = asyncio.create_task(asyncio.sleep(60))
        running = asyncio.create_task(run(other))
        await asyncio.sleep(0)
        (running if meant else other).cancel()
        await asyncio.gather(running, other, return_exceptions=True)
    assert seen == [False, True]
    assert not is_cancelled()
