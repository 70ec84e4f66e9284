"""The arithmetic of `bench.fair`: windows, closures, tokens that expired, and figures that miss their goals."""

import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_stand_in.record import Entry
from bench import burst, throttled
from bench.audit import Request
from bench.burst import Plan, Share, first_written
from bench.table import Figure
from bench.windows import Replaced, closures, most_allowed, most_inside, most_within, replaced
from testbed.stand_in import Requests

MOMENTS = st.lists(st.integers(0, 60).map(lambda quarter: quarter / 4), max_size=30)


@given(MOMENTS, st.sampled_from([0.5, 1, 10]))
def test_no_window_holds_more_than_the_most_and_one_does(moments: list[float], seconds: float) -> None:
    held = [sum(begin <= each < begin + seconds for each in moments) for begin in moments]
    assert most_within(moments, seconds) == max(held, default=0)


def test_a_limit_lets_through_its_rate_and_a_burst() -> None:
    assert (most_allowed(50, 1), most_allowed(50, 10), most_allowed(0.1, 10)) == (110, 560, 2)


@given(MOMENTS, st.sampled_from([0.5, 1, 3]))
def test_closures_cover_just_the_time_after_each_answer(answered: list[float], seconds: float) -> None:
    spans = closures(answered, seconds)
    assert all(earlier[1] < later[0] for earlier, later in pairwise(spans))
    for quarter in range(100):
        moment = quarter / 4 + 0.01
        closed = any(begin <= moment < begin + seconds for begin in answered)
        assert closed is any(begin <= moment < end for begin, end in spans)


def test_the_fullest_closure_counts() -> None:
    assert most_inside([0, 1, 1.5, 2, 7, 9], [(1, 2), (2, 3), (7, 9)]) == 2
    assert most_inside([1, 2], []) == 0


@pytest.mark.parametrize(
    ("written", "now", "expected"),
    [
        ({"a": 90, "b": 150}, 150, Replaced(0, 10)),
        ({"a": 100, "b": 150}, 150, Replaced(1, 0)),
        ({"a": 107, "b": 150}, 150, Replaced(1, -7)),
        ({"b": 150}, 99, Replaced(0, 50)),
        ({"b": 150}, 100, Replaced(1, 50)),
    ],
    ids=["in time", "too late by a hair", "too late", "not yet", "never"],
)
def test_a_token_expires_unless_its_successor_was_there_before(
    written: dict[str, float], now: float, expected: Replaced
) -> None:
    assert replaced({"a": 100, "b": 200}, written, now) == expected


def test_with_no_successor_there_is_no_least_time() -> None:
    assert math.isnan(replaced({"a": 100}, {}, 50).left)


def test_a_tenth_is_on_the_slow_endpoint_and_the_others_get_half_each() -> None:
    assert Counter(burst.place(number) for number in range(1000)) == {"slow": 100, "left": 450, "right": 450}


@given(st.integers(1, 5000), st.integers(0, 60), st.integers(61, 1000))
def test_nothing_is_rotated_twice_while_it_is_watched(routine: int, slow: int, margin: int) -> None:
    plan = Plan(routine, 5000, 50, slow, margin)
    for issued in (0, plan.spread):
        expires_at = issued + plan.lifetime
        due = plan.lifetime - margin  # by the first token, issued at 0
        assert due - issued >= plan.horizon
        assert margin <= expires_at - due < plan.horizon


def test_of_the_writes_of_a_secret_the_first_that_succeeded_counts() -> None:
    def request(verb: str, status: int, answered: float, resource: str = "secrets") -> Request:
        return Request(verb, resource, status, answered, "a")

    asked = [
        request("get", 200, 1),
        request("patch", 409, 2),
        request("patch", 200, 3, "adobeimscredentials/status"),
        request("patch", 200, 4),
        request("create", 201, 5),
    ]
    assert first_written(asked) == {"a": 4}
    assert first_written(asked[:3]) == {}


def share(routine: int = 1, new: int = 9, written: float = 1009.0, asked: int = 10) -> Share:
    names = [f"routine-{number}" for number in range(routine)]
    return Share(
        expires_at=dict.fromkeys(names, 1100.0),
        new=new,
        written=dict.fromkeys([*names, *(f"new-{number}" for number in range(new))], written),
        requests=asked,
        asked=tuple(1000.0 + number for number in range(asked)),
    )


def outcome(**shares: Share) -> burst.Outcome:
    usual = {name: share() for name in burst.ENDPOINTS}
    return burst.Outcome(Plan(3, 27, 1, 30, 100), due=1000, created=2.0, end=1200.0, shares=usual | shares)


def missed(figures: list[Figure]) -> list[str]:
    return [figure.what for figure in figures if figure.holds is False]


def test_a_burst_that_cost_nobody_anything_misses_no_goal() -> None:
    assert missed(burst.figures(outcome())) == []


@pytest.mark.parametrize(
    ("changed", "goal"),
    [
        ({"slow": share(written=1101)}, "routine tokens that expired"),
        ({"left": share(written=1012)}, "left: due to last of 10 tokens"),
        ({"right": replace(share(), written={"routine-0": 1009})}, "right: due to last of 10 tokens"),
        ({"left": share(asked=11)}, "left: tokens asked for each"),
        ({"slow": share(asked=43)}, "slow: asked for, and not written yet"),
        ({"slow": replace(share(), asked=(1000.0,) * 3)}, "slow: most requests in 1 s"),
        (
            {"slow": replace(share(), asked=tuple(1000 + each * 0.8 for each in range(12)))},
            "slow: most requests in 10 s",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_goal_of_a_burst_can_be_missed(changed: dict[str, Share], goal: str) -> None:
    assert missed(burst.figures(outcome(**changed))) == [goal]


def throttling(number: int = 20, requests: int = 22, status_writes: int = 22) -> throttled.Outcome:
    log = [entry(2000 + each, "rate_limited" if each in {3, 9} else "token") for each in range(requests)]
    asked = Requests(requests, {}, {}, number, 0, 0, tuple(log))
    every = [Request(verb, "x", 200, 0) for verb in ("get", "create", "post") for _ in range(number)]
    writes = [Request("patch", "adobeimscredentials/status", 200, 0)] * status_writes
    return throttled.Outcome(
        number=number,
        retry_after=1,
        qps=50,
        latency=0.15,
        started=2000,
        unready=0,
        written={str(each): 2030.0 for each in range(number)},
        asked=asked,
        requests=every + writes,
    )


def entry(moment: float, answer: str) -> Entry:
    return Entry(moment, "", (), "1.1", answer, 1)


def test_an_endpoint_that_throttles_and_is_obeyed_misses_no_goal() -> None:
    assert missed(throttled.figures(throttling())) == []


@pytest.mark.parametrize(
    ("changed", "goal"),
    [
        (replace(throttling(), unready=1), "not Ready of 20"),
        (throttling(requests=23), "requests"),
        (throttling(status_writes=50), "API requests each"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_goal_beside_429s_can_be_missed(changed: throttled.Outcome, goal: str) -> None:
    assert missed(throttled.figures(changed)) == [f"429, Retry-After 1 s: {goal}"]


def test_requests_before_an_endpoint_opens_again_are_seen() -> None:
    fine = throttling()
    early = replace(fine.asked, log=(*fine.asked.log, *(entry(2003.2 + each / 20, "token") for each in range(9))))
    assert missed(throttled.figures(replace(fine, asked=early))) == ["429, Retry-After 1 s: most while it was closed"]
