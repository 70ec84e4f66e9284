"""The queue's contract: handed out when due, by rank, lane by lane, and never to two at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.controller import queue as schedule_module
from adobe_ims_operator.controller.queue import Place, Schedule


class Clock:
    """Epoch seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.stepped = 0.0

    def __call__(self) -> float:
        return self.now + self.stepped

    def steady(self) -> float:
        return self.now


@asynccontextmanager
async def running(
    places: dict[str, Place] | None = None,
) -> AsyncIterator[tuple[Schedule[str], Clock]]:
    clock = Clock()
    schedule: Schedule[str] = Schedule(clock, clock.steady, lambda key: (places or {}).get(key, Place("lane", (0.0,))))
    task = asyncio.create_task(schedule.run())
    try:
        yield schedule, clock
    finally:
        task.cancel()


async def taken(schedule: Schedule[str], lane: str = "lane", count: int = 1) -> list[str | None]:
    async with asyncio.timeout(2):
        return [await schedule.take(lane) for _ in range(count)]


async def is_idle(schedule: Schedule[str], lane: str = "lane") -> bool:
    try:
        async with asyncio.timeout(0.05):
            await schedule.take(lane)
    except TimeoutError:
        return True
    return False


async def test_a_key_is_handed_out_when_it_is_due_and_not_before() -> None:
    async with running() as (schedule, clock):
        schedule.at("a", clock.now + 10)
        assert await is_idle(schedule)
        clock.now += 10
        schedule.now("b")  # any change has the clock read again
        assert sorted(str(key) for key in await taken(schedule, count=2)) == ["a", "b"]


async def test_the_latest_due_time_is_the_one_that_counts() -> None:
    async with running() as (schedule, clock):
        schedule.at("a", clock.now)
        schedule.at("a", clock.now + 100)
        assert await is_idle(schedule)
        schedule.now("a")
        assert await taken(schedule) == ["a"]


async def test_a_key_in_work_is_not_handed_out_again_and_once_after() -> None:
    async with running() as (schedule, clock):
        schedule.now("a")
        assert await taken(schedule) == ["a"]
        schedule.now("a")
        schedule.now("a")
        assert await is_idle(schedule)
        schedule.done("a", clock.now + 3600)
        assert await taken(schedule) == ["a"]
        schedule.done("a", None)
        assert await is_idle(schedule)
        assert len(schedule) == 0


async def test_a_wake_during_work_is_not_lost_to_the_time_that_the_work_asks_for() -> None:
    async with running() as (schedule, clock):
        schedule.now("a")
        await taken(schedule)
        schedule.now("a")
        schedule.done("a", clock.now + 82_800)
        assert await taken(schedule) == ["a"]


async def test_the_lowest_rank_goes_first_and_equals_in_order() -> None:
    places = {
        "routine": Place("lane", (500.0,)),
        "urgent": Place("lane", (100.0,)),
        "new": Place("lane", (0.0,)),
        "newer": Place("lane", (0.0,)),
    }
    async with running(places) as (schedule, clock):
        for key in places:
            schedule.at(key, clock.now - 1)
        await asyncio.sleep(0.05)
        assert await taken(schedule, count=4) == ["new", "newer", "urgent", "routine"]


async def test_who_waits_too_long_is_placed_anew_and_still_handed_out_once() -> None:
    places = {"routine": Place("lane", (2.0,), until=1_050.0), "new": Place("lane", (1.0,))}
    async with running(places) as (schedule, clock):
        for key in ("new", "routine"):
            schedule.now(key)
        await asyncio.sleep(0.05)
        places["routine"] = Place("lane", (0.0,))
        clock.now += 50
        schedule.at("other", clock.now + 1)  # any change has the clock read again
        await asyncio.sleep(0.05)
        assert schedule.backlog == 50
        assert await taken(schedule, count=2) == ["routine", "new"]
        assert await is_idle(schedule)


async def test_waking_who_waits_does_not_hide_for_how_long_it_has() -> None:
    async with running() as (schedule, clock):
        schedule.now("a")
        await asyncio.sleep(0.05)
        clock.now += 60
        schedule.now("a")
        await asyncio.sleep(0.05)
        assert schedule.backlog == 60


async def test_a_clock_that_is_set_back_places_those_anew_that_wait_for_a_worker() -> None:
    places = {"a": Place("lane", (1.0,), until=90_000.0), "other": Place("lane", (0.5,))}
    async with running(places) as (schedule, clock):
        clock.stepped = 80_000.0
        schedule.now("a")
        await asyncio.sleep(0.05)
        clock.stepped = 0.0
        places["a"] = Place("lane", (1.0,), until=clock.now + 10)
        schedule.at("other", clock.now)  # any change has the clock read again
        await asyncio.sleep(0.05)
        places["a"] = Place("lane", (0.0,))
        clock.now += 10
        schedule.at("other", clock.now)
        await asyncio.sleep(0.05)
        assert schedule.backlog == 10
        assert await taken(schedule, count=2) == ["a", "other"]


async def test_who_was_handed_out_is_not_placed_anew() -> None:
    async with running({"a": Place("lane", (1.0,), until=1_050.0)}) as (schedule, clock):
        schedule.now("a")
        assert await taken(schedule) == ["a"]
        clock.now += 50
        schedule.done("a", clock.now + 3600)
        assert await is_idle(schedule)


async def test_a_place_that_no_longer_stands_when_it_is_given_is_taken_all_the_same() -> None:
    async with running({"a": Place("lane", (1.0,), until=1_000.0)}) as (schedule, _):
        schedule.now("a")
        assert await taken(schedule) == ["a"]
        assert await is_idle(schedule)


async def test_what_was_begun_is_finished_after_the_end_and_nothing_else() -> None:
    places = {"other": Place("lane", (0.0,)), "begun": Place("lane", (1.0,), begun=True)}
    async with running(places) as (schedule, clock):
        for key in places:
            schedule.at(key, clock.now)
        await schedule.close()
        assert await taken(schedule, count=2) == ["begun", None]


async def test_a_busy_lane_holds_up_no_other() -> None:
    async with running({"slow": Place("slow", (0.0,)), "quick": Place("quick", (9.0,))}) as (schedule, _):
        schedule.now("slow")
        schedule.now("quick")
        assert await taken(schedule, "quick") == ["quick"]
        assert await taken(schedule, "slow") == ["slow"]


async def test_a_discarded_key_is_not_handed_out() -> None:
    async with running() as (schedule, clock):
        schedule.at("waiting", clock.now + 1)
        schedule.now("ready")
        await asyncio.sleep(0.05)
        schedule.discard("waiting")
        schedule.discard("ready")
        clock.now += 2
        schedule.now("other")
        assert await taken(schedule) == ["other"]
        assert await is_idle(schedule)


async def test_a_clock_that_jumps_ahead_makes_each_key_due_once() -> None:
    async with running() as (schedule, clock):
        for number in range(3):
            schedule.at(f"key-{number}", clock.now + 3600 * number + 60)
        clock.now += 86_400
        schedule.now("key-0")
        assert sorted(str(key) for key in await taken(schedule, count=3)) == ["key-0", "key-1", "key-2"]
        assert await is_idle(schedule)


async def test_a_jump_is_noticed_though_nothing_else_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule_module, "LONGEST_NAP", 0.02)
    async with running() as (schedule, clock):
        schedule.at("a", clock.now + 3600)
        assert await is_idle(schedule)
        clock.now += 86_400
        assert await taken(schedule) == ["a"]


async def test_a_clock_that_is_set_back_makes_each_key_due_once_lest_it_waits_a_day_too_long() -> None:
    async with running() as (schedule, clock):
        schedule.at("a", clock.now + 3600)
        await asyncio.sleep(0.02)
        clock.stepped = -86_400
        schedule.now("b")
        assert sorted(str(key) for key in await taken(schedule, count=2)) == ["a", "b"]
        assert await is_idle(schedule)


async def test_after_close_everybody_who_waits_gets_none() -> None:
    async with running() as (schedule, _):
        waiting = [asyncio.create_task(schedule.take("lane")) for _ in range(3)]
        await asyncio.sleep(0.01)
        await schedule.close()
        assert await asyncio.gather(*waiting) == [None, None, None]
        schedule.now("late")
        assert await taken(schedule) == [None]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["wake", "later", "take", "done"])), max_size=60))
def test_no_order_of_events_hands_a_key_out_twice_or_loses_one(events: list[tuple[str, str]]) -> None:
    asyncio.run(_play(events))


async def _play(events: list[tuple[str, str]]) -> None:
    async with running() as (schedule, clock):
        in_work: set[str] = set()
        owed: set[str] = set()
        for key, event in events:
            if event == "wake":
                schedule.now(key)
                owed.add(key)
            elif event == "later" and key not in in_work and key not in owed:
                schedule.at(key, clock.now + 3600)
            elif event == "done" and key in in_work:
                in_work.discard(key)
                schedule.done(key, None)
            elif event == "take" and owed - in_work:
                got = (await taken(schedule))[0]
                assert got is not None
                assert got not in in_work
                assert got in owed
                in_work.add(got)
                owed.discard(got)
        for key in in_work:
            schedule.done(key, None)
        assert {str(key) for key in await taken(schedule, count=len(owed))} == owed


async def test_superseded_times_do_not_pile_up() -> None:
    async with running() as (schedule, clock):
        for number in range(5_000):
            schedule.at("a", clock.now + 3600 + number)
        assert len(schedule._waiting) < 100


async def test_nothing_is_handed_out_while_paused_and_all_of_it_once_after() -> None:
    async with running({"a": Place("lane", (2.0,)), "b": Place("lane", (1.0,))}) as (schedule, clock):
        schedule.pause()
        schedule.now("a")
        schedule.now("b")
        assert await is_idle(schedule)
        clock.now += 100
        schedule.resume()
        assert await taken(schedule, count=2) == ["b", "a"]
        assert await is_idle(schedule)


async def test_what_waited_during_a_pause_is_placed_anew() -> None:
    places = {"a": Place("lane", (0.0,))}
    async with running(places) as (schedule, _):
        schedule.pause()
        schedule.now("a")
        assert await is_idle(schedule)
        places["a"] = Place("other", (0.0,))
        schedule.resume()
        assert await taken(schedule, "other") == ["a"]
        assert await is_idle(schedule)


async def test_work_under_way_at_a_pause_is_given_back_and_handed_out_after() -> None:
    async with running() as (schedule, clock):
        schedule.now("a")
        assert await taken(schedule) == ["a"]
        schedule.pause()
        schedule.done("a", clock.now)
        assert await is_idle(schedule)
        schedule.resume()
        assert await taken(schedule) == ["a"]


async def test_a_schedule_that_nobody_runs_is_late() -> None:
    clock = Clock()
    schedule: Schedule[str] = Schedule(clock, clock.steady, lambda _: Place("lane", (0.0,)))
    assert schedule.late == 0
    schedule.at("a", clock.now + 10)
    clock.now += 9
    assert schedule.late == 0
    clock.now += 61
    assert schedule.late == 60
    task = asyncio.create_task(schedule.run())
    await asyncio.sleep(0.01)
    assert schedule.late == 0
    task.cancel()


async def test_the_backlog_is_how_long_the_first_has_waited_for_a_worker() -> None:
    async with running() as (schedule, clock):
        assert schedule.backlog == 0
        schedule.now("a")
        await asyncio.sleep(0.01)
        clock.now += 5
        schedule.now("b")
        await asyncio.sleep(0.01)
        clock.now += 2
        assert schedule.backlog == 7
        await taken(schedule)
        assert schedule.backlog == 2


@pytest.mark.parametrize("wakes", [*range(60, 75), 200])  # at one of them all but the latest is cleared away
@pytest.mark.parametrize("paused", [True, False])
async def test_keys_that_are_woken_again_and_again_while_nobody_takes_them_do_not_pile_up(
    wakes: int, paused: bool
) -> None:
    async with running() as (schedule, clock):
        if paused:
            schedule.pause()
        for _ in range(wakes):
            schedule.now("a")
            await asyncio.sleep(0.001)  # in which it becomes ready
        assert len(schedule._lanes["lane"].ready) < 100
        clock.now += 60
        assert schedule.backlog == (0 if paused else 60)
        if paused:
            schedule.resume()
        assert await taken(schedule) == ["a"]
        assert await is_idle(schedule)
