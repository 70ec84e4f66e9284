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
