"""At most so many starts a second, with a burst: seen on a loop whose clock is moved on by what it would sleep."""

import asyncio
import selectors
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.adobe.rate_limit import RateLimit


class _Clockwork(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now = 1000.0
        selector = selectors.SelectSelector()
        look = selector.select

        def select(timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            self.now += timeout or 0
            return look(0)

        selector.select = select  # type: ignore[method-assign]
        super().__init__(selector)

    def time(self) -> float:
        return self.now


def starts(per_second: float, gaps: list[float], idle: float = 0) -> list[tuple[float, float]]:
    """When each was asked for and when it started, if each was asked for so many seconds after the one before."""
    loop = _Clockwork()

    async def start(limit: RateLimit) -> tuple[float, float]:
        asked = loop.time()
        await limit.wait()
        return asked - 1000, loop.time() - 1000

    async def everything() -> list[tuple[float, float]]:
        limit = RateLimit(per_second, loop.time)
        loop.now += idle
        tasks = []
        for gap in gaps:
            await asyncio.sleep(gap)
            tasks.append(asyncio.create_task(start(limit)))
        return await asyncio.gather(*tasks)

    try:
        return loop.run_until_complete(everything())
    finally:
        loop.close()


RATES = st.floats(0.01, 200)
GAPS = st.lists(st.just(0.0) | st.floats(0, 5), min_size=1, max_size=60)


@given(RATES, GAPS, st.floats(0, 1000))
def test_no_window_holds_more_starts_than_the_rate_and_a_burst_of_one_second(
    per_second: float, gaps: list[float], idle: float
) -> None:
    moments = [started for _, started in starts(per_second, gaps, idle)]
    burst = max(1.0, per_second)
    for first, begin in enumerate(moments):
        for last, end in enumerate(moments[first:], first):
            assert last - first + 1 <= per_second * (end - begin) + burst + 1e-6


@given(RATES, GAPS)
def test_starts_are_in_order_of_asking_and_none_waits_without_need(per_second: float, gaps: list[float]) -> None:
    times = starts(per_second, gaps)
    assert all(earlier <= later + 1e-9 for (_, earlier), (_, later) in pairwise(times))
    begun: list[float] = []
    for asked, started in times:
        free = (begun[-1] if begun else 0.0) + 1 / per_second
        assert asked - 1e-9 <= started <= max(asked, free) + 1e-6
        begun.append(started)


def test_after_an_idle_time_a_second_worth_starts_at_once_and_the_rest_evenly() -> None:
    moments = [started - 100 for _, started in starts(10, [0.0] * 30, idle=100)]
    assert moments[:10] == [0.0] * 10
    assert moments[10:] == pytest.approx([step / 10 for step in range(1, 21)])


def test_the_first_to_ask_need_not_wait() -> None:
    assert starts(0.01, [0.0]) == [(0.0, 0.0)]


def order(asking: list[tuple[str, str | None]]) -> list[str]:
    """The names in the order in which they began, if all asked at once."""
    loop, begun = _Clockwork(), list[str]()

    async def ask(limit: RateLimit, name: str, again: str | None) -> None:
        await limit.wait(again)
        begun.append(name)

    async def everything() -> None:
        limit = RateLimit(1, loop.time)
        await asyncio.gather(*(ask(limit, *each) for each in asking))

    try:
        loop.run_until_complete(everything())
    finally:
        loop.close()
    return begun


def test_who_asks_again_leaves_every_second_turn_to_who_begins() -> None:
    hog: list[tuple[str, str | None]] = [(f"hog {number}", "hog") for number in range(20)]
    begun = order([*hog, ("first", None), ("second", None), ("third", None)])
    assert [begun.index(name) for name in ("first", "second", "third")] <= [2, 4, 6]
    assert [name for name in begun if name.startswith("hog")] == [name for name, _ in hog]


def test_who_begins_leaves_every_second_turn_to_who_asks_again() -> None:
    new: list[tuple[str, str | None]] = [(f"new {number}", None) for number in range(20)]
    assert order([*new, ("again", "other")]).index("again") <= 2


def test_namespaces_that_ask_again_take_turns() -> None:
    hog: list[tuple[str, str | None]] = [(f"hog {number}", "hog") for number in range(20)]
    assert order([*hog, ("other", "other")]).index("other") <= 2


def test_a_namespace_that_wants_little_waits_for_none_of_a_hundred_that_want_more_than_their_share() -> None:
    loop, begun = _Clockwork(), list[str]()

    async def ask(limit: RateLimit, namespace: str, times: int) -> None:
        for _ in range(times):
            await limit.wait(namespace)
            begun.append(namespace)

    async def everything() -> None:
        limit = RateLimit(1, loop.time)
        hogs = [asyncio.create_task(ask(limit, f"hog {number}", 3)) for number in range(100)]
        await asyncio.sleep(150)
        await ask(limit, "newcomer", 1)
        assert begun.index("newcomer") <= 153
        await asyncio.gather(*hogs)

    try:
        loop.run_until_complete(everything())
    finally:
        loop.close()


async def test_who_gives_up_before_its_turn_takes_none() -> None:
    loop = asyncio.get_running_loop()
    limit = RateLimit(20, loop.time)
    begun = loop.time()
    tasks = [asyncio.create_task(limit.wait(again)) for again in (None, "hog") for _ in range(20)]
    await asyncio.sleep(0)
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await limit.wait()
    assert loop.time() - begun < 0.2


class _Hands:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(RATES, st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=40))
def test_the_rate_is_never_above_the_configured_one_nor_below_one_a_second(
    per_second: float, steps: list[tuple[bool, float]]
) -> None:
    clock = _Hands()
    limit = RateLimit(per_second, clock)
    for slow, after in steps:
        if slow:
            limit.slow_down()
        clock.now += after
        assert min(per_second, 1) <= limit.per_second <= per_second
    clock.now += 10 * 9
    assert limit.per_second == per_second


def test_a_slowed_rate_is_halved_each_time_and_recovers_step_by_step() -> None:
    clock = _Hands()
    limit = RateLimit(50, clock)
    limit.slow_down()
    limit.slow_down()
    rates = []
    for clock.now in (0, 9.9, 10, 20, 1e9):
        rates.append(limit.per_second)
    assert rates == [12.5, 12.5, 25, 50, 50]


async def test_a_slowed_endpoint_is_asked_at_the_slower_pace() -> None:
    loop = asyncio.get_running_loop()
    limit = RateLimit(40, loop.time)
    for _ in range(3):
        limit.slow_down()
    begun = loop.time()
    for _ in range(4):  # one each fifth of a second, as nothing was saved up yet
        await limit.wait()
    assert loop.time() - begun > 0.55


def test_who_started_nothing_gives_its_turn_to_the_next() -> None:
    loop = _Clockwork()

    async def everything() -> list[float]:
        limit = RateLimit(1, loop.time)
        started = []
        for _ in range(3):
            await limit.wait()
        for given_back in (True, False, True):
            waiting = asyncio.create_task(limit.wait())
            await asyncio.sleep(0)
            if given_back:
                limit.give_back()
            await waiting
            started.append(loop.time() - 1000)
        return started

    try:
        assert loop.run_until_complete(everything()) == pytest.approx([2, 3, 3])
    finally:
        loop.close()


def test_of_many_that_wait_no_longer_than_so_long_each_turn_is_somebodys() -> None:
    """As where hundreds of client secrets are due: each list leads to a POST a moment later, or to another list."""
    loop, count = _Clockwork(), 400
    lists, deeds = RateLimit(6, loop.time), RateLimit(4, loop.time)
    ended: list[float] = []

    async def replace(namespace: str) -> None:
        await lists.wait(again=namespace)
        while not await deeds.wait_at_most(7, again=namespace):
            await lists.wait(again=namespace)
        ended.append(loop.time() - 1000)

    async def everything() -> None:
        await asyncio.gather(*(replace(f"team-{number % 7}") for number in range(count)))

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(everything())
    assert count / 4 - 2 <= max(ended) <= count / 4 * 1.1
