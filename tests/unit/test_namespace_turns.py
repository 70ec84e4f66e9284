"""Whose turn it is: round robin, priorities, urgency, and what one namespace may hold."""

import heapq
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.namespace_turns import Turns
from unit.taking_long import UnderWay, begun_that_hang


def drained(turns: Turns[Key], now: float = 0.0) -> list[Key]:
    """All that goes, where each is done at once."""
    keys = []
    while (key := turns.take(now)) is not None:
        turns.done(key)
        keys.append(key)
    return keys


class TurnsMachine(RuleBasedStateMachine):
    """Against a model that knows sets and limits only."""

    places = 6
    half, alone = 3, 5

    def __init__(self) -> None:
        super().__init__()
        self.turns: Turns[Key] = Turns(self.places)
        self.waiting: dict[Key, tuple[bool, int, float]] = {}
        self.in_flight: list[Key] = []
        self.blocked: set[str] = set()

    def held(self, namespace: str) -> int:
        return sum(key.namespace == namespace for key in self.in_flight)

    def may_go(self) -> set[str]:
        free = {key.namespace for key in self.waiting} - self.blocked
        below = {namespace for namespace in free if self.held(namespace) < self.half}
        return below or {namespace for namespace in free if self.held(namespace) < self.alone}

    @rule(
        namespace=st.sampled_from("abc"),
        name=st.sampled_from("1234567"),
        priority=st.integers(0, 2),
        order=st.sampled_from([1.0, 2.0]),
        urgent=st.booleans(),
    )
    def add(self, namespace: str, name: str, priority: int, order: float, urgent: bool) -> None:
        key = Key(namespace, name)
        if key in self.in_flight:
            with pytest.raises(ValueError, match="in flight"):
                self.turns.add(key)
            return
        self.turns.add(key, priority, order, 5.0 if urgent else 20.0)
        self.waiting[key] = (not urgent, priority if not urgent else 0, order)

    @rule(namespace=st.sampled_from("abc"), name=st.sampled_from("1234567"))
    def remove(self, namespace: str, name: str) -> None:
        self.turns.remove(Key(namespace, name))
        self.waiting.pop(Key(namespace, name), None)

    @rule(namespace=st.sampled_from("abc"))
    def block(self, namespace: str) -> None:
        self.turns.block(namespace)
        self.blocked.add(namespace)

    @rule(namespace=st.sampled_from("abc"))
    def unblock(self, namespace: str) -> None:
        self.turns.unblock(namespace)
        self.blocked.discard(namespace)

    @rule()
    def take(self) -> None:
        allowed = self.may_go() if len(self.in_flight) < self.places else set()
        key = self.turns.take(10.0)
        assert (key is None) == (not allowed)
        if key is not None:
            assert key.namespace in allowed
            rank = self.waiting.pop(key)
            others = [other for known, other in self.waiting.items() if known.namespace == key.namespace]
            assert all(rank <= other for other in others)
            self.in_flight.append(key)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.in_flight))
        self.turns.done(key)
        self.in_flight.remove(key)

    @invariant()
    def counts_agree(self) -> None:
        assert len(self.turns) == len(self.waiting)
        assert self.turns.in_flight == len(self.in_flight)
        assert self.turns.can_take == (len(self.in_flight) < self.places and bool(self.may_go()))

    def teardown(self) -> None:
        for namespace in "abc":
            self.turns.unblock(namespace)
        for key in self.in_flight:
            self.turns.done(key)
        assert sorted(drained(self.turns)) == sorted(self.waiting)


TestTurns = TurnsMachine.TestCase


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 30), min_size=1))
def test_each_namespace_that_waits_has_a_turn_within_as_many_takes_as_there_are_namespaces(
    counts: dict[str, int],
) -> None:
    turns: Turns[Key] = Turns(4)
    for namespace, count in counts.items():
        for number in range(count):
            turns.add(Key(namespace, str(number)))
    order = [key.namespace for key in drained(turns)]
    for namespace, count in counts.items():
        mine = [-1, *(at for at, other in enumerate(order) if other == namespace)]
        assert len(mine) == count + 1
        assert all(after - before <= len(counts) for before, after in pairwise(mine))


def test_urgent_items_jump_ahead_at_most_at_every_second_take() -> None:
    turns: Turns[Key] = Turns(4)
    for number in range(20):
        for namespace in "abcd":
            turns.add(Key(namespace, str(number)))
        turns.add(Key("urgent", str(number)), urgent_at=5.0)
    order = [key.namespace for key in drained(turns, 5.0)][:36]
    jumps = [namespace == "urgent" for namespace in order]
    assert sum(jumps) == 18
    assert not any(before and after for before, after in pairwise(jumps))


def test_an_item_is_urgent_from_its_moment_on_and_not_before() -> None:
    turns: Turns[Key] = Turns(4)
    turns.add(Key("a", "first"), 0)
    turns.add(Key("a", "later"), 2, urgent_at=50.0)
    turns.add(Key("a", "second"), 1)
    key = turns.take(49.0)
    assert key == Key("a", "first")
    turns.done(key)
    assert turns.take(50.0) == Key("a", "later")


def test_an_item_that_is_added_again_keeps_its_order_of_arrival() -> None:
    turns: Turns[Key] = Turns(4)
    for name in "12":
        turns.add(Key("a", name), 0)
    turns.add(Key("a", "1"), 0)
    assert [key.name for key in drained(turns)] == ["1", "2"]


def test_one_namespace_alone_leaves_a_quarter_of_the_places_to_newcomers() -> None:
    turns: Turns[Key] = Turns(32)
    for number in range(100):
        turns.add(Key("many", str(number)))
    held = []
    while (key := turns.take(0.0)) is not None:
        held.append(key)
    assert len(held) == 24
    turns.add(Key("new", "1"))
    assert turns.take(0.0) == Key("new", "1")


def test_with_one_place_there_is_no_reserve() -> None:
    turns: Turns[Key] = Turns(1)
    turns.add(Key("a", "1"))
    assert turns.take(0.0) == Key("a", "1")
    turns.add(Key("b", "1"))
    assert turns.take(0.0) is None


def test_no_places_are_refused() -> None:
    with pytest.raises(ValueError, match="0 places"):
        Turns(0)


def test_whatever_one_namespace_holds_a_newcomer_starts_at_once_and_urgent_ones_are_on_time() -> None:
    turns: Turns[Key] = Turns(32)
    for number in range(2_000):
        turns.add(Key("flood", str(number)), 0)
    for number in range(100):
        turns.add(Key("steady", str(number)), 1, urgent_at=10.0 * number)
    ends: list[tuple[float, Key]] = []
    started: dict[Key, float] = {}
    now = 0.0
    newcomer = Key("new", "1")
    while now < 1_100:
        while ends and ends[0][0] <= now:
            turns.done(heapq.heappop(ends)[1])
        if now == 101.5:
            turns.add(newcomer)
        while (key := turns.take(now)) is not None:
            started[key] = now
            heapq.heappush(ends, (now + (5.0 if key.namespace == "flood" else 0.5), key))
        now += 0.5
    assert started[newcomer] == 101.5
    assert all(started[Key("steady", str(number))] <= 10.0 * number + 1 for number in range(100))
    assert Counter(key.namespace for key in started) == {"flood": 2_000, "steady": 100, "new": 1}


@pytest.mark.parametrize("hogs", [2, 5, 20])
def test_however_many_namespaces_hang_a_newcomer_starts_as_soon_as_what_takes_long_left_its_place(hogs: int) -> None:
    turns: Turns[Key] = Turns(32)
    for number in range(100):
        for hog in range(hogs):
            turns.add(Key(f"hog-{hog}", str(number)))
    hung = []
    for _ in range(20):
        hung += begun_that_hang(turns)
    assert len(hung) < 3 * 32
    turns.add(Key("new", "1"))
    assert turns.take(0.0) == Key("new", "1")
    turns.done(hung[0])
    turns.done(hung[0])
    assert turns.in_flight == len(hung)


def test_namespaces_that_hang_one_after_the_other_leave_places_too() -> None:
    turns: Turns[Key] = Turns(32)
    hung = []
    for hog in range(30):
        for number in range(100):
            turns.add(Key(f"hog-{hog}", str(number)))
        hung += begun_that_hang(turns)
        turns.add(Key(f"new-{hog}", "1"))
        assert turns.take(0.0) == Key(f"new-{hog}", "1")
        turns.done(Key(f"new-{hog}", "1"))
    assert Counter(key.namespace for key in hung)["hog-0"] == 24
    assert len(hung) < 4 * 32
    for key in hung:
        turns.done(key)
    assert len(begun_that_hang(turns)) == 32, "all is as it was before"


def test_one_namespace_alone_goes_on_as_before_where_all_takes_long() -> None:
    turns: Turns[Key] = Turns(32)
    for number in range(100):
        turns.add(Key("a", str(number)))
    begun = []
    while (key := turns.take(0.0)) is not None:
        turns.leave_place(key)
        begun.append(key)
    assert len(begun) == 24
    assert turns.is_slow("a")
    for key in begun:
        turns.done(key)
    assert not turns.is_slow("a")


@pytest.mark.parametrize("hogs", [120, 240, 600])
def test_of_hundreds_of_namespaces_that_hang_all_the_time_a_newcomer_waits_for_none(hogs: int) -> None:
    turns: Turns[Key] = Turns(42, remembers=True)
    for hog in range(hogs):
        for number in range(4):
            turns.add(Key(f"hog-{hog}", str(number)))
    under_way = UnderWay(turns)
    waits: list[float] = []
    came: dict[Key, float] = {}
    hung: set[str] = set()
    for step in range(1200):
        now = step / 4
        for ended in under_way.go_on_until(now):
            turns.add(ended)
        if now >= 90 and now.is_integer():  # by then each of them has hung
            came[newcomer := Key(f"new-{step}", "1")] = now
            turns.add(newcomer)
        while (key := turns.take(now)) is not None:
            if key in came:
                waits.append(now - came[key])
                turns.done(key)
            else:
                hung.update({key.namespace} if now >= 90 else ())
                under_way.begin(key, now, 15)
    assert len(waits) >= len(came) - 1, "but for one that came last"
    assert max(waits) <= 1
    assert len(hung) == hogs, "they go on too"


@pytest.mark.parametrize("hogs", [50, 100, 140])
def test_a_newcomer_waits_for_none_of_a_hundred_namespaces_that_begin_to_hang(hogs: int) -> None:
    turns: Turns[Key] = Turns(42, remembers=True)
    under_way = UnderWay(turns)
    for step in range(hogs + 20):
        now = step / 20
        for number in range(4 if step < hogs else 0):
            turns.add(Key(f"hog-{step}", str(number)))
        under_way.go_on_until(now)
        while (key := turns.take(now)) is not None:
            under_way.begin(key, now, 15)
    turns.add(Key("new", "1"))
    assert turns.take(hogs / 20 + 1) == Key("new", "1")


def test_who_wants_little_waits_for_none_of_those_that_always_want_more() -> None:
    turns: Turns[Key] = Turns(8)
    for hog in range(100):
        for number in range(3):
            turns.add(Key(f"hog-{hog}", str(number)))
    for _ in range(250):
        key = turns.take(0.0)
        assert key is not None
        turns.done(key)
        turns.add(key)
    for newcomer in ("new-1", "new-2"):
        turns.add(Key(newcomer, "1"))
    assert [turns.take(0.0), turns.take(0.0)] == [Key("new-1", "1"), Key("new-2", "1")]


def test_who_always_wants_more_has_turns_beside_those_that_come_and_go() -> None:
    turns: Turns[Key] = Turns(8)
    for number in range(50):
        turns.add(Key(f"busy-{number}", "1"))
        turns.add(Key(f"busy-{number}", "2"))
    taken: Counter[str] = Counter()
    away = [Key(f"other-{number}", "1") for number in range(50)]
    for _ in range(3000):
        if away:
            turns.add(away.pop(0))
        key = turns.take(0.0)
        assert key is not None
        taken[key.namespace] += 1
        turns.done(key)
        if key.namespace.startswith("busy"):
            turns.add(key)
        else:
            away.append(key)
    assert min(taken[f"busy-{number}"] for number in range(50)) >= 3000 // 100 - 2


def that_hung(number: int) -> Turns[Key]:
    """Turns of 16 places, where so many namespaces hung, and have much to do."""
    turns: Turns[Key] = Turns(16, remembers=True)
    for hog in range(number):
        for name in ("first", "second"):
            turns.add(Key(f"hog-{hog}", name))
    for now in range(0, 160, 20):
        for key in begun_that_hang(turns, now):
            turns.done(key, now + 15)
            turns.add(key)
    return turns


def test_namespaces_that_hung_have_half_of_what_may_take_long() -> None:
    turns, hung = that_hung(40), []
    for _ in range(20):
        hung += begun_that_hang(turns, 160.0)
    assert len(hung) == 32
    turns.add(Key("new", "1"))
    assert begun_that_hang(turns, 160.0) == [Key("new", "1")]
    for key in hung[:9]:
        turns.done(key, 170.0)
    assert turns.take(170.0) is not None, "some of it ended, so others of these may go"
    assert any(key.namespace not in {each.namespace for each in hung} for key in begun_that_hang(turns, 170.0))


def test_what_is_only_slow_is_not_taken_to_hang() -> None:
    turns: Turns[Key] = Turns(16, remembers=True)
    for hog in range(40):
        turns.add(Key(f"slow-{hog}", "1"))
    for _ in range(4):
        for key in begun_that_hang(turns):
            turns.done(key, 0.7)
            turns.add(key)
    begun = [begun_that_hang(turns, 1.0) for _ in range(20)]
    assert sum(map(len, begun)) > 32


@pytest.mark.parametrize(
    ("hung_for", "after", "is_held_back"), [(5, 99, True), (5, 101, False), (60, 299, True), (60, 301, False)]
)
def test_a_namespace_is_held_back_the_longer_the_longer_it_hung(
    hung_for: int, after: int, *, is_held_back: bool
) -> None:
    turns: Turns[Key] = Turns(16, remembers=True)
    turns.add(victim := Key("victim", "1"))
    assert begun_that_hang(turns) == [victim]
    turns.done(victim, hung_for)
    for hog in range(40):
        for name in ("first", "second"):
            turns.add(Key(f"hog-{hog}", name))
    now = hung_for + after
    for moment in range(hung_for + after % 20, now, 20):
        for key in begun_that_hang(turns, moment):
            turns.done(key, moment + 15)
            turns.add(key)
    for _ in range(20):
        begun_that_hang(turns, now)
    assert turns.is_slow("hog-39")
    assert turns.is_slow("victim") is is_held_back


def test_what_takes_long_leaves_its_place_once_another_ends() -> None:
    turns: Turns[Key] = Turns(16)
    for hog in range(200):
        turns.add(Key(f"hog-{hog}", "1"))
    left: list[Key] = []
    while begun := begun_that_hang(turns):
        left += begun
    assert turns.in_flight == 4 * 16 + 16
    turns.add(Key("new", "1"))
    assert turns.take(0.0) is None
    turns.done(left[0])
    taken = turns.take(0.0)
    assert taken is not None, "another one left its place, so that as many may go as ended"


def test_whoever_looks_is_told_where_namespaces_that_hung_are_held_back_and_when_that_ends() -> None:
    turns = that_hung(40)
    told: dict[str, bool] = {}
    turns.on_slow = lambda namespace: told.update({namespace: turns.is_slow(namespace)})
    hung = [key for _ in range(20) for key in begun_that_hang(turns, 160.0)]
    held = [f"hog-{hog}" for hog in range(40) if f"hog-{hog}" not in {key.namespace for key in hung}]
    assert held
    assert all(told[namespace] for namespace in held), "nothing of these is under way, and others hang"
    for key in hung:
        turns.done(key, 175.0)
    assert not any(told[namespace] for namespace in held)
