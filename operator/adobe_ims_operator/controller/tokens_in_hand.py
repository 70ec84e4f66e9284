"""The tokens in hand: IMS gave them, and they are not in their Secrets yet.

The one registry of them. Its size is the room that is left, and so it bounds what is lost if the process dies. At the
end of the process it is the list of what is still to be written.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.waiters import Waiters
from adobe_ims_operator.core.model import HeldToken


class Gate(Protocol):
    """What asks for tokens, such as a lane."""

    def block(self, namespace: str) -> None:
        """Ask for nothing of a namespace."""

    def unblock(self, namespace: str) -> None:
        """Ask again."""


class TokensInHand:
    """Tokens by the key of their credential.

    Those that are ready to be written take room. A namespace takes at most half of it: then the gates block it, and
    asking for others goes on. So they do where its writes hang, which is for others to say. A token that may not be
    written for now is parked: it is kept, and takes no room.
    Requests in flight are not counted: their tokens are taken in too.

    Args:
        size: how many tokens there is room for.
        gates: what asks for tokens.
    """

    def __init__(self, size: int, gates: Sequence[Gate] = ()) -> None:
        self._size = size
        self._half = max(size // 2, 1)
        self._gates = list(gates)
        self._tokens: dict[Key, HeldToken] = {}
        self._ready: set[Key] = set()
        self._of_namespace: Counter[str] = Counter()
        self._held: set[str] = set()
        self._blocked: set[str] = set()
        self._waiters = Waiters()
        self._closed = False

    def __len__(self) -> int:
        """How many tokens are in hand."""
        return len(self._tokens)

    def __iter__(self) -> Iterator[Key]:
        """The keys whose tokens are in hand, the first that came first."""
        return iter(list(self._tokens))

    def __contains__(self, key: Key) -> bool:
        """Whether a token of this key is in hand."""
        return key in self._tokens

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another token."""
        return len(self._ready) >= self._size

    def add_gate(self, gate: Gate) -> None:
        """Have one more gate, which is made after this."""
        self._gates.append(gate)
        for namespace in self._blocked:
            gate.block(namespace)

    def get(self, key: Key) -> HeldToken | None:
        """The token of a key, if one is in hand."""
        return self._tokens.get(key)

    def put(self, key: Key, held: HeldToken) -> None:
        """Take in a token; it replaces an earlier one of the key."""
        self._tokens[key] = held
        if key in self._ready or key.namespace in self._held:
            return
        self._ready.add(key)
        self._of_namespace[key.namespace] += 1
        self._settle(key.namespace)

    def park(self, key: Key) -> None:
        """Keep a token that may not be written for now, and leave its room to others."""
        if key not in self._ready:
            return
        self._ready.discard(key)
        self._of_namespace[key.namespace] -= 1
        if not self._of_namespace[key.namespace]:
            del self._of_namespace[key.namespace]
        self._settle(key.namespace)
        if not self.is_full:
            self._waiters.wake()

    def hold(self, namespace: str) -> None:
        """Park all tokens of a namespace, as its writes hang, and have no more asked for until `release`."""
        self._held.add(namespace)
        self._settle(namespace)
        for key in [key for key in self._ready if key.namespace == namespace]:
            self.park(key)

    def release(self, namespace: str) -> None:
        """Have tokens asked for a namespace again."""
        self._held.discard(namespace)
        self._settle(namespace)

    def pop(self, key: Key) -> HeldToken | None:
        """Give away the token of a key: it is written, or of no use any more."""
        self.park(key)
        return self._tokens.pop(key, None)

    def clear(self) -> None:
        """Give away all tokens."""
        for key in self:
            self.pop(key)

    def _settle(self, namespace: str) -> None:
        is_blocked = namespace in self._held or self._of_namespace[namespace] >= self._half
        if is_blocked == (namespace in self._blocked):
            return
        if is_blocked:
            self._blocked.add(namespace)
        else:
            self._blocked.discard(namespace)
        for gate in self._gates:
            if is_blocked:
                gate.block(namespace)
            else:
                gate.unblock(namespace)

    async def room(self) -> None:
        """Wait while this is full; after `close`, nobody waits."""
        while self.is_full and not self._closed:
            await self._waiters.wait()
        if not self.is_full:
            self._waiters.wake()

    def close(self) -> None:
        """Have nobody wait for room any more: what is to end asks for no token."""
        self._closed = True
        self._waiters.wake_all()
