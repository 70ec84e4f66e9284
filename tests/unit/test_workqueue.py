"""The work queue's contract: handed out when due, never to two at once, and nothing is lost."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.workqueue import Priority, WorkQueue
from unit.clocks import SetClock

A, B = Key("a", "1"), Key("b", "1")


def made(workers: int = 8) -> tuple[WorkQueue[Key], SetClock]:
    clock = SetClock()
    return WorkQueue(workers, clock, clock.monotonic, longest_nap=0.01), clock


@asynccontextmanager
async def running(workers: int = 8) -> AsyncIterator[tuple[WorkQueue[Key], SetClock]]:
    queue, clock = made(workers)
    task = asyncio.create_task(queue.run())
    try:
        yield queue, clock
    finally:
        task.cancel()


async def settled(task: "asyncio.Task[Key | None]") -> bool:
    """Whether a task that waits for a key has ended, once all others had their say."""
    for _ in range(10):
        await asyncio.sleep(0)
    return task.done()


async def is_idle(queue: WorkQueue[Key]) -> bool:
    task = asyncio.create_task(queue.get())
    if await settled(task):
        return False
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return True


async def got(queue: WorkQueue[Key]) -> Key | None:
    async with asyncio.timeout(2):
        return await queue.get()


async def test_a_key_is_handed_out_when_it_is_due_and_not_before() -> None:
    queue, clock = made()
    queue.add_at(A, clock.now + 10)
    assert await is_idle(queue)
    clock.now += 10
    assert await got(queue) == A


async def test_of_two_due_times_the_earlier_counts() -> None:
    queue, clock = made()
    queue.add_at(A, clock.now + 10)
    queue.add_at(A, clock.now + 100)
    clock.now += 10
    assert await got(queue) == A
    queue.done(A)
    clock.now += 100
    assert await is_idle(queue)
    assert len(queue) == 0


async def test_a_key_in_work_is_not_handed_out_again_and_once_after() -> None:
    queue, clock = made()
    queue.add(A)
    assert await got(queue) == A
    queue.add(A)
    queue.add(A)
    assert await is_idle(queue)
    queue.done(A, clock.now + 3600)
    assert await got(queue) == A
    queue.done(A)
    assert await is_idle(queue)
    assert len(queue) == 0


async def test_a_token_in_hand_goes_before_all_else_in_its_namespace_and_ahead_of_others_turns() -> None:
    queue, _ = made()
    for namespace in "abc":
        for name in "12":
            queue.add(Key(namespace, name))
    queue.add(Key("c", "2"), Priority.IN_HAND)
    assert await got(queue) == Key("c", "2")


async def test_a_token_that_came_during_work_is_still_in_hand_after_it() -> None:
    queue, _ = made()
    queue.add(A)
    await got(queue)
    queue.add(A, Priority.IN_HAND)
    queue.shut_down()
    queue.done(A)
    assert await got(queue) == A
    queue.done(A)
    assert await got(queue) is None


async def test_after_shut_down_only_tokens_in_hand_are_handed_out() -> None:
    queue, clock = made()
    queue.add(A)
    queue.add(B, Priority.IN_HAND)
    queue.add_at(Key("c", "1"), clock.now + 1)
    queue.shut_down()
    queue.add(Key("d", "1"))
    assert await got(queue) == B
    queue.done(B, clock.now)
    clock.now += 10
    assert await got(queue) is None
    assert len(queue) == 0


async def test_at_shut_down_all_workers_that_wait_get_none() -> None:
    queue, _ = made()
    workers = [asyncio.create_task(queue.get()) for _ in range(5)]
    await asyncio.sleep(0)
    queue.add(A, Priority.IN_HAND)
    queue.shut_down()
    async with asyncio.timeout(2):
        assert sorted(map(str, await asyncio.gather(*workers))) == ["None"] * 4 + [str(A)]


async def test_after_shut_down_a_worker_waits_for_its_turn_while_tokens_in_hand_are_left() -> None:
    queue, _ = made(workers=2)
    for name in "12":
        queue.add(Key("a", name), Priority.IN_HAND)
    queue.shut_down()
    assert await got(queue) == Key("a", "1")
    waiting = asyncio.create_task(queue.get())
    assert not await settled(waiting)
    queue.done(Key("a", "1"))
    async with asyncio.timeout(2):
        assert await waiting == Key("a", "2")


async def test_a_replica_that_is_paused_ends_without_writing() -> None:
    queue, _ = made()
    queue.add(A, Priority.IN_HAND)
    queue.pause()
    queue.shut_down()
    assert await got(queue) is None


async def test_a_key_that_is_gone_is_not_handed_out() -> None:
    queue, clock = made()
    queue.add(A)
    queue.add_at(B, clock.now + 1)
    queue.forget(A)
    queue.forget(B)
    clock.now += 2
    assert await is_idle(queue)
    assert len(queue) == 0


async def test_a_key_that_is_gone_during_work_is_not_handed_out_after() -> None:
    queue, _ = made()
    queue.add(A)
    await got(queue)
    queue.add(A)
    queue.forget(A)
    queue.done(A)
    assert await is_idle(queue)


async def test_nothing_is_handed_out_while_paused_and_all_of_it_once_after() -> None:
    queue, clock = made()
    queue.pause()
    queue.add(A)
    waiting = asyncio.create_task(queue.get())
    assert not await settled(waiting)
    clock.now += 100
    assert queue.backlog == 0
    queue.resume()
    async with asyncio.timeout(2):
        assert await waiting == A
    assert await is_idle(queue)


async def test_a_worker_that_waits_is_woken_when_a_key_falls_due() -> None:
    async with running() as (queue, clock):
        waiting = asyncio.create_task(queue.get())
        queue.add_at(A, clock.now + 3600)
        assert not await settled(waiting)
        clock.now += 86_400
        async with asyncio.timeout(2):
            assert await waiting == A


async def test_a_clock_that_is_set_back_makes_each_key_due_once() -> None:
    async with running() as (queue, clock):
        queue.add_at(A, clock.now + 3600)
        queue.add_at(B, clock.now + 7200)
        await asyncio.sleep(0)
        clock.stepped = -86_400.0
        assert {await got(queue), await got(queue)} == {A, B}
        assert await is_idle(queue)


async def test_a_clock_that_is_set_back_does_not_hide_how_long_a_key_waits_from_then_on() -> None:
    async with running() as (queue, clock):
        clock.stepped = 80_000.0
        queue.add(A)
        await asyncio.sleep(0.03)
        clock.stepped = 0.0
        await asyncio.sleep(0.03)
        clock.now += 10
        assert queue.backlog == 10


async def test_a_queue_that_nobody_runs_is_late() -> None:
    queue, clock = made()
    assert queue.late == 0
    queue.add_at(A, clock.now + 10)
    clock.now += 70
    assert queue.late == 60
    async with running():
        task = asyncio.create_task(queue.run())
        await asyncio.sleep(0.03)
        task.cancel()
    assert queue.late == 0
    assert queue.depth == 1


async def test_the_backlog_is_how_long_the_first_has_waited_for_a_worker() -> None:
    queue, clock = made()
    queue.add(A)
    clock.now += 5
    queue.add(B)
    queue.add(A)
    clock.now += 2
    assert queue.backlog == 7
    assert queue.depth == 2
    assert await got(queue) == A
    assert queue.backlog == 2


async def test_a_worker_that_is_cancelled_loses_no_key() -> None:
    queue, _ = made()
    first, second = (asyncio.create_task(queue.get()) for _ in range(2))
    await asyncio.sleep(0)
    queue.add(A)
    first.cancel()
    async with asyncio.timeout(2):
        assert await second == A


async def test_one_namespace_does_not_hold_all_workers() -> None:
    queue, _ = made(workers=4)
    for number in range(10):
        queue.add(Key("many", str(number)))
    workers = [asyncio.create_task(queue.get()) for _ in range(4)]
    assert not await settled(workers[3])
    assert [task.done() for task in workers] == [True, True, True, False]
    queue.add(B)
    async with asyncio.timeout(2):
        assert await workers[3] == B


EVENTS = st.sampled_from(["add", "in hand", "later", "get", "done", "again", "tick", "forget"])
KEYS = st.sampled_from([Key(namespace, name) for namespace in "ab" for name in "12"])


@given(st.lists(st.tuples(KEYS, EVENTS), max_size=80))
def test_no_order_of_events_hands_a_key_out_twice_or_loses_one(events: list[tuple[Key, str]]) -> None:
    asyncio.run(_play(events))


async def _play(events: list[tuple[Key, str]]) -> None:  # noqa: C901 - one branch for each event
    queue, clock = made()
    in_work: set[Key] = set()
    owed: dict[Key, float] = {}
    for key, event in events:
        if event in ("add", "in hand"):
            queue.add(key, Priority.IN_HAND if event == "in hand" else Priority.NORMAL)
            owed[key] = min(owed.get(key, clock.now), clock.now)
        elif event == "later":
            queue.add_at(key, clock.now + 60)
            owed[key] = min(owed.get(key, clock.now + 60), clock.now + 60)
        elif event == "tick":
            clock.now += 30
        elif event == "forget":
            queue.forget(key)
            owed.pop(key, None)
        elif event == "get" and any(due <= clock.now for known, due in owed.items() if known not in in_work):
            if (taken := await got(queue)) is not None:
                assert taken not in in_work
                assert owed.pop(taken) <= clock.now
                in_work.add(taken)
        elif event in ("done", "again") and key in in_work:
            in_work.discard(key)
            queue.done(key, clock.now + 60 if event == "again" else None)
            if event == "again":
                owed[key] = min(owed.get(key, clock.now + 60), clock.now + 60)
        assert len(queue) == len(owed.keys() | in_work)
    for key in in_work:
        queue.done(key)
    clock.now += 60
    assert {await got(queue) for _ in range(len(owed))} == owed.keys()
    assert len(queue) == len(owed)


DELAYS = st.sampled_from([0.0, 1.0, 20.0, 50.0])


class Owed:
    """A model of the queue: when each key is owed, by the earliest time that was asked for."""

    def __init__(self) -> None:
        self.queue, self.clock = made()
        self.in_work: set[Key] = set()
        self.at: dict[Key, float] = {}

    def add(self, key: Key, delay: float) -> None:
        self.queue.add_at(key, self.clock.now + delay)
        self._owe(key, delay)

    def done(self, key: Key, again: float | None) -> None:
        if key in self.in_work:
            self.in_work.discard(key)
            self.queue.done(key, None if again is None else self.clock.now + again)
            if again is not None:
                self._owe(key, again)

    async def take(self) -> None:
        """All that is due and in nobody's work is handed out, and nothing else."""
        due = {key for key, at in self.at.items() if at <= self.clock.now and key not in self.in_work}
        assert {await got(self.queue) for _ in due} == due
        assert await is_idle(self.queue)
        for key in due:
            del self.at[key]
        self.in_work |= due

    def _owe(self, key: Key, delay: float) -> None:
        self.at[key] = min(self.at.get(key, self.clock.now + delay), self.clock.now + delay)


@given(st.lists(st.tuples(st.sampled_from([A, B]), st.sampled_from(["add", "take", "done", "again"]), DELAYS)))
def test_the_earliest_of_several_adds_wins_and_none_is_lost_while_a_key_is_in_work(
    events: list[tuple[Key, str, float]],
) -> None:
    async def play() -> None:
        owed = Owed()
        for key, event, delay in events:
            if event == "add":
                owed.add(key, delay)
            elif event == "take":
                owed.clock.now += delay
                await owed.take()
            else:
                owed.done(key, delay if event == "again" else None)
        for key in (A, B):
            owed.done(key, None)
        for at in sorted(owed.at.values()):
            owed.clock.now = max(owed.clock.now, at)
            await owed.take()
        assert owed.at == {}

    asyncio.run(play())


async def test_a_key_that_is_due_soon_does_not_wait_for_a_nap_that_was_begun_before() -> None:
    queue: WorkQueue[Key] = WorkQueue(8, time.time, time.monotonic, longest_nap=60)
    task = asyncio.create_task(queue.run())
    queue.add_at(A, time.time() + 3600)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0.01)
    queue.add_at(B, time.time() + 0.1)
    async with asyncio.timeout(2):
        assert await waiting == B
    task.cancel()


@pytest.mark.parametrize("step", [-0.5, 0.0, 0.5])
async def test_due_times_that_change_all_the_time_take_neither_time_nor_keys(step: float) -> None:
    queue, clock = made()
    for number in range(20_000):
        queue.add_at(A, clock.now + 20_000 + step * number)
    clock.now += 40_000
    assert await got(queue) == A
    queue.done(A)
    assert await is_idle(queue)
