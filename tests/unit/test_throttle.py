"""Who waits after a 429, for how long, and what is left of it in memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.adobe.throttled_clients import (
    LONGEST_PROBE,
    MOST_OF_A_NAMESPACE,
    REMEMBERED,
    CrowdedEndpoints,
    ThrottledClient,
    ThrottledClients,
)

CLIENT = ThrottledClient("https://ims", "photos", "id")
OTHERS = (
    CLIENT._replace(client_id="other"),
    CLIENT._replace(namespace="video"),
    CLIENT._replace(endpoint="https://stage"),
)

# What may happen to one client, each so many seconds after the one before: a 429 with its Retry-After, an answer, a
# request that was given up, or one that asks to be sent.
STEPS = st.lists(
    st.tuples(
        st.floats(0, 1000),
        st.sampled_from(["hold", "admit", "answered", "abandoned"]),
        st.none() | st.floats(-5, 1e9),
    ),
    max_size=40,
)


def play(clients: ThrottledClients, steps: list[tuple[float, str, float | None]]) -> float:
    """Let it all happen to CLIENT; the moment at which it ends."""
    now = 1000.0
    for after, step, asked in steps:
        now += after
        if step == "hold":
            clients.hold(CLIENT, asked, now)
        else:
            getattr(clients, step)(CLIENT, now)
    return now


@given(STEPS)
def test_another_client_namespace_or_endpoint_is_never_held(steps: list[tuple[float, str, float | None]]) -> None:
    clients = ThrottledClients()
    now = play(clients, steps)
    for other in OTHERS:
        assert clients.held_until(other, now) is None
        assert clients.admit(other, now)


@given(STEPS, st.floats(0, 5000))
def test_no_client_is_held_longer_than_it_was_asked_to_wait_and_one_probe(
    steps: list[tuple[float, str, float | None]], wait: float
) -> None:
    clients = ThrottledClients()
    now = play(clients, steps)
    until = clients.hold(CLIENT, wait, now)
    earlier = max([3600, *(min(asked or 300, 3600) for _, step, asked in steps if step == "hold")])
    assert now + 1 <= until <= now + max(min(max(wait, 1), 3600), earlier)
    assert not clients.admit(CLIENT, until - 0.001)
    assert clients.admit(CLIENT, until)
    # Not even where the probe is never heard of again.
    assert clients.held_until(CLIENT, until) == until + LONGEST_PROBE
    assert clients.admit(CLIENT, until + LONGEST_PROBE)


@given(STEPS, st.floats(0, 1000))
def test_what_is_admitted_is_not_held_and_what_is_held_is_not_admitted(
    steps: list[tuple[float, str, float | None]], after: float
) -> None:
    clients = ThrottledClients()
    now = play(clients, steps) + after
    held = clients.held_until(CLIENT, now)
    assert held is None or now < held <= now + 3600
    assert clients.admit(CLIENT, now) is (held is None)


@pytest.mark.parametrize(("asked", "wait"), [(7, 7), (0, 1), (-5, 1), (3600, 3600), (1e9, 3600), (None, 5)])
def test_the_wait_is_what_was_asked_for_within_a_second_and_an_hour(asked: float | None, wait: float) -> None:
    assert ThrottledClients().hold(CLIENT, asked, 100) == 100 + wait


def test_after_a_hold_one_request_probes_and_its_answer_lets_the_rest_follow() -> None:
    clients = ThrottledClients()
    clients.hold(CLIENT, 10, 0)
    assert [clients.admit(CLIENT, moment) for moment in (9.9, 10, 10, 11)] == [False, True, False, False]
    assert clients.answered(CLIENT, 12)
    assert [clients.admit(CLIENT, 12) for _ in range(3)] == [True, True, True]
    assert len(clients) == 0


def test_a_probe_that_is_throttled_holds_the_rest_again() -> None:
    clients = ThrottledClients()
    clients.hold(CLIENT, 10, 0)
    assert clients.admit(CLIENT, 10)
    assert clients.hold(CLIENT, 20, 11) == 31
    assert not clients.admit(CLIENT, 30.9)
    assert clients.admit(CLIENT, 31)


def test_a_probe_that_was_given_up_leaves_its_place_to_another() -> None:
    clients = ThrottledClients()
    clients.hold(CLIENT, 10, 0)
    assert clients.admit(CLIENT, 10)
    assert clients.abandoned(CLIENT, 15)
    assert [clients.admit(CLIENT, 15) for _ in range(2)] == [True, False]


def test_without_retry_after_the_wait_doubles_from_5_s_to_5_min_and_an_answer_ends_that() -> None:
    clients = ThrottledClients()
    now, waits = 0.0, []
    for _ in range(9):
        until = clients.hold(CLIENT, None, now)
        waits.append(until - now)
        now = until
        assert clients.admit(CLIENT, now)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    clients.answered(CLIENT, now)
    assert clients.hold(CLIENT, None, now) == now + 5


def test_requests_that_were_under_way_together_count_as_throttled_once() -> None:
    clients = ThrottledClients()
    for moment in range(5):
        assert clients.hold(CLIENT, None, moment) == moment + 5


def test_a_shorter_hold_shortens_none_and_the_answer_to_an_earlier_request_ends_none() -> None:
    clients = ThrottledClients()
    clients.hold(CLIENT, 60, 0)
    assert clients.hold(CLIENT, 5, 1) == 60
    assert not clients.answered(CLIENT, 2)
    assert not clients.abandoned(CLIENT, 3)
    assert clients.held_until(CLIENT, 4) == 60


def test_what_ended_long_ago_takes_no_memory() -> None:
    clients = ThrottledClients()
    for number in range(500):
        clients.hold(CLIENT._replace(namespace=f"n{number}"), 1, 0)
    clients.hold(CLIENT, 1, REMEMBERED + 1)
    assert len(clients) == 1


def test_one_namespace_can_not_fill_the_memory_nor_push_out_what_another_is_held_for() -> None:
    clients = ThrottledClients()
    clients.hold(CLIENT, 60, 0)
    for number in range(MOST_OF_A_NAMESPACE + 500):
        flood = CLIENT._replace(namespace="flood", client_id=str(number))
        clients.hold(flood, 3600 - number, 1)  # each is free sooner than all before
        assert not clients.admit(flood, 1)
    assert len(clients) == MOST_OF_A_NAMESPACE + 1
    assert clients.held_until(CLIENT, 1) == 60


def crowd(moments: list[tuple[str, float]]) -> list[bool]:
    endpoints = CrowdedEndpoints()
    return [endpoints.throttled(CLIENT._replace(namespace=namespace), now) for namespace, now in moments]


def test_clients_of_three_namespaces_within_a_minute_slow_an_endpoint() -> None:
    assert crowd([("a", 0), ("b", 30), ("c", 59)]) == [False, False, True]
    assert crowd([("a", 0), ("b", 30), ("c", 60)]) == [False, False, False]


def test_each_further_step_takes_three_namespaces_again() -> None:
    assert crowd([(name, 0) for name in "abcdefg"]) == [False, False, True, False, False, True, False]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 1000)), max_size=50))
def test_two_namespaces_never_slow_an_endpoint_for_the_others(moments: list[tuple[str, float]]) -> None:
    assert not any(crowd(sorted(moments, key=lambda each: each[1])))


def test_endpoints_are_crowded_each_for_itself() -> None:
    endpoints = CrowdedEndpoints()
    three = [ThrottledClient(f"https://ims-{number}", f"n{number}", "id") for number in range(3)]
    assert [endpoints.throttled(client, 0) for client in three] == [False, False, False]
