"""The workers: what becomes of a key whose work is given up, and who is meant by a cancellation."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller import workers
from adobe_ims_operator.controller.queue import Place, Schedule
from adobe_ims_operator.controller.tasks import steadily
from adobe_ims_operator.controller.workers import IN_ORDER, TOKEN_CAME, Workers, place
from adobe_ims_operator.core.model import Observed
from adobe_ims_operator.kube.errors import NotLeadingError
from unit.worlds import ENDPOINT, NOW, facts, observed, token_secret

KEY = Key("photos", "lightroom")


@asynccontextmanager
async def working(reconcile: Callable[[Key], Awaitable[datetime | None]]) -> AsyncIterator[Schedule[Key]]:
    """A schedule with one worker of the lane "lane"."""
    schedule: Schedule[Key] = Schedule(time.time, time.monotonic, lambda _: Place("lane", (0.0,)))
    tasks = [asyncio.create_task(schedule.run())]
    tasks += Workers(schedule, lambda _: Place("lane", (0.0,)), reconcile, 1).start(["lane"])
    try:
        yield schedule
    finally:
        await schedule.close()
        for task in tasks:
            task.cancel()


async def test_who_may_not_write_tries_again_in_a_moment_and_not_in_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "NOT_LEADING_SECONDS", 0.2)
    turns = 0

    async def refuse(_: Key) -> None:
        nonlocal turns
        turns += 1
        raise NotLeadingError

    async with working(refuse) as schedule:
        schedule.now(KEY)
        await asyncio.sleep(0.3)
        assert turns == 2


async def test_a_defect_is_logged_and_the_worker_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    worked: list[Key] = []

    async def fail_once(key: Key) -> None:
        worked.append(key)
        if len(worked) == 1:
            raise KeyError("a defect")

    async with working(fail_once) as schedule:
        schedule.now(KEY)
        await asyncio.sleep(0.05)
        schedule.now(KEY)
        await asyncio.sleep(0.05)
    assert worked == [KEY, KEY]
    assert "photos/lightroom: a defect of the operator; please report it" in caplog.text


async def test_a_cancellation_that_was_meant_for_a_request_of_its_own_gives_the_key_back() -> None:
    requests: list[asyncio.Task[None]] = []

    async def ask(_: Key) -> None:
        requests.append(asyncio.create_task(asyncio.sleep(0.01 if requests else 60)))
        await requests[-1]

    async with working(ask) as schedule:
        schedule.now(KEY)
        await asyncio.sleep(0.05)
        requests[0].cancel()  # as kopf does at its end
        await asyncio.sleep(0.05)
        assert len(requests) == 2


async def test_a_task_goes_on_after_a_cancellation_of_what_it_waits_for_and_ends_after_its_own() -> None:
    requests: list[asyncio.Task[None]] = []

    async def run() -> None:
        requests.append(asyncio.create_task(asyncio.sleep(60)))
        await requests[-1]

    task = asyncio.create_task(steadily(run))
    await asyncio.sleep(0.01)
    requests[0].cancel()
    await asyncio.sleep(0.01)
    assert (len(requests), task.done()) == (2, False)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_that_is_under_way_at_the_end_is_finished_by_who_began_it() -> None:
    begun = Place("other lane", (0.0,), begun=True)
    places = [Place("lane", (0.0,))]
    turns = 0

    async def work(_: Key) -> datetime:
        nonlocal turns
        turns += 1
        await schedule.close()
        places[0] = begun if turns < 3 else Place("lane", (0.0,))
        return datetime.now(UTC)

    schedule: Schedule[Key] = Schedule(time.time, time.monotonic, lambda _: places[0])
    run = asyncio.create_task(schedule.run())
    workers = Workers(schedule, lambda _: places[0], work, 1).start(["lane"])
    schedule.now(KEY)
    async with asyncio.timeout(2):
        await asyncio.gather(*workers)
    run.cancel()
    assert turns == 3


def test_a_credential_waits_in_the_lane_of_its_endpoint_until_its_place_changes() -> None:
    due = observed(token_secret(facts(NOW - timedelta(hours=23), timedelta(hours=24))))
    where = place(due, NOW)
    pressing_at = NOW + timedelta(minutes=30)
    assert (where.lane, where.until) == (ENDPOINT, pressing_at.timestamp())
    assert place(due, pressing_at).rank < place(observed(None), pressing_at).rank < where.rank


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (observed(None, holds_token=True), TOKEN_CAME),
        (observed(token_secret(facts())), IN_ORDER),
        (observed(None, endpoint="https://elsewhere.example", endpoint_allowed=False), IN_ORDER),
        (None, IN_ORDER),
    ],
    ids=["a token came", "fresh", "not allowed", "gone"],
)
def test_who_asks_nothing_of_ims_waits_for_no_endpoint(seen: Observed | None, expected: Place) -> None:
    assert place(seen, NOW) == expected


def test_tokens_that_came_go_before_nobody_else_who_asks_nothing() -> None:
    assert TOKEN_CAME.rank == IN_ORDER.rank
    assert (TOKEN_CAME.begun, IN_ORDER.begun) == (True, False)
