"""Namespaces that hung: whom the API server let hang once waits for none of those that hang again and again."""

import pytest

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.namespace_turns import Turns
from adobe_ims_operator.controller.slow_namespaces import SlowNamespaces
from unit.taking_long import UnderWay, begun_that_hang

VICTIM = Key("victim", "1")


def put_hogs(turns: Turns[Key], number: int) -> None:
    for hog in range(number):
        for name in ("first", "second"):
            turns.add(Key(f"hog-{hog}", name))


def all_that_hang(turns: Turns[Key], now: float) -> list[Key]:
    """All that go until none may, as what takes long leaves its place."""
    begun: list[Key] = []
    while more := begun_that_hang(turns, now):
        begun += more
    return begun


def do(turns: Turns[Key], key: Key, now: float, seconds: float) -> None:
    """Have one item go alone, which takes so long."""
    turns.add(key)
    assert turns.take(now) == key
    if seconds > 0.5:
        turns.leave_place(key)
    turns.done(key, now + seconds)


def hang_all(turns: Turns[Key], since: int, until: int) -> list[Key]:
    """Have all that may go hang for 15 s again and again; what hangs at the end."""
    for now in range(since, until, 20):
        for key in all_that_hang(turns, now):
            turns.done(key, now + 15)
            turns.add(key)
    return all_that_hang(turns, until)


@pytest.mark.parametrize("hogs", [120, 240])
def test_who_hung_once_waits_for_none_of_hundreds_that_hang_all_the_time(hogs: int) -> None:
    turns: Turns[Key] = Turns(42, remembers=True)
    put_hogs(turns, hogs)
    under_way = UnderWay(turns)
    do_at, since = 60.0, 0.0
    waits: list[float] = []
    for step in range(1400):
        now = step / 4
        for ended in under_way.go_on_until(now):
            if ended == VICTIM:
                do_at = now + 10
            else:
                turns.add(ended)
        if now == do_at:
            turns.add(VICTIM)
            since = now
        while (key := turns.take(now)) is not None:
            waits += [now - since] if key == VICTIM else []
            under_way.begin(key, now, 15 if key != VICTIM or len(waits) == 1 else 0.25)
    assert max(waits[2:]) <= 1, "but for the first after it hung, which shows that it hangs no more"


def test_all_that_hangs_within_a_minute_counts_as_once() -> None:
    turns: Turns[Key] = Turns(16, remembers=True)
    for now in (0, 20, 40):
        do(turns, VICTIM, now, 15)
        do(turns, VICTIM, now + 16, 0.1)
    put_hogs(turns, 40)
    hang_all(turns, 60, 220)
    assert turns.is_slow("hog-39")
    assert not turns.is_slow("victim")


def test_who_hangs_again_and_again_is_held_back_whatever_it_does_quickly_in_between() -> None:
    turns: Turns[Key] = Turns(16, remembers=True)
    for now in (0, 80):
        do(turns, VICTIM, now, 15)
        do(turns, VICTIM, now + 16, 0.1)
    put_hogs(turns, 40)
    hang_all(turns, 100, 260)
    assert turns.is_slow("hog-39")
    assert turns.is_slow("victim")


def that_hung_once() -> tuple[Turns[Key], list[Key]]:
    """Turns of 16 places, where many namespaces hung once and did something quickly since."""
    turns: Turns[Key] = Turns(16, remembers=True)
    keys = [Key(f"once-{number}", "1") for number in range(80)]
    for now in range(0, 100, 20):
        for key in keys[now * 4 // 5 :][:16]:
            turns.add(key)
        for key in (begun := all_that_hang(turns, now)):
            turns.done(key, now + 15)
        for key in begun:
            do(turns, key, now + 16, 0.1)
    return turns, keys


def test_however_many_hung_once_a_quarter_of_what_may_take_long_is_left_to_others() -> None:
    turns, keys = that_hung_once()
    for key in keys:
        turns.add(key)
    assert len(all_that_hang(turns, 100)) == 48
    turns.add(Key("new", "1"))
    assert turns.take(100) == Key("new", "1")


def test_who_was_forgotten_and_hangs_again_hung_once() -> None:
    turns: Turns[Key] = Turns(16, remembers=True)
    for now in (0, 80, 500):
        do(turns, VICTIM, now, 15)
        do(turns, VICTIM, now + 16, 0.1)
    put_hogs(turns, 40)
    hang_all(turns, 520, 680)
    assert turns.is_slow("hog-39")
    assert not turns.is_slow("victim")


def test_who_did_nothing_quickly_yet_waits_for_none_of_those_that_did() -> None:
    turns, keys = that_hung_once()
    do(turns, VICTIM, 100, 15)
    for key in keys[:40]:
        turns.add(key)
    assert len(all_that_hang(turns, 116)) == 40
    assert not turns.is_slow("victim")


def test_who_is_held_back_at_half_is_so_whatever_was_counted_for_it_before() -> None:
    turns, keys = that_hung_once()
    for start in (160, 200):  # it is more than a minute since most of them hung first
        for key in keys[:64]:
            turns.add(key)
        for key in all_that_hang(turns, start):
            turns.done(key, start + 15)
        for key in keys:
            turns.remove(key)
    for key in keys[:64]:
        turns.add(key)
    assert len(all_that_hang(turns, 240)) == 32


def test_what_is_under_way_counts_for_the_others_while_its_namespace_is_not_eased() -> None:
    namespaces = SlowNamespaces(4)
    namespaces.ended("a", 10.0, 5.0, under_way=4)
    namespaces.ended("other", 10.0, 5.0, under_way=0)
    namespaces.settle()
    assert namespaces.holds_back("other")
    namespaces.ended("a", 11.0, 0.1, under_way=4)
    namespaces.settle()
    assert not namespaces.holds_back("other")
    namespaces.ended("a", 100.0, 15.0, under_way=4)
    namespaces.settle()
    assert namespaces.holds_back("other"), "the first hung again"


def test_nothing_is_counted_of_an_eased_one_that_is_forgotten() -> None:
    namespaces = SlowNamespaces(4)
    namespaces.ended("a", 10.0, 5.0, under_way=4)
    namespaces.ended("a", 11.0, 0.1, under_way=4)
    assert namespaces.forget_old(111.0) == ["a"]
    namespaces.ended("other", 112.0, 5.0, under_way=4)
    namespaces.settle()
    assert namespaces.holds_back("other")
