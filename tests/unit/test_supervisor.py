"""A background task that ends by a defect is started again, reported once for each end, and shown as broken."""

import asyncio

import pytest

from adobe_ims_operator.controller.supervisor import STEADY_SECONDS, Supervisor


class Task:
    """Ends by a defect as often as it is told to, and goes on then."""

    def __init__(self, defects: int) -> None:
        self.starts = 0
        self.goes_on = asyncio.Event()
        self._defects = defects

    async def run(self) -> None:
        self.starts += 1
        if self.starts <= self._defects:
            raise ValueError("a defect")
        self.goes_on.set()
        await asyncio.Event().wait()


async def test_a_task_that_ends_by_a_defect_is_started_again(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    supervisor, task = Supervisor(lambda: now[0], lambda: 0.0), Task(defects=1)
    running = asyncio.create_task(supervisor.keep("queue", task.run))
    await asyncio.wait_for(task.goes_on.wait(), 5)
    assert supervisor.broken() == "ended by a defect, and started again: queue"
    assert caplog.text.count("queue ended: a defect of the operator; please report it") == 1
    now[0] += STEADY_SECONDS + 2
    assert supervisor.broken() is None
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_task_that_may_end_is_not_started_again() -> None:
    async def end() -> None: ...

    supervisor = Supervisor(lambda: 0.0, lambda: 0.0)
    await asyncio.wait_for(supervisor.keep("worker", end, may_end=True), 5)
    assert supervisor.broken() is None


async def test_a_task_that_fails_while_it_is_cancelled_is_not_started_again() -> None:
    starts = 0

    async def fail_when_cancelled() -> None:
        nonlocal starts
        starts += 1
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("a defect")

    supervisor = Supervisor(lambda: 0.0, lambda: 0.0)
    running = asyncio.create_task(supervisor.keep("worker", fail_when_cancelled))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait_for(asyncio.gather(running, return_exceptions=True), 5)
    assert starts == 1


async def test_a_task_that_should_not_end_is_started_again_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    goes_on = asyncio.Event()
    ends = iter([True])

    async def end_once() -> None:
        if next(ends, False):
            return
        goes_on.set()
        await asyncio.Event().wait()

    supervisor = Supervisor(lambda: 0.0, lambda: 0.0)
    running = asyncio.create_task(supervisor.keep("watch", end_once))
    await asyncio.wait_for(goes_on.wait(), 5)
    assert supervisor.broken() == "ended by a defect, and started again: watch"
    assert "watch ended: a defect of the operator" in caplog.text
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_task_that_ends_at_once_each_time_is_started_ever_more_slowly() -> None:
    task = Task(defects=100)
    supervisor = Supervisor(lambda: 0.0, lambda: 0.0)
    running = asyncio.create_task(supervisor.keep("watch", task.run))
    await asyncio.sleep(2.5)  # the first time after one second, then after two
    assert task.starts == 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_cancellation_that_is_meant_for_another_task_starts_nothing_again() -> None:
    inner: list[asyncio.Task[None]] = []

    async def run() -> None:
        inner.append(asyncio.create_task(asyncio.sleep(60)))
        await inner[-1]

    supervisor = Supervisor(lambda: 0.0, lambda: 0.0)
    running = asyncio.create_task(supervisor.keep("watch", run))
    await asyncio.sleep(0.01)
    inner[0].cancel()
    await asyncio.sleep(0.01)
    assert len(inner) == 2
    assert supervisor.broken() is None
    running.cancel()
    await asyncio.gather(running, *inner, return_exceptions=True)
