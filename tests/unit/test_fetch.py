"""A token for one credential: with which client secret IMS is asked, by whom, and what a 429 holds."""

import asyncio

import pytest

from unit.flow import Flow, Parts, flowing


async def test_the_next_client_secret_is_tried_where_ims_does_not_accept_the_one_before() -> None:
    async with flowing(2) as flow:
        flow.ims[0].accepted = {"p8e-new"}
        flow.put("a", keys={"old": "p8e-old", "new": "p8e-new"})
        await flow.until(lambda: flow.ready("a") == "Rotated")
        assert flow.history.count("asked a") == 2
        assert flow.api.credentials["a"]["status"]["clientSecretKey"] == "new"


async def test_what_is_said_of_the_last_client_secret_counts() -> None:
    async with flowing(2) as flow:
        flow.ims[0].accepted = {"p8e-other"}
        flow.put("a", keys={"old": "p8e-old", "new": "p8e-new"})
        await flow.until(lambda: flow.failing("a") == "InvalidClient")
        assert flow.history.count("asked a") == 2


@pytest.mark.parametrize(
    ("description", "keys", "words"),
    [
        ("invalid client_id parameter", {"s": "p8e-1"}, "the client id (Secret a-oauth, key client_id)"),
        ("invalid client_secret parameter", {"s": "p8e-1"}, "the client secret (Secret a-oauth, key s)"),
        ("invalid client_secret", {"s": "p8e-1", "t": "p8e-2"}, "the client secret (Secret a-oauth, keys s and t)"),
        ("", {"s": "p8e-1"}, "the client id or the client secret (Secret a-oauth, keys client_id and s)"),
        ("", {"s": "'p8e-1'"}, "look at what was stored: the value under s stands in quotes"),
        ("", {"s": "cDhlLXNlY3JldA=="}, "the value under s looks like base64 that was encoded twice"),
        ("", {"s": "p8e-1", "t": "p8e-\u200b"}, "the value under t has a zero-width space and is passed over"),
    ],
)
async def test_a_client_that_is_not_accepted_is_told_with_its_secret_its_keys_and_the_endpoint(
    caplog: pytest.LogCaptureFixture, description: str, keys: dict[str, str], words: str
) -> None:
    caplog.set_level("DEBUG")
    async with flowing(2) as flow:
        flow.ims[0].accepted, flow.ims[0].description = set(), description
        flow.put("a", keys=keys)
        await flow.until(lambda: flow.failing("a") == "InvalidClient")
        status = flow.api.credentials["a"]["status"]
        message = next(each["message"] for each in status["conditions"] if each["type"] == "RotationFailing")
        assert words in message
        assert f"{flow.ims[0].url} does not accept" in message
        assert "put a valid one there, or set spec.endpoint" in message
        assert message.endswith("(for Adobe's support: x-debug-id 0000-of-an-answer)")
        logged = [record.getMessage() for record in caplog.records if record.name.startswith("adobe_ims_operator")]
        assert any("x-debug-id 0000-of-an-answer" in line for line in logged)
        for value in keys.values():
            assert value not in f"{status} {logged}"


async def test_each_client_secret_that_is_not_accepted_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with flowing(2) as flow:
        flow.ims[0].accepted = {"p8e-new"}
        flow.put("a", keys={"old": "p8e-old", "new": "p8e-new"})
        await flow.until(lambda: flow.ready("a") == "Rotated")
    told = [record.getMessage() for record in caplog.records if "the key old; the next" in record.getMessage()]
    assert len(told) == 1
    assert "x-debug-id 0000-of-an-answer" in told[0]


async def test_a_replica_that_may_no_longer_lead_asks_nothing() -> None:
    async with flowing(2) as flow:
        flow.leads = False
        flow.put("a")
        await asyncio.sleep(0.2)
        assert "asked a" not in flow.history
        flow.leads = True
        await flow.happens("wrote a")


async def test_a_429_holds_its_client_in_its_namespace_and_nobody_else() -> None:
    async with flowing(4) as flow:
        flow.ims[0].throttled = {"a": "3600"}
        flow.put("a")
        await flow.until(lambda: flow.failing("a") == "IMSRateLimited")
        flow.put("also-a", client="a")
        flow.put("b")
        await flow.until(lambda: flow.ready("b") == "Rotated")
        await asyncio.sleep(0.2)
        assert flow.history.count("asked a") == 1


async def test_who_has_a_turn_and_asks_nothing_leaves_it_to_others() -> None:
    async with flowing(2, parts=Parts(qps=0.01)) as flow:
        flow.put("without-a-value", keys={"client_secret": ""})
        await flow.until(lambda: flow.failing("without-a-value") == "ClientSecretKeyMissing")
        flow.put("b")
        await flow.until(lambda: flow.ready("b") == "Rotated")


async def test_after_a_hold_one_request_probes_and_the_rest_follow() -> None:
    async with flowing(8) as flow:
        ims = flow.ims[0]
        ims.throttled = {"a": "1"}
        names = [f"c{number}" for number in range(6)]
        flow.put(names[0], client="a")
        await flow.until(lambda: flow.failing(names[0]) == "IMSRateLimited")  # until then the others may ask too
        for name in names[1:]:
            flow.put(name, client="a")
        await one_probes(flow, names, asked=1)


async def test_those_that_asked_before_the_429_came_wait_for_one_that_probes_too() -> None:
    async with flowing(8) as flow:
        ims = flow.ims[0]
        ims.throttled = {"a": "1"}
        ims.answers.shut()
        names = [f"c{number}" for number in range(6)]
        for name in names:
            flow.put(name, client="a")
        await flow.until(lambda: flow.history.count("asked a") == len(names))
        ims.answers.open()
        await flow.until(lambda: all(flow.failing(name) == "IMSRateLimited" for name in names))
        await one_probes(flow, names, asked=len(names))


async def one_probes(flow: Flow, names: list[str], asked: int) -> None:
    """See that a client that is held, and was `asked` for so often, is asked for once more until that is answered."""
    ims = flow.ims[0]
    ims.throttled = {}
    ims.answers.shut()
    await flow.until(lambda: flow.history.count("asked a") > asked)
    await asyncio.sleep(0.3)
    probes = flow.history.count("asked a") - asked
    ims.answers.open()
    await flow.until(lambda: all(flow.ready(name) == "Rotated" for name in names))
    assert probes == 1
