"""Every request to the API server that comes to nothing reaches the status, is paced, and ends with its cause.

Whatever the answer is: 4xx, 5xx, none in time, half of one, or a connection that ends. The credentials of a test each
have another answer.
"""

import asyncio
from collections.abc import Mapping

import pytest

from unit.flow import Flow, flowing
from unit.troubles import ANSWERS, REFUSED

PATIENCE = 0.6
NAMES = {f"c{number}": answer for number, answer in enumerate(ANSWERS)}
"""The credentials, and what is answered to the request for each."""


def reasons(flow: Flow) -> dict[int | str, tuple[str, str] | None]:
    return {answer: flow.condition(name, "RotationFailing") for name, answer in NAMES.items()}


def expected(refused: str, unavailable: str, others: Mapping[int | str, str] = {}) -> dict[int | str, tuple[str, str]]:
    return {each: ("True", others.get(each, refused if each in REFUSED else unavailable)) for each in ANSWERS}


async def fresh(flow: Flow) -> None:
    """Have all credentials hold a token."""
    for name in NAMES:
        flow.put(name)
    await rotated(flow)


async def rotated(flow: Flow, names: Mapping[str, object] = NAMES) -> None:
    await flow.until(lambda: all(flow.condition(name, "Ready") == ("True", "Rotated") for name in names))
    await flow.until(lambda: all(flow.condition(name, "RotationFailing") == ("False", "Rotated") for name in names))


def fail(flow: Flow, request: str) -> None:
    """Have the request of each credential come to nothing; `request` has its name as {}."""
    flow.api.troubles.asked.clear()
    flow.api.troubles.answers = {request.format(name): answer for name, answer in NAMES.items()}


async def repeated(flow: Flow, *passing: int) -> None:
    """Wait until the status counts more than one failure, but of what is gone at the next look."""
    names = {name for name, answer in NAMES.items() if answer not in passing}
    await flow.until(lambda: all(flow.failures(name) >= 2 for name in names))


async def few(flow: Flow, request: str) -> None:
    """See that all that happens to a credential brings no more attempts than its pace allows."""
    asked = flow.api.troubles.asked
    before = {name: asked[request.format(name)] for name in NAMES}
    for number in range(30):
        for name in NAMES:
            flow.label(name, str(number))
        await asyncio.sleep(0.01)
    most = max(asked[request.format(name)] - before[name] for name in NAMES)
    assert most <= 2, most


async def test_a_client_secret_that_cannot_be_read() -> None:
    async with flowing(32, patience=PATIENCE) as flow:
        request = "GET secrets/{}-oauth"
        fail(flow, request)
        for name in NAMES:
            flow.put(name)
        # Where there is none, the watch tells when it comes.
        want = expected("SecretReadRefused", "SecretReadFailed", {404: "ClientSecretNotFound"})
        await flow.until(lambda: reasons(flow) == want)
        await repeated(flow, 404)
        await few(flow, request)
        assert {flow.ready(name) for name in NAMES} == {"TokenMissing"}
        flow.api.troubles.answers.clear()
        flow.touch("c15-oauth")
        flow.advance(300)
        await rotated(flow)


async def test_a_token_secret_that_cannot_be_read() -> None:
    async with flowing(32, patience=PATIENCE) as flow:
        await fresh(flow)
        request = "GET secrets/{}"
        fail(flow, request)
        for name in NAMES:
            flow.touch(name)
        # One that is not there is made again, and here it is there all the same.
        want = expected("SecretReadRefused", "SecretReadFailed", {404: "SecretWriteFailed"})
        await flow.until(lambda: reasons(flow) == want)
        await repeated(flow)
        await few(flow, request)
        flow.api.troubles.answers.clear()
        flow.advance(300)
        await rotated(flow)


async def test_a_token_secret_that_cannot_be_created() -> None:
    async with flowing(32, patience=PATIENCE) as flow:
        request = "POST secrets/{}"
        fail(flow, request)
        for name in NAMES:
            flow.put(name)
        await flow.until(lambda: reasons(flow) == expected("SecretWriteRefused", "SecretWriteFailed"))
        await repeated(flow)
        await few(flow, request)
        assert {flow.ready(name) for name in NAMES} == {"TokenMissing"}
        flow.api.troubles.answers.clear()
        flow.advance(300)
        await rotated(flow)
        assert {len(tokens) for tokens in flow.ims[0].issued.values()} == {1}


async def test_a_token_secret_that_cannot_be_changed_until_its_token_has_expired() -> None:
    async with flowing(32, patience=PATIENCE) as flow:
        flow.ims[0].expires_in = 600
        await fresh(flow)
        request = "PATCH secrets/{}"
        fail(flow, request)
        for name in NAMES:
            flow.rotate(name, "now")
        await flow.until(lambda: reasons(flow) == expected("SecretWriteRefused", "SecretWriteFailed"))
        await repeated(flow)
        await few(flow, request)
        assert {flow.condition(name, "Ready") for name in NAMES} == {("True", "Rotated")}
        flow.advance(601)
        await flow.until(lambda: {flow.condition(name, "Ready") for name in NAMES} == {("False", "Expired")})
        assert reasons(flow) == expected("SecretWriteRefused", "SecretWriteFailed")
        flow.api.troubles.answers.clear()
        flow.advance(300)
        await rotated(flow)


async def test_to_delete_what_may_not_be_changed_is_the_remedy_and_opens_the_gate_at_once() -> None:
    async with flowing(32) as flow:
        await fresh(flow)
        refused = {name: answer for name, answer in NAMES.items() if answer in REFUSED}
        flow.api.troubles.answers = {f"PATCH secrets/{name}": answer for name, answer in refused.items()}
        for name in refused:
            flow.rotate(name, "now")
        # The next attempt of each is two seconds away then.
        await flow.until(lambda: {flow.failures(name) for name in refused} == {2})
        flow.history.clear()
        for name in refused:
            flow.delete_secret(name)
        async with asyncio.timeout(1.9):
            await flow.happens(*(f"wrote {name}" for name in refused))
        assert {flow.tokens()[name] for name in refused} == {f"token-2-of-{name}" for name in refused}


async def test_a_token_secret_that_can_be_neither_changed_nor_read() -> None:
    async with flowing(4) as flow:
        flow.put("a")
        await flow.until(lambda: flow.ready("a") == "Rotated")
        flow.api.troubles.answers = {"PATCH secrets/a": 409, "GET secrets/a": 500}
        flow.rotate("a", "now")
        await flow.until(lambda: flow.condition("a", "RotationFailing") == ("True", "SecretReadFailed"))
        flow.api.troubles.answers.clear()
        flow.advance(30)
        await flow.until(lambda: flow.condition("a", "RotationFailing") == ("False", "Rotated"))


async def test_a_token_secret_that_somebody_else_writes_to_all_the_time() -> None:
    async with flowing(4) as flow:
        flow.put("a")
        await flow.until(lambda: flow.ready("a") == "Rotated")
        flow.api.troubles.asked.clear()
        flow.api.troubles.answers = {"PATCH secrets/a": 409}
        flow.rotate("a", "now")
        for _ in range(100):
            flow.touch("a")
            await asyncio.sleep(0.01)
        assert flow.condition("a", "RotationFailing") == ("True", "SecretWriteFailed")
        assert flow.api.troubles.asked["PATCH secrets/a"] <= 3
        flow.api.troubles.answers.clear()
        flow.advance(30)
        await flow.until(lambda: flow.condition("a", "RotationFailing") == ("False", "Rotated"))


async def test_a_token_secret_that_cannot_be_read_before_it_gets_the_token_of_another_spec() -> None:
    async with flowing(32, patience=PATIENCE) as flow:
        await fresh(flow)
        request = "GET secrets/{}"
        fail(flow, request)
        for name in NAMES:
            flow.put(name, scopes=["openid"])
        want = expected("SecretReadRefused", "SecretReadFailed", {404: "SecretWriteFailed"})
        await flow.until(lambda: reasons(flow) == want)
        await repeated(flow)
        await few(flow, request)
        flow.api.troubles.answers.clear()
        flow.advance(300)
        await rotated(flow)
        assert {len(tokens) for tokens in flow.ims[0].issued.values()} == {2}


async def test_a_client_secret_that_cannot_be_read_until_the_token_has_expired() -> None:
    async with flowing(32, patience=PATIENCE) as flow:
        flow.ims[0].expires_in = 600
        await fresh(flow)
        request = "GET secrets/{}-oauth"
        fail(flow, request)
        flow.advance(400)  # it is due
        want = expected("SecretReadRefused", "SecretReadFailed", {404: "ClientSecretNotFound"})
        await flow.until(lambda: reasons(flow) == want)
        await repeated(flow, 404)
        await few(flow, request)
        assert {flow.condition(name, "Ready") for name in NAMES} == {("True", "Rotated")}
        flow.advance(201)
        await flow.until(lambda: {flow.condition(name, "Ready") for name in NAMES} == {("False", "Expired")})


async def test_a_secret_that_is_deleted_while_its_credential_is_in_work_is_made_again() -> None:
    async with flowing(1) as flow:
        flow.put("a")
        await flow.until(lambda: flow.ready("a") == "Rotated")
        flow.api.statuses.shut()
        flow.api.troubles.asked.clear()
        flow.rotate("a", "now")
        await flow.until(lambda: flow.api.troubles.asked["PATCH adobeimscredentials/a/status"] == 1)
        flow.delete_secret("a")
        flow.advance(10)  # its users are due by now
        flow.history.clear()
        flow.api.statuses.open()
        await flow.happens("wrote a")


async def test_a_workload_that_cannot_be_restarted() -> None:
    async with flowing(32, patience=PATIENCE) as flow:
        request = "PATCH deployments/{}"
        flow.api.workloads = {name: {"metadata": {"name": name, "uid": name, "resourceVersion": "1"}} for name in NAMES}
        fail(flow, request)
        for name in NAMES:
            flow.put(name, restart=[{"kind": "Deployment", "name": name}])
        want = {
            each: ("False", "RestartRefused" if each in REFUSED else "RestartFailed") for each in ANSWERS if each != 404
        }
        want[404] = ("False", "WorkloadNotFound")
        restarted = {answer: name for name, answer in NAMES.items()}
        await flow.until(
            lambda: {each: flow.condition(restarted[each], "WorkloadsRestarted") for each in ANSWERS} == want
        )
        await few(flow, request)
        assert {flow.condition(name, "Ready") for name in NAMES} == {("True", "Rotated")}
        flow.api.troubles.answers.clear()
        flow.advance(600)
        there = [name for name, answer in NAMES.items() if answer != 404]
        await flow.until(
            lambda: {flow.condition(name, "WorkloadsRestarted") for name in there} == {("True", "Restarted")}
        )
        assert max(flow.history.count(f"restarted {name}") for name in NAMES) == 1


async def test_an_old_secret_that_cannot_be_deleted() -> None:
    async with flowing(32, patience=PATIENCE) as flow:
        await fresh(flow)
        request = "DELETE secrets/{}"
        fail(flow, request)
        for name in NAMES:
            flow.put(name, secret={"name": f"new-{name}"})
        want = expected("OldSecretNotDeleted", "OldSecretNotDeleted") | {404: ("False", "Rotated")}
        await flow.until(lambda: reasons(flow) == want)
        await repeated(flow, 404)
        await few(flow, request)
        assert {flow.condition(name, "Ready") for name in NAMES} == {("True", "Rotated")}
        flow.api.troubles.answers.clear()
        flow.advance(300)
        await rotated(flow)
        assert {name for name in NAMES if name in flow.api.secrets} == {"c15"}  # of which it was said that it is gone


async def test_an_old_secret_that_cannot_be_deleted_keeps_no_worker_busy_while_suspended() -> None:
    async with flowing(1) as flow:
        flow.put("a")
        await flow.until(lambda: flow.ready("a") == "Rotated")
        flow.api.troubles.answers = {"DELETE secrets/a": 403}
        flow.put("a", secret={"name": "new"})
        await flow.until(lambda: flow.condition("a", "RotationFailing") == ("True", "OldSecretNotDeleted"))
        flow.put("a", secret={"name": "new"}, suspend=True)
        await flow.until(lambda: flow.ready("a") == "Suspended")
        flow.advance(300)
        await asyncio.sleep(0.1)
        flow.calls.clear()
        await asyncio.sleep(0.3)
        assert flow.calls["observe"] <= 2


async def test_a_status_that_cannot_be_written() -> None:
    async with flowing(32, patience=PATIENCE) as flow:
        request = "PATCH adobeimscredentials/{}/status"
        fail(flow, request)
        for name in NAMES:
            flow.put(name)
        await flow.happens(*(f"wrote {name}" for name in NAMES))
        await few(flow, request)
        assert {flow.ready(name) for name in NAMES} == {None}
        flow.api.troubles.answers.clear()
        flow.advance(300)
        await rotated(flow)
        assert {len(tokens) for tokens in flow.ims[0].issued.values()} == {1}


@pytest.mark.parametrize("answer", [422, 404, 500])
async def test_whoever_touches_a_credential_does_not_get_its_status_written_any_sooner(answer: int) -> None:
    async with flowing(4) as flow:
        request = "PATCH adobeimscredentials/a/status"
        flow.api.troubles.answers = {request: answer}
        flow.put("a")
        await flow.happens("wrote a")
        for number in range(200):
            flow.label("a", str(number))
            await asyncio.sleep(0.005)
        assert 1 <= flow.api.troubles.asked[request] <= 3


async def test_a_change_of_the_spec_may_be_what_lets_its_status_be_written() -> None:
    async with flowing(4) as flow:
        request = "PATCH adobeimscredentials/a/status"
        flow.api.troubles.answers = {request: 422}
        flow.put("a")
        await flow.until(lambda: flow.api.troubles.asked[request] == 2)  # the next is two seconds away
        flow.api.troubles.answers.clear()
        flow.put("a", suspend=True)
        async with asyncio.timeout(1.9):
            await flow.until(lambda: flow.ready("a") == "Suspended")


async def test_ims_that_does_not_answer_while_a_token_expires() -> None:
    async with flowing(4) as flow:
        flow.ims[0].expires_in = 600
        flow.put("a")
        await flow.until(lambda: flow.ready("a") == "Rotated")
        flow.ims[0].answers.shut()
        flow.advance(400)
        await flow.until(lambda: flow.history.count("asked a") == 2)
        assert flow.condition("a", "Ready") == ("True", "Rotated")
        flow.advance(201)
        await flow.until(lambda: flow.condition("a", "Ready") == ("False", "Expired"))
        flow.ims[0].answers.open()
        await flow.until(lambda: flow.condition("a", "Ready") == ("True", "Rotated"))


async def test_a_new_credential_gets_a_status_however_often_its_client_is_throttled_again() -> None:
    async with flowing(4) as flow:
        flow.ims[0].throttled = {"a": "20"}
        flow.put("a")
        await flow.until(lambda: flow.condition("a", "RotationFailing") == ("True", "IMSRateLimited"))
        flow.put("b", client="a")
        await flow.until(lambda: flow.controller.throttles.waiting == 2)
        assert flow.ready("b") is None
        flow.advance(11)
        await flow.until(lambda: flow.ready("b") == "TokenMissing")


async def test_a_new_credential_gets_a_status_while_the_endpoint_is_busy_with_others() -> None:
    async with flowing(4) as flow:
        flow.ims[0].answers.shut()
        for number in range(20):
            flow.put(f"c{number}")
        await flow.until(lambda: sum(lane.depth for lane in flow.controller.lanes.values()) == 16)
        flow.advance(11)
        await flow.until(lambda: {flow.ready(f"c{number}") for number in range(20)} == {"TokenMissing"})
