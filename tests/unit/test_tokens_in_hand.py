"""The tokens in hand: their room is bounded, and a namespace takes at most half of it."""

import asyncio
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.tokens_in_hand import TokensInHand
from adobe_ims_operator.core.model import HeldToken, Token
from adobe_ims_operator.core.policy import FRESH
from unit.worlds import INPUTS, facts

HELD = HeldToken(Token("token", "bearer", timedelta(seconds=86399)), "id", facts(), INPUTS, "openid", FRESH)
OTHER = HeldToken(Token("other", "bearer", timedelta(seconds=86399)), "id", facts(), INPUTS, "openid", FRESH)


class Gates:
    """The namespaces that are blocked; each is blocked once and unblocked once."""

    def __init__(self) -> None:
        self.blocked: set[str] = set()

    def block(self, namespace: str) -> None:
        assert namespace not in self.blocked
        self.blocked.add(namespace)

    def unblock(self, namespace: str) -> None:
        self.blocked.remove(namespace)


KEYS = st.sampled_from([Key(namespace, name) for namespace in "ab" for name in "1234"])


@given(st.integers(1, 6), st.lists(st.tuples(KEYS, st.booleans()), max_size=60))
def test_a_namespace_is_blocked_exactly_while_it_has_half_of_the_room(size: int, steps: list[tuple[Key, bool]]) -> None:
    gates = Gates()
    tokens = TokensInHand(size, [gates])
    known: set[Key] = set()
    for key, came in steps:
        if came:
            tokens.put(key, HELD)
            known.add(key)
        else:
            assert (tokens.pop(key) is not None) == (key in known)
            known.discard(key)
        counts = {namespace: sum(key.namespace == namespace for key in known) for namespace in "ab"}
        assert gates.blocked == {namespace for namespace, count in counts.items() if count >= max(size // 2, 1)}
        assert (set(tokens), len(tokens)) == (known, len(known))


async def test_who_waits_for_room_goes_on_when_a_token_is_written() -> None:
    tokens = TokensInHand(2)
    for name in "12":
        tokens.put(Key("a", name), HELD)
    waiting = [asyncio.create_task(tokens.room()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    tokens.pop(Key("a", "1"))
    async with asyncio.timeout(2):
        await asyncio.gather(*waiting)


async def test_nobody_waits_for_room_after_the_end() -> None:
    tokens = TokensInHand(1)
    tokens.put(Key("a", "1"), HELD)
    waiting = asyncio.create_task(tokens.room())
    await asyncio.sleep(0)
    tokens.close()
    async with asyncio.timeout(2):
        await waiting
    assert list(tokens) == [Key("a", "1")]


def test_a_later_token_replaces_an_earlier_one() -> None:
    tokens = TokensInHand(2)
    tokens.put(Key("a", "1"), HELD)
    tokens.put(Key("a", "1"), OTHER)
    assert tokens.get(Key("a", "1")) is OTHER
    assert len(tokens) == 1


def test_a_gate_that_is_added_later_is_blocked_as_the_others_are() -> None:
    tokens, gates = TokensInHand(2), Gates()
    tokens.put(Key("a", "1"), HELD)
    tokens.add_gate(gates)
    assert gates.blocked == {"a"}


def test_tokens_of_a_namespace_whose_writes_hang_take_no_room_and_no_more_are_asked_for() -> None:
    gates = Gates()
    tokens = TokensInHand(4, [gates])
    for name in "123":
        tokens.put(Key("a", name), HELD)
    tokens.hold("a")
    tokens.hold("a")
    tokens.put(Key("a", "4"), HELD)
    tokens.put(Key("b", "1"), HELD)
    assert gates.blocked == {"a"}
    assert not tokens.is_full
    assert len(tokens) == 5
    tokens.release("a")
    tokens.release("a")
    assert gates.blocked == set()
    assert tokens.pop(Key("a", "4")) is HELD
