"""The flow of tokens from IMS into Secrets: who asks, who writes meanwhile, and what holds up nobody else."""

import asyncio
import base64
import logging
from collections.abc import Callable

import pytest

from adobe_ims_operator.api.resource import Key
from unit.flow import NAMESPACE, Flow, cancel, flowing
from unit.troubles import LOST


async def test_the_next_token_is_asked_for_while_the_one_before_is_written() -> None:
    async with flowing(1) as flow:
        flow.api.writes.shut()
        flow.put("a")
        flow.put("b")
        await flow.happens("asked a", "asked b")
        assert "wrote a" not in flow.history
        flow.api.writes.open()
        await flow.happens("wrote a", "wrote b")
        assert flow.tokens() == {"a": "token-1-of-a", "b": "token-1-of-b"}


async def test_no_more_is_asked_for_than_can_be_written() -> None:
    count = 2
    async with flowing(count) as flow:
        flow.api.write_seconds = 0.1
        for number in range(30):
            flow.put(f"c{number}")
        await flow.until(lambda: len(flow.tokens()) == 6)
        ahead, most = 0, 0
        for event in flow.history:
            ahead += 1 if event.startswith("asked") else -1
            most = max(most, ahead)
        assert count < most <= 4 * count


async def test_what_was_begun_is_finished_at_the_end_and_nothing_else_is_begun() -> None:
    count = 2
    async with flowing(count) as flow:
        flow.api.write_seconds = flow.ims[0].seconds = 0.05
        for number in range(30):
            flow.put(f"c{number}")
        await flow.until(lambda: len(flow.tokens()) == 2)
        asked = sum(event.startswith("asked") for event in flow.history)
        await end(flow)
        assert len(flow.tokens()) <= asked + count  # as a turn begins before the request


async def test_at_the_end_tokens_that_wait_for_a_worker_are_written() -> None:
    async with flowing(1) as flow:
        flow.api.writes.shut()
        for name in ("a", "b", "c", "d"):
            flow.put(name)
        await flow.happens("asked b")
        await asyncio.sleep(0.1)
        await end(flow)


async def test_a_token_that_comes_at_the_end_is_written_although_its_client_secret_was_touched() -> None:
    async with flowing(1) as flow:
        flow.ims[0].answers.shut()
        flow.put("a")
        flow.put("b")
        await flow.happens("asked a")
        flow.touch("a-oauth")
        await end(flow)
        assert flow.tokens() == {"a": "token-1-of-a"}


async def test_who_stops_while_another_leads_does_not_wait_for_what_it_may_not_write() -> None:
    async with flowing(1) as flow:
        flow.api.writes.shut()
        for name in ("a", "b", "c", "d"):
            flow.put(name)
        # Of the workers one is kept for other namespaces.
        await flow.until(lambda: bool(flow.ims[0].issued["d"]))
        await asyncio.sleep(0.05)
        flow.controller.pause()
        stopping = asyncio.create_task(flow.controller.stop())
        flow.api.writes.open()
        async with asyncio.timeout(3):
            await stopping
        assert flow.tokens() == {name: f"token-1-of-{name}" for name in ("a", "b", "c")}


async def test_a_write_whose_answer_is_lost_is_logged_and_counted_once(caplog: pytest.LogCaptureFixture) -> None:
    async with flowing(1) as flow:
        flow.put("a")
        await flow.until(lambda: flow.ready("a") is not None)
        with caplog.at_level(logging.INFO, "adobe_ims_operator"):
            flow.api.troubles.answers["PATCH secrets/a"] = LOST
            flow.rotate("a", "now")
            await flow.until(lambda: flow.tokens() == {"a": "token-2-of-a"})
            flow.touch("a")
            await flow.until(lambda: sum(flow.controller.tally.rotations.values()) == 2)
            flow.label("a", "new")
            await flow.until(lambda: flow.condition("a", "RotationFailing") == ("False", "Rotated"))
        assert sum("wrote Secret a" in record.getMessage() for record in caplog.records) == 1
        assert sum(flow.controller.tally.rotations.values()) == 2
        assert len(flow.ims[0].issued["a"]) == 2


async def end(flow: Flow) -> None:
    """Close the workers, let all that was held up go on, and see that each token that came is in its Secret."""
    stopping = asyncio.create_task(flow.controller.stop())
    flow.ims[0].answers.open()
    flow.api.writes.open()
    async with asyncio.timeout(3):
        await stopping
    assert flow.tokens() == {client: tokens[-1] for client, tokens in flow.ims[0].issued.items()}


@pytest.mark.parametrize("touched", ["a-oauth", "a"], ids=["client Secret", "token Secret"])
async def test_a_token_whose_secret_was_touched_meanwhile_does_not_go_to_the_end_of_the_line(touched: str) -> None:
    async with flowing(1) as flow:
        flow.put("a")
        await flow.until(lambda: flow.ready("a") is not None)
        flow.history.clear()
        flow.ims[0].answers.shut()
        flow.rotate("a", "now")
        await flow.happens("asked a")
        for name in ("b", "c", "d", "e"):
            flow.put(name)
        flow.touch(touched)
        flow.ims[0].answers.open()
        flow.ims[0].seconds = 0.02
        await flow.happens("wrote a", "asked c")
        assert flow.history.index("wrote a") < flow.history.index("asked c")
        assert flow.tokens()["a"] == "token-2-of-a"


async def test_who_writes_never_asks_so_that_a_slow_endpoint_holds_up_no_other() -> None:
    async with flowing(1, endpoints=2) as flow:
        slow, _ = flow.ims
        flow.api.writes.shut()
        flow.put("a")
        await flow.happens("asked a")
        await flow.until(lambda: bool(slow.issued["a"]))
        await asyncio.sleep(0.05)
        flow.rotate("a", "while the token is written")
        slow.answers.shut()
        flow.api.writes.open()
        await flow.until(lambda: flow.history.count("asked a") == 2)
        flow.put("b", ims=1)
        await flow.happens("wrote b")
        assert len(slow.issued["a"]) == 1
        slow.answers.open()
        await flow.until(lambda: flow.tokens()["a"] == "token-2-of-a")


async def test_tokens_that_may_not_be_written_keep_nobody_from_being_asked_for() -> None:
    async with flowing(1) as flow:
        refused = {f"refused-{number}" for number in range(8)}
        flow.api.troubles.answers = {f"POST secrets/{name}": 403 for name in refused}
        for name in sorted(refused):
            flow.put(name)
        for name in ("a", "b"):
            flow.put(name)
        await flow.happens("wrote a", "wrote b")
        await flow.until(lambda: all(flow.failing(name) == "SecretWriteRefused" for name in refused))
        flow.api.troubles.answers.clear()
        await flow.happens(*(f"wrote {name}" for name in refused))
        assert {len(tokens) for tokens in flow.ims[0].issued.values()} == {1}


def _ask_again(flow: Flow) -> None:
    flow.rotate("b", "now")


def _change_the_spec(flow: Flow) -> None:
    flow.put("b", scopes=["openid"])


def _delete(flow: Flow) -> None:
    flow.store.delete_credential(Key(NAMESPACE, "b"), "uid-of-b")


def _lead_again(flow: Flow) -> None:
    flow.controller.pause()
    flow.controller.resume(another_led=True)


@pytest.mark.parametrize("change", [_ask_again, _change_the_spec, _delete, _lead_again])
async def test_a_token_that_is_not_wanted_any_more_leaves_its_room_to_others(change: Callable[[Flow], None]) -> None:
    async with flowing(1) as flow:
        flow.api.writes.shut()
        flow.put("a")
        flow.put("b")
        await flow.until(lambda: bool(flow.ims[0].issued["b"]))
        await asyncio.sleep(0.05)  # its token waits for the one worker that writes
        change(flow)
        flow.api.writes.open()
        flow.put("c")
        await flow.happens("wrote c")


async def test_who_shares_a_client_secret_is_told_when_another_finds_it_gone() -> None:
    async with flowing(1) as flow:
        for name in ("a", "b"):
            flow.put(name, client="shared")
        await flow.until(lambda: flow.ready("a") == flow.ready("b") == "Rotated")
        del flow.api.secrets["shared-oauth"]
        flow.rotate("a", "now")  # whose turn reads it, before the watch tells
        await flow.until(lambda: flow.failing("a") == flow.failing("b") == "ClientSecretNotFound")


async def test_those_who_name_a_client_secret_that_changes_read_it_together() -> None:
    names = [f"c-{number}" for number in range(8)]
    async with flowing(8) as flow:
        for name in names:
            flow.put(name, client="shared")
        await flow.until(lambda: all(flow.ready(name) == "Rotated" for name in names))
        asked = flow.api.troubles.asked["GET secrets/shared-oauth"]
        flow.api.reads.shut()
        flow.touch("shared-oauth")
        await asyncio.sleep(0.1)
        flow.api.reads.open()
        await asyncio.sleep(0.2)
        assert 1 <= flow.api.troubles.asked["GET secrets/shared-oauth"] - asked <= 4


async def test_a_client_secret_of_which_the_watch_is_late_to_tell_is_read() -> None:
    async with flowing(1) as flow:
        flow.put("a", client="shared")
        await flow.until(lambda: flow.ready("a") == "Rotated")
        secret = flow.api.secrets["shared-oauth"]
        flow.api.secrets["late-oauth"] = secret | {"metadata": secret["metadata"] | {"name": "late-oauth"}}
        flow.put("b", client="late")
        await flow.until(lambda: flow.ready("b") == "Rotated")


async def test_a_client_secret_that_is_not_there_is_looked_for_once() -> None:
    async with flowing(1) as flow:
        flow.put("a")
        await flow.until(lambda: flow.ready("a") == "Rotated")
        flow.delete_secret("a-oauth")
        await flow.until(lambda: flow.failing("a") == "ClientSecretNotFound")
        asked = flow.api.troubles.asked["GET secrets/a-oauth"]
        for number in range(10):
            flow.label("a", str(number))
            await asyncio.sleep(0.01)
        assert flow.api.troubles.asked["GET secrets/a-oauth"] == asked


async def test_a_routine_rotation_observes_four_times_and_decides_three_times_at_most() -> None:
    async with flowing(1) as flow:
        flow.put("a")
        await flow.until(lambda: flow.ready("a") == "Rotated")
        flow.calls.clear()
        flow.rotate("a", "now")
        await flow.until(lambda: flow.api.credentials["a"]["status"]["rotations"] == 2)
        await asyncio.sleep(0.05)
        assert flow.calls["observe"] <= 4
        assert flow.calls["decide"] <= 3


async def test_what_happens_is_in_the_log_once_and_in_an_event_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with flowing(1) as flow:
        recorder = asyncio.create_task(flow.recorder.run())
        flow.ims[0].accepted = set()
        flow.put("a")
        await flow.until(lambda: flow.failing("a") == "InvalidClient")
        flow.ims[0].accepted = None
        flow.rotate("a", "now")
        await flow.until(lambda: flow.ready("a") == "Rotated")
        flow.put("nowhere", endpoint="https://elsewhere.example")
        await flow.until(lambda: flow.failing("nowhere") == "EndpointNotAllowed")
        await flow.until(lambda: len(flow.api.events) == 3)
        await cancel(recorder)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("adobe_ims_operator")]
    for words in ("does not accept the client", "token expires at", "may not send client secrets"):
        assert sum(words in line for line in lines) == 1, lines
    assert [line for line in lines if "holds a valid token" in line] == []
    assert sorted(each["reason"] for each in flow.api.events) == ["EndpointNotAllowed", "InvalidClient", "Rotated"]


async def test_a_client_secret_that_keeps_changing_while_the_token_is_due_costs_few_requests() -> None:
    async with flowing(1) as flow:
        flow.put("a")
        await flow.until(lambda: flow.ready("a") == "Rotated")
        flow.history.clear()
        flow.ims[0].accepted = {"p8e-right"}
        flow.advance(23 * 3600)
        await flow.happens("asked a")
        for number in range(25):
            flow.api.secrets["a-oauth"]["data"]["client_secret"] = base64.b64encode(f"p8e-{number}".encode()).decode()
            flow.touch("a-oauth")
            await asyncio.sleep(0.05)
        assert flow.history.count("asked a") <= 13
        await flow.until(lambda: flow.condition("a", "RotationFailing") == ("True", "RotatedTooOften"))


async def test_scopes_that_are_not_allowed_are_not_asked_for_by_who_waits_in_a_lane_already() -> None:
    async with flowing(1) as flow:
        flow.ims[0].answers.shut()
        for name in ("a", "b", "c", "d"):
            flow.put(name)
        await flow.happens("asked a")
        await asyncio.sleep(0.05)  # all are in the lane
        assert "asked d" not in flow.history
        flow.controller.queue.pause()
        flow.put("d", scopes=["openid", "Manage_Client_Secrets"])
        flow.ims[0].answers.open()
        await flow.happens("asked b", "asked c")
        await asyncio.sleep(0.05)
        flow.controller.queue.resume()
        await flow.until(lambda: flow.condition("d", "RotationFailing") == ("True", "ScopeNotAllowed"))
        assert "asked d" not in flow.history


async def test_those_that_name_the_keys_of_a_client_secret_in_another_order_read_it_in_common() -> None:
    read, keys = "GET secrets/shared-oauth", {"first": "p8e-first", "second": "p8e-second"}
    async with flowing(8) as flow:
        flow.put("a", client="shared", keys=keys)
        flow.put("b", client="shared", keys=dict(reversed(keys.items())))
        await flow.until(lambda: flow.ready("a") == flow.ready("b") == "Rotated")
        flow.api.reads.shut()
        before, decided = flow.api.troubles.asked[read], flow.calls["decide"]
        flow.touch("shared-oauth")
        await flow.until(lambda: flow.calls["decide"] >= decided + 2)
        flow.api.reads.open()
        await flow.until(lambda: flow.calls["decide"] >= decided + 4)
        assert flow.api.troubles.asked[read] == before + 1
