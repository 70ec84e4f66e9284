"""A defect of the operator reaches the status of the object that it kept from being worked on, and goes by itself."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.workers import AFTER_DEFECT
from adobe_ims_operator.core.decision import Decision
from adobe_ims_operator.core.model import Observed
from adobe_ims_operator.core.policy import decide
from adobe_ims_operator.manager.work_metrics import WorkMetrics
from unit.flow import NAMESPACE, Flow, Parts, cancel, flowing

QUOTED = "p8e-what the exception quotes"
DEFECT = ("True", Reason.OPERATOR_DEFECT)


class Broken:
    """Parts of the operator that fail as long as they are told to."""

    def __init__(self) -> None:
        self.now = True

    def decide(self, observed: Observed, now: datetime) -> Decision:
        if self.now:
            raise LookupError(QUOTED)
        return decide(observed, now)

    def random_hex(self) -> str:
        if self.now:
            raise LookupError(QUOTED)
        return f"{7:016x}"


@contextmanager
def mended(broken: Broken) -> Iterator[None]:
    broken.now = False
    yield
    broken.now = True


def status(flow: Flow) -> dict[str, Any]:
    found: dict[str, Any] = flow.api.credentials["a"]["status"]
    return found


def failures(flow: Flow) -> int | None:
    """As the controller knows them, whose turn is over then."""
    return flow.store.credentials[Key(NAMESPACE, "a")].status.failures


def metrics(flow: Flow) -> dict[str, float]:
    """The value of each series."""
    registry = CollectorRegistry()
    registry.register(WorkMetrics(flow.controller, dict))
    lines = generate_latest(registry).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def a_minute_later(flow: Flow) -> None:
    flow.advance(AFTER_DEFECT.total_seconds() + 1)


async def test_a_turn_that_ends_by_a_defect_is_told_in_the_status_until_one_does_not() -> None:
    broken = Broken()
    async with flowing(1, parts=Parts(decide=broken.decide)) as flow:
        flow.put("a")
        for count in (1, 2, 3):
            await flow.until(lambda count=count: failures(flow) == count)  # type: ignore[misc]
            assert flow.condition("a", "RotationFailing") == DEFECT
            assert flow.condition("a", "Ready") == ("Unknown", Reason.OPERATOR_DEFECT)
            a_minute_later(flow)
        counted = metrics(flow)
        assert counted['adobe_ims_operator_defects_total{work="credentials"}'] >= 3
        assert counted['adobe_ims_operator_defects_total{work="tasks"}'] == 0
        broken.now = False
        a_minute_later(flow)
        await flow.until(lambda: failures(flow) == 0)
        assert flow.condition("a", "RotationFailing") == ("False", "Rotated")
        assert flow.condition("a", "Ready") == ("True", "Rotated")


async def test_it_names_the_exception_and_quotes_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    async with flowing(1, parts=Parts(decide=Broken().decide)) as flow:
        flow.put("a")
        await flow.until(lambda: failures(flow) == 1)
        message = next(each["message"] for each in status(flow)["conditions"] if each["type"] == "RotationFailing")
        assert "LookupError" in message
        assert "the operator's log" in message
        assert QUOTED not in str(flow.api.credentials) + str(flow.api.events) + caplog.text


async def test_a_token_that_was_there_is_told_to_be_expired_once_it_is() -> None:
    broken = Broken()
    async with flowing(1, parts=Parts(decide=broken.decide)) as flow:
        with mended(broken):
            flow.put("a")
            await flow.until(lambda: flow.ready("a") == "Rotated")
        flow.label("a", "photos")
        flow.controller.queue.add(Key(NAMESPACE, "a"))
        await flow.until(lambda: flow.condition("a", "RotationFailing") == DEFECT)
        assert flow.condition("a", "Ready") == ("True", "Rotated")
        flow.advance(timedelta(days=1).total_seconds())
        await flow.until(lambda: flow.ready("a") == "Expired")
        assert flow.condition("a", "Ready") == ("False", "Expired")


async def test_the_status_of_an_object_that_changes_all_the_time_is_not_written_at_each_defect() -> None:
    async with flowing(1, parts=Parts(decide=Broken().decide)) as flow:
        flow.put("a")
        await flow.until(lambda: failures(flow) == 1)
        for number in range(20):
            seen = flow.calls["decide"]
            flow.label("a", str(number))
            flow.controller.queue.add(Key(NAMESPACE, "a"))
            await flow.until(lambda seen=seen: flow.calls["decide"] > seen)  # type: ignore[misc]
        assert failures(flow) == 1


async def test_a_status_that_could_not_be_written_is_written_a_minute_later(caplog: pytest.LogCaptureFixture) -> None:
    async with flowing(1, parts=Parts(decide=Broken().decide)) as flow:
        flow.api.troubles.answers = {"PATCH adobeimscredentials/a/status": 500}
        flow.put("a")
        await flow.until(lambda: flow.api.troubles.asked["PATCH adobeimscredentials/a/status"] == 1)
        await flow.until(lambda: "can't write the status" in caplog.text)
        assert failures(flow) is None
        flow.api.troubles.answers.clear()
        a_minute_later(flow)
        await flow.until(lambda: flow.condition("a", "RotationFailing") == DEFECT)


async def test_an_asker_that_ends_by_a_defect_is_an_attempt_that_failed() -> None:
    broken = Broken()
    async with flowing(1, parts=Parts(random_hex=broken.random_hex)) as flow:
        flow.put("a")
        for count in (1, 2):
            await flow.until(lambda count=count: failures(flow) == count)  # type: ignore[misc]
            assert flow.condition("a", "RotationFailing") == DEFECT
            assert flow.history.count("asked a") == count
            assert datetime.fromisoformat(status(flow)["nextRotationTime"]) > datetime.now(UTC) + timedelta(seconds=30)
            a_minute_later(flow)
        broken.now = False
        a_minute_later(flow)
        await flow.until(lambda: failures(flow) == 0)
        assert flow.condition("a", "RotationFailing") == ("False", "Rotated")


async def test_there_is_one_event_for_defects_in_a_row() -> None:
    async with flowing(1, parts=Parts(decide=Broken().decide)) as flow:
        recorder = asyncio.create_task(flow.recorder.run())
        flow.put("a")
        for count in (1, 2, 3):
            await flow.until(lambda count=count: failures(flow) == count)  # type: ignore[misc]
            a_minute_later(flow)
        await flow.until(lambda: bool(flow.api.events))
        assert [(event["reason"], event["type"]) for event in flow.api.events] == [(Reason.OPERATOR_DEFECT, "Warning")]
        await cancel(recorder)
