"""Restarts of one namespace come in a burst and then slowly, and cost no other namespace any."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.core.restart_pace import BURST, EACH_SECONDS, MOST, RestartPace
from unit.flow import Flow, flowing


@given(st.lists(st.floats(0, 10, allow_nan=False), min_size=1, max_size=300))
def test_in_any_time_there_is_a_burst_and_what_that_time_allows(pauses: list[float]) -> None:
    pace, now, taken = RestartPace(), 1000.0, list[float]()
    for pause in pauses:
        now += pause
        while pace.take("photos", now) is None:
            taken.append(now)
    for number, first in enumerate(taken):
        within = sum(first <= moment <= first + 60 for moment in taken[number:])
        assert within <= BURST + 60 / EACH_SECONDS + 1


def test_after_the_wait_that_is_told_half_a_burst_may_go() -> None:
    pace = RestartPace()
    assert [pace.take("photos", 0.0) for _ in range(BURST)] == [None] * BURST
    wait = pace.take("photos", 0.0)
    assert wait == BURST * EACH_SECONDS / 2
    assert pace.take("videos", 0.0) is None
    assert [pace.take("photos", wait) for _ in range(BURST // 2)] == [None] * (BURST // 2)
    assert pace.take("photos", wait) is not None


def test_a_namespace_that_has_a_burst_again_is_forgotten() -> None:
    pace = RestartPace()
    for number in range(5 * MOST):
        assert pace.take(f"team-{number}", float(number)) is None
    assert pace.take("team-0", 5.0 * MOST) is None


async def test_the_workloads_of_a_namespace_are_restarted_in_a_burst_and_then_slowly() -> None:
    names = [f"w-{number}" for number in range(32)]
    restart = [{"kind": "Deployment", "name": name} for name in names]
    async with flowing(4) as flow:
        flow.api.workloads = {name: {"metadata": {"name": name, "uid": name, "resourceVersion": "1"}} for name in names}
        for name in "abc":
            flow.put(name, restart=restart)
        await flow.until(lambda: restarted(flow) == BURST)
        await flow.until(lambda: ("False", "RestartIncomplete") in conditions(flow))
        assert restarted(flow) == BURST
        for _ in range(3):
            flow.advance(70)
            await asyncio.sleep(0.2)
        await flow.until(lambda: conditions(flow) == {("True", "Restarted")})
        assert restarted(flow) == 3 * len(names)


def conditions(flow: Flow) -> set[tuple[str, str] | None]:
    return {flow.condition(name, "WorkloadsRestarted") for name in "abc"}


def restarted(flow: Flow) -> int:
    return sum(each.startswith("restarted ") for each in flow.history)
