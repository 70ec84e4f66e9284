"""A status that goes back and forth is written less and less often, and is right in the end."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.status import READY, ROTATION_FAILING, Condition, Status
from adobe_ims_operator.core import flips
from adobe_ims_operator.core.flips import FREE, ROW
from unit.flow import Flow, Object, flowing
from unit.worlds import NOW

SECOND = timedelta(seconds=1)
FINE, MISSING = ("False", "Rotated"), ("True", "ClientSecretNotFound")


def status(ready: str = "True", failing: tuple[str, str] = ("False", "Rotated")) -> Status:
    conditions = Condition(READY, ready, "Rotated", ""), Condition(ROTATION_FAILING, *failing, "")
    return Status(observed_generation=1, rotations=1, conditions=conditions)


def test_only_that_rotations_fail_or_why_is_a_flip() -> None:
    before, after = status(), status(failing=("True", "ClientSecretNotFound"))
    assert flips.is_flip(before, after)
    assert flips.is_flip(after, before)
    assert flips.is_flip(after, status(failing=("True", "ClientSecretInvalid")))
    assert not flips.is_flip(before, before)
    assert not flips.is_flip(before, replace(before, failures=3))
    assert not flips.is_flip(before, status("False", ("True", "ClientSecretNotFound"))), "it expired"
    assert not flips.is_flip(before, replace(after, rotations=2)), "it was rotated"
    assert not flips.is_flip(before, replace(after, observed_generation=2)), "the spec was edited"
    assert not flips.is_flip(Status(), after), "it is new"


def test_another_key_that_is_missing_is_a_flip_and_another_attempt_that_failed_is_none() -> None:
    before = replace(status(failing=("True", "ClientSecretKeyMissing")), failures=1)
    ready, failing = before.conditions
    after = replace(before, conditions=(ready, replace(failing, message="another key")))
    assert flips.is_flip(before, after)
    assert not flips.is_flip(before, replace(after, failures=2)), "attempts have a pace of their own"


@given(st.lists(st.floats(0, 300), min_size=1, max_size=60))
def test_of_a_row_the_first_are_free_and_the_others_ever_further_apart(pauses: list[float]) -> None:
    now, row, waits = NOW, None, []
    for pause in pauses:
        now = max(now if row is None else row.retry_at, now + pause * SECOND)
        row = flips.after(row, now, 0.0)
        waits.append(row.retry_at - now)
    assert waits[: FREE - 1] == [timedelta()] * len(waits[: FREE - 1])
    assert waits == sorted(waits)
    assert all(5 * SECOND <= wait <= 300 * SECOND for wait in waits[FREE - 1 :])


def test_after_a_quiet_while_the_first_are_free_again() -> None:
    row = None
    for _ in range(10):
        row = flips.after(row, NOW, 0.0)
    assert row is not None
    assert flips.after(row, NOW + ROW, 0.0).count == 1
    assert flips.after(row, NOW - SECOND, 0.0).count == 1, "the clock was set back"


def test_no_wait_is_longer_because_the_clock_was_wrong() -> None:
    row = flips.after(flips.after(None, NOW, 0.0), NOW, 0.0)
    assert flips.until(None, NOW) is None
    assert flips.until(row, NOW) == row.retry_at
    assert flips.until(row, row.retry_at) is None
    assert flips.until(row, NOW - timedelta(hours=1)) is None


def restore(flow: Flow, secret: Object) -> None:
    flow.api.secrets["a-oauth"] = secret
    flow.touch("a-oauth")


async def breaks(flow: Flow) -> None:
    flow.delete_secret("a-oauth")
    await flow.until(lambda: flow.condition("a", ROTATION_FAILING) == MISSING)


async def test_a_client_secret_that_comes_and_goes_is_reported_a_few_times_and_rightly_in_the_end() -> None:
    async with flowing(2) as flow:
        flow.put("a")
        await flow.until(lambda: flow.ready("a") == "Rotated")
        secret = flow.api.secrets["a-oauth"]
        await breaks(flow)
        restore(flow, secret)
        await flow.until(lambda: flow.condition("a", ROTATION_FAILING) == FINE)
        for _ in range(5):
            flow.delete_secret("a-oauth")
            await asyncio.sleep(0.05)
            restore(flow, secret)
            await asyncio.sleep(0.05)
        flow.delete_secret("a-oauth")
        await asyncio.sleep(0.2)
        assert flow.condition("a", ROTATION_FAILING) == FINE, "that it is gone again is put off"
        flow.advance(6)
        await flow.until(lambda: flow.condition("a", ROTATION_FAILING) == MISSING)
        restore(flow, secret)
        await asyncio.sleep(0.05)
        assert flow.condition("a", ROTATION_FAILING) == MISSING
        flow.advance(11)
        await flow.until(lambda: flow.condition("a", ROTATION_FAILING) == FINE)
        assert flow.condition("a", READY) == ("True", "Rotated")


async def test_a_new_token_is_reported_however_often_the_status_went_back_and_forth() -> None:
    async with flowing(2) as flow:
        flow.put("a")
        await flow.until(lambda: flow.ready("a") == "Rotated")
        secret = flow.api.secrets["a-oauth"]
        for _ in range(6):
            flow.delete_secret("a-oauth")
            await asyncio.sleep(0.05)
            restore(flow, secret)
            await asyncio.sleep(0.05)
        flow.rotate("a", "now")
        await flow.until(lambda: flow.api.credentials["a"]["status"]["rotations"] == 2)
