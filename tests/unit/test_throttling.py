"""What a 429 leads to among credentials: who waits, who probes, who is told when the wait is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.adobe.rate_limit import RateLimit
from adobe_ims_operator.adobe.throttled_clients import LONGEST_PROBE, ThrottledClient
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.throttling import PROBE_SECONDS, Throttles
from unit.clocks import SetClock

ENDPOINT = "https://ims"
CLIENT = ThrottledClient(ENDPOINT, "photos", "id")
A, B, C = (Key("photos", name) for name in "abc")


class Scene:
    """Throttles of one endpoint, by a clock that is set."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.limit = RateLimit(64, self.clock.monotonic)
        self.enqueued: list[Key] = []
        self.throttles = Throttles({ENDPOINT: self.limit}, self.clock.monotonic, self.enqueued.append)

    def left(self, *keys: Key) -> list[float | None]:
        return [self.throttles.seconds_left(CLIENT, key) for key in keys]


def test_all_of_a_client_wait_for_as_long_as_ims_asked() -> None:
    scene = Scene()
    assert scene.left(A) == [None]
    assert scene.throttles.throttled(CLIENT, 60) == 60
    assert scene.left(A, B) == [60, 60]
    assert not scene.throttles.admit(CLIENT)
    assert scene.throttles.seconds_left(CLIENT._replace(client_id="other"), C) is None


def test_after_a_hold_the_first_to_ask_probes_and_the_others_wait_for_it() -> None:
    scene = Scene()
    scene.throttles.throttled(CLIENT, 60)
    scene.left(A, B, C)
    scene.clock.now += 60
    scene.throttles.asks(CLIENT, B)
    assert scene.left(A, B, C) == [PROBE_SECONDS, None, PROBE_SECONDS]
    assert scene.throttles.admit(CLIENT)
    assert not scene.throttles.admit(CLIENT)
    assert scene.enqueued == []
    scene.throttles.answered(CLIENT)
    assert set(scene.enqueued) == {A, C}
    assert scene.left(A, B, C) == [None, None, None]


def test_a_probe_that_is_throttled_holds_all_of_them_again() -> None:
    scene = Scene()
    scene.throttles.throttled(CLIENT, 60)
    scene.clock.now += 60
    scene.throttles.asks(CLIENT, A)
    scene.throttles.admit(CLIENT)
    assert scene.throttles.throttled(CLIENT, 30) == 30
    assert scene.left(A, B) == [30, 30]
    assert scene.enqueued == []


@pytest.mark.parametrize("end", ["gives up", "gets no answer", "is never heard of"])
def test_where_a_probe_comes_to_nothing_another_probes(end: str) -> None:
    scene = Scene()
    scene.throttles.throttled(CLIENT, 60)
    scene.left(A, B)
    scene.clock.now += 60
    assert scene.left(A) == [None]
    scene.throttles.asks(CLIENT, A)
    if end == "gives up":
        scene.throttles.leaves(CLIENT, A)
        assert scene.enqueued == [B]
    elif end == "gets no answer":
        scene.throttles.admit(CLIENT)
        scene.throttles.abandoned(CLIENT)
        scene.throttles.leaves(CLIENT, A)
        assert B in scene.enqueued
    else:
        scene.throttles.admit(CLIENT)
        scene.clock.now += LONGEST_PROBE
    assert scene.left(B) == [None]
    scene.throttles.asks(CLIENT, B)
    assert scene.throttles.admit(CLIENT)


def test_who_leaves_without_having_been_the_one_to_probe_changes_nothing() -> None:
    scene = Scene()
    scene.throttles.throttled(CLIENT, 60)
    scene.clock.now += 60
    scene.throttles.asks(CLIENT, A)
    scene.throttles.leaves(CLIENT, B)
    assert scene.left(A, B) == [None, PROBE_SECONDS]


def test_a_hold_of_an_earlier_process_counts_as_long_as_it_lasts() -> None:
    scene = Scene()
    scene.throttles.recall(CLIENT, 1800)
    scene.throttles.recall(CLIENT, 1200)
    assert scene.left(A) == [1800]
    scene.clock.now += 1800
    assert scene.left(A) == [None]


def test_the_endpoint_is_slowed_where_clients_of_three_namespaces_are_throttled_and_not_before() -> None:
    scene = Scene()
    for number in range(50):
        scene.throttles.throttled(CLIENT._replace(client_id=f"id-{number}"), 60)
    scene.throttles.throttled(CLIENT._replace(namespace="video"), 60)
    assert scene.limit.per_second == 64
    scene.throttles.throttled(CLIENT._replace(namespace="audio"), 60)
    assert scene.limit.per_second == 32


EVENTS = st.sampled_from(["throttled", "asks", "admit", "answered", "abandoned", "leaves", "look", "wait"])


@given(st.lists(st.tuples(EVENTS, st.sampled_from([A, B, C]), st.integers(1, 200)), max_size=60))
def test_whatever_happens_nobody_waits_for_ever_and_who_need_not_wait_may_ask(
    events: list[tuple[str, Key, int]],
) -> None:
    scene = Scene()
    for event, key, number in events:
        if event == "throttled":
            scene.throttles.throttled(CLIENT, number)
        elif event == "wait":
            scene.clock.now += number
        elif event == "look":
            left = scene.throttles.seconds_left(CLIENT, key)
            assert left is None or 0 < left <= 3600
        elif event == "admit":
            may_ask = scene.left(key) == [None]
            admitted = scene.throttles.admit(CLIENT)
            assert admitted or not may_ask
        elif event in ("answered", "abandoned"):
            getattr(scene.throttles, event)(CLIENT)
        else:
            getattr(scene.throttles, event)(CLIENT, key)
    # Whoever looks again when told to may ask in the end.
    for _ in range(10_000):
        if (left := scene.throttles.seconds_left(CLIENT, A)) is None:
            break
        scene.clock.now += left
    assert scene.throttles.admit(CLIENT)


def test_who_is_gone_or_has_another_client_waits_no_more() -> None:
    scene = Scene()
    other = CLIENT._replace(client_id="other")
    scene.throttles.throttled(CLIENT, 60)
    scene.throttles.throttled(other, 60)
    scene.left(A, B, C)
    assert scene.throttles.waiting == 3
    scene.throttles.forget(A)
    assert scene.throttles.seconds_left(other, B) == 60
    assert scene.throttles.waiting == 2
    scene.clock.now += 60
    scene.throttles.answered(CLIENT)
    assert scene.enqueued == [C]
    assert scene.throttles.waiting == 1


def test_one_that_was_to_probe_and_leaves_late_still_lets_the_others_look() -> None:
    scene = Scene()
    scene.throttles.throttled(CLIENT, 60)
    scene.clock.now += 60
    scene.throttles.asks(CLIENT, A)
    scene.left(B)
    scene.clock.now += LONGEST_PROBE + 1
    scene.throttles.leaves(CLIENT, A)
    assert scene.enqueued == [B]
