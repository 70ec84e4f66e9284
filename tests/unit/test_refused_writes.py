"""A write that is refused: one request each time, a few at once for who edits, and then the pace of who waits."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core import attempts as attempt
from adobe_ims_operator.core import refused_writes
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.decision import Ask, Wait, Write
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Attempts, Inputs, Observed, Step, Trouble
from adobe_ims_operator.core.policy import FREE_ROTATIONS, decide
from adobe_ims_operator.core.refused_writes import FREE_RETRIES, Refusal
from unit import worlds
from unit.flow import Flow, flowing
from unit.worlds import INPUTS, NOW

SECOND = timedelta(seconds=1)
FINDING = Finding(Reason.SECRET_WRITE_REFUSED, "no")


def edit(number: int) -> Inputs:
    return INPUTS._replace(spec_digest=f"spec-{number}")


def with_token(known: Attempts, inputs: Inputs) -> Observed:
    """There is no Secret yet, and a token for these inputs is in hand."""
    seen = worlds.observed(None, inputs=inputs, held=worlds.held(inputs=inputs))
    return replace(seen, attempts=known)


def refuse(known: Attempts, inputs: Inputs, seconds: float, answer: str = "403 Forbidden") -> Attempts:
    now = NOW + seconds * SECOND
    refusal = Refusal(answer, FINDING, inputs.spec_digest)
    row = refused_writes.after(known.refused, refusal, now)
    trouble = Trouble(FINDING, Pace.REFUSED_WRITE)
    return attempt.failed(known, Step.WRITE, trouble, inputs, now, 0.0, refused=row)


def writes(edits: list[float], until: float) -> list[float]:
    """When it is written by who edits the spec at these seconds, and each write is refused."""
    known, inputs, found, second = Attempts("uid-1"), INPUTS, [], 0.0
    while second < until:
        if edits and second >= edits[0]:
            inputs, edits = edit(len(edits)), edits[1:]
            known = attempt.token_came(known, NOW + timedelta(days=1))
        now = NOW + second * SECOND
        decision = decide(with_token(known, inputs), now)
        if isinstance(decision, Write):
            known = refuse(known, inputs, second)
            found.append(second)
        else:
            assert isinstance(decision, Wait)
            second = min([second + (decision.look_again_at - now).total_seconds(), *edits[:1]])
    return found


def test_who_waits_is_tried_after_5_s_doubling() -> None:
    assert writes([], 160) == [0, 5, 15, 35, 75, 155]


def test_an_edit_is_tried_at_once_however_long_it_was_refused_before() -> None:
    assert 200.0 in writes([200.0], 201)
    assert {20.0, 90.0, 160.0, 230.0, 300.0} <= set(writes([20.0, 90.0, 160.0, 230.0, 300.0], 301))
    assert {20.0, 25.0, 30.0} <= set(writes([20.0, 25.0, 30.0], 31)), "and so are two that correct it"


@given(st.lists(st.integers(0, 3000).map(lambda tenths: tenths / 10), max_size=300).map(sorted))
def test_whatever_is_edited_there_are_few_writes_in_a_minute(edits: list[float]) -> None:
    found = writes(edits, 300)
    for start in found:
        assert sum(start <= each < start + 60 for each in found) <= 2 * FREE_RETRIES + 4
    assert len(found) <= 6 + (FREE_RETRIES + 2) * 6


def test_a_token_that_could_not_be_written_is_not_asked_for() -> None:
    known = Attempts("uid-1")
    for number in range(FREE_RETRIES + 1):
        assert isinstance(decide(with_token(known, edit(number)), NOW), Write)
        known = refuse(known, edit(number), 0)
    seen = replace(worlds.observed(None, inputs=edit(99)), attempts=known)
    decision = decide(seen, NOW)
    assert isinstance(decision, Wait)
    assert decision.finding == FINDING
    assert isinstance(decide(seen, NOW + timedelta(minutes=1)), Ask)


def test_another_answer_and_a_write_that_succeeds_begin_again() -> None:
    known = Attempts("uid-1")
    for number in range(FREE_RETRIES + 1):
        known = refuse(known, edit(number), 0)
    assert isinstance(decide(with_token(attempt.written(known, 7), edit(99)), NOW), Write)
    known = refuse(known, edit(99), 0, "422 Invalid")
    assert isinstance(decide(with_token(known, edit(100)), NOW), Write)


def has_failed(flow: Flow, times: int) -> bool:
    return flow.failures("a") == times


def posts(flow: Flow) -> int:
    """How often a new Secret was sent, and how often a dummy of it."""
    return sum(count for what, count in flow.api.troubles.asked.items() if what.startswith("POST secrets/"))


async def test_a_refusal_that_repeats_costs_one_request_and_edits_cost_few() -> None:
    async with flowing(1) as flow:
        flow.api.troubles.answers = {"POST secrets/a": 403, "POST secrets/a-": 403}
        flow.put("a")
        await flow.until(lambda: flow.condition("a", "RotationFailing") == ("True", "SecretWriteRefused"))
        assert posts(flow) == 2
        for count, seconds in enumerate((6, 11, 21), 2):
            flow.advance(seconds)
            await flow.until(partial(has_failed, flow, count))
            assert posts(flow) == count + 1
        for number in range(30):
            flow.put("a", secret={"data": {"access_token": f"$(access_token) {number}"}})
            await asyncio.sleep(0.02)
        assert posts(flow) <= 5 + FREE_RETRIES + 1
        assert flow.history.count("asked a") <= FREE_ROTATIONS + 1  # fewer, unless an edit comes while IMS is asked
        flow.api.troubles.answers.clear()
        flow.advance(60)
        await flow.until(lambda: flow.ready("a") == "Rotated")


async def test_one_edit_that_mends_it_is_written_at_once_even_if_it_is_only_a_label() -> None:
    async with flowing(1) as flow:
        flow.api.troubles.answers = {"POST secrets/a": 403, "POST secrets/a-": 403}
        flow.put("a")
        await flow.until(lambda: flow.condition("a", "RotationFailing") == ("True", "SecretWriteRefused"))
        flow.api.troubles.answers.clear()
        flow.put("a", secret={"labels": {"team": "photos"}})
        await flow.until(lambda: flow.ready("a") == "Rotated")
        assert flow.history == ["asked a", "wrote a"]
