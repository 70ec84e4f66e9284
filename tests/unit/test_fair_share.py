"""Who takes little is served next, whatever others take, and nobody waits for ever."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.core.fair_share import FairShare

costs = st.floats(0.01, 10, allow_nan=False)


def rounds(share: FairShare, each: dict[str, float], count: int) -> list[str]:
    """Serve those that always want more."""
    served = []
    for _ in range(count):
        served.append(share.serve_first(each))
        share.took(served[-1], each[served[-1]])
    return served


@given(st.lists(costs, min_size=1, max_size=20), st.integers(0, 200))
def test_who_takes_little_is_served_twice_before_any_other_is(each: list[float], before: int) -> None:
    share = FairShare()
    hogs = {f"hog-{number}": cost for number, cost in enumerate(each)}
    rounds(share, hogs, before)
    served: list[str] = []
    while served.count("newcomer") < 2:
        served += rounds(share, {**hogs, "newcomer": 0.001}, 1)
    assert max(Counter(served).values()) == 2
    assert len(served) <= len(hogs) + 2


def test_a_newcomer_is_served_at_once_where_the_others_are_not_at_the_same_point() -> None:
    share = FairShare()
    rounds(share, {"a": 1.0, "b": 1.1, "c": 1.2}, 30)
    assert rounds(share, {"a": 1.0, "b": 1.1, "c": 1.2, "newcomer": 0.001}, 3) == ["newcomer"] * 3


def test_who_is_served_out_of_order_takes_nothing_from_those_that_wait() -> None:
    share = FairShare()
    share.took("hog", 9.0)
    share.took("photos", 1.0)
    assert share.serve_first(["hog"], ["photos"]) == "hog"
    assert share.serve_first(["pictures", "photos"]) == "pictures"
    assert share.serve_first(["hog", "photos"]) == "photos"


@given(st.lists(costs, min_size=2, max_size=10))
def test_all_that_wait_get_the_same_to_within_one_turn_of_each(each: list[float]) -> None:
    share = FairShare()
    hogs = {f"hog-{number}": cost for number, cost in enumerate(each)}
    served = rounds(share, hogs, 500)
    taken = [served.count(name) * cost for name, cost in hogs.items()]
    assert max(taken) - min(taken) <= 2 * max(each) + 1e-6


def test_of_equals_the_first_is_served() -> None:
    assert FairShare().serve_first(["b", "a"]) == "b"


def test_what_counts_no_more_is_forgotten() -> None:
    share = FairShare()
    for number in range(1000):
        share.took(share.serve_first([f"ns-{number}"]), 0.0)
    assert len(share) <= 1
    share.took("photos", 5.0)
    assert share.serve_first(["photos", "pictures"]) == "pictures"
    share.forget()
    assert share.serve_first(["photos", "pictures"]) == "photos"
