"""The lane of an endpoint: who is the next, chosen as late as possible."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.lanes import Lane
from adobe_ims_operator.core.decision import Ask, AskPriority
from adobe_ims_operator.core.finding import Finding
from unit.clocks import SetClock


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


DUE = Finding(Reason.DUE, "it is due")
ROUTINE = Ask(DUE, "https://ims.example", AskPriority.ROUTINE, None, at(5_000.0))
FIRST = replace(ROUTINE, priority=AskPriority.WITHOUT_TOKEN)
RETRY = replace(ROUTINE, priority=AskPriority.RETRY)
A, B = Key("a", "1"), Key("b", "1")


class Slots:
    """A rate limit that a test opens."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.given = 0

    async def __call__(self) -> None:
        await self.open.wait()
        self.given += 1


def made(askers: int = 4) -> tuple[Lane, SetClock, Slots]:
    clock, slots = SetClock(), Slots()
    return Lane(askers, clock, slots), clock, slots


async def got(lane: Lane) -> Key | None:
    async with asyncio.timeout(2):
        taken = await lane.get()
    return taken[0] if taken is not None else None


async def let_all_others_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_urgent_then_without_token_then_routine_by_expiry_then_retries() -> None:
    lane, clock, _ = made(askers=1)
    asks = {
        "retry": RETRY,
        "routine": ROUTINE,
        "expires sooner": replace(ROUTINE, expires_at=at(4_000.0)),
        "without token": FIRST,
        "urgent": replace(ROUTINE, urgent_at=at(clock.now)),
        "urgent later": replace(ROUTINE, urgent_at=at(clock.now + 1)),
    }
    for name, ask in asks.items():
        lane.put(Key("a", name), ask)
    order = []
    for _ in asks:
        key = await got(lane)
        assert key is not None
        order.append(key.name)
        lane.done(key)
        clock.now += 0.25
    assert order == ["urgent", "without token", "expires sooner", "routine", "urgent later", "retry"]


async def test_whoever_is_first_when_the_slot_comes_is_asked_for() -> None:
    lane, _, slots = made()
    slots.open.clear()
    lane.put(Key("a", "routine"), ROUTINE)
    asker = asyncio.create_task(lane.get())
    await let_all_others_run()
    lane.put(Key("a", "new"), FIRST)
    slots.open.set()
    async with asyncio.timeout(2):
        assert await asker == (Key("a", "new"), FIRST)


async def test_one_that_waits_costs_one_slot_however_many_askers_there_are() -> None:
    lane, _, slots = made()
    askers = [asyncio.create_task(lane.get()) for _ in range(4)]
    lane.put(A, ROUTINE)
    await let_all_others_run()
    assert [asker.done() for asker in askers].count(True) == 1
    assert slots.given == 1
    lane.close()
    await asyncio.gather(*askers)


async def test_the_latest_values_count() -> None:
    lane, _, _ = made()
    lane.put(A, ROUTINE)
    lane.put(A, RETRY)
    async with asyncio.timeout(2):
        assert await lane.get() == (A, RETRY)
    assert lane.depth == 0


async def test_a_key_that_is_being_asked_for_is_not_asked_for_again() -> None:
    lane, _, _ = made()
    lane.put(A, ROUTINE)
    assert await got(lane) == A
    assert lane.in_flight(A)
    lane.put(A, FIRST)
    assert not lane.is_waiting(A)
    lane.done(A)
    assert not lane.in_flight(A)
    lane.put(A, FIRST)
    assert await got(lane) == A


async def test_what_was_removed_is_not_asked_for() -> None:
    lane, _, slots = made()
    slots.open.clear()
    lane.put(A, ROUTINE)
    asker = asyncio.create_task(lane.get())
    await let_all_others_run()
    lane.remove(A)
    slots.open.set()
    await let_all_others_run()
    assert not asker.done()
    lane.put(B, ROUTINE)
    async with asyncio.timeout(2):
        assert await asker == (B, ROUTINE)


async def test_a_blocked_namespace_holds_up_no_other() -> None:
    lane, _, _ = made()
    lane.block("a")
    lane.put(A, FIRST)
    lane.put(B, RETRY)
    assert await got(lane) == B
    asker = asyncio.create_task(lane.get())
    await let_all_others_run()
    assert not asker.done()
    lane.unblock("a")
    async with asyncio.timeout(2):
        assert await asker == (A, FIRST)


async def test_after_close_each_asker_gets_none_and_nothing_waits() -> None:
    lane, _, slots = made()
    slots.open.clear()
    lane.put(A, ROUTINE)
    askers = [asyncio.create_task(lane.get()) for _ in range(3)]
    await let_all_others_run()
    lane.close()
    slots.open.set()
    async with asyncio.timeout(2):
        assert await asyncio.gather(*askers) == [None, None, None]
    lane.put(B, ROUTINE)
    assert await got(lane) is None
    assert lane.depth == 0


async def test_oldest_is_how_long_the_first_has_waited_though_it_was_put_again() -> None:
    lane, clock, _ = made()
    assert lane.oldest == 0
    lane.put(A, ROUTINE)
    clock.now += 5
    lane.put(B, ROUTINE)
    lane.put(A, FIRST)
    assert lane.oldest == 5
    assert await got(lane) == A
    assert lane.oldest == 0
    assert lane.depth == 1


async def test_an_asker_that_is_cancelled_loses_no_key() -> None:
    lane, _, slots = made()
    slots.open.clear()
    lane.put(A, ROUTINE)
    first, second = (asyncio.create_task(lane.get()) for _ in range(2))
    await let_all_others_run()
    first.cancel()
    slots.open.set()
    async with asyncio.timeout(2):
        assert await second == (A, ROUTINE)


async def ask_for_many(lane: Lane) -> list[Key]:
    """Ask for what forty namespaces want, all of which takes long."""
    for hog in range(40):
        for name in ("first", "second"):
            lane.put(Key(f"hog-{hog}", name), FIRST)
    asked = []
    while (key := await got_at_once(lane)) is not None:
        lane.leave_place(key)
        asked.append(key)
    return asked


@pytest.mark.parametrize("waits", [False, True])
async def test_namespaces_that_ims_let_hang_leave_half_of_what_may_take_long_to_others(*, waits: bool) -> None:
    lane, clock, slots = made(askers=16)
    asked: list[Key] = []
    for _ in range(8):
        asked = await ask_for_many(lane)
        clock.now += 19
        await asyncio.gather(*(lane.wait_for_slot(key, slots()) for key in asked if waits))
        clock.now += 1
        for key in asked:
            lane.done(key)
    assert len(asked) == 32


async def test_who_waited_for_another_slot_did_not_hang() -> None:
    lane, clock, slots = made(askers=16)
    counts = []
    for _ in range(8):
        asked = await ask_for_many(lane)
        counts.append(len(asked))
        slots.open.clear()
        waiting = [asyncio.create_task(lane.wait_for_slot(key, slots())) for key in asked]
        await let_all_others_run()
        clock.now += 20
        slots.open.set()
        await asyncio.gather(*waiting)
        for key in asked:
            lane.done(key)
    assert counts[1:] == counts[:-1]


async def got_at_once(lane: Lane) -> Key | None:
    try:
        async with asyncio.timeout(0.02):
            taken = await lane.get()
    except TimeoutError:
        return None
    return taken[0] if taken is not None else None
