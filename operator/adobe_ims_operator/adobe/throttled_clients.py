"""Who has to wait after a 429: the client that was throttled, in the namespace that asked with it, and nobody else.

Adobe throttles an integration, which is a client id. A client id is public, so the namespace belongs to it: a
stranger who asks with the same id holds only himself. All moments are seconds that never go back.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

SHORTEST_HOLD, LONGEST_HOLD = 1.0, 3600.0
FIRST_BACKOFF, LONGEST_BACKOFF = 5.0, 300.0
"""Where no Retry-After came: doubled with each probe that is throttled."""
LONGEST_PROBE = 90.0
"""A probe that was not answered by then is lost: no request takes that long."""
REMEMBERED = 600.0
"""How long after its end a hold still lets only one request through at first."""
MOST_OF_A_NAMESPACE = 1000
"""Clients that are held for one namespace. Of more, the one that is free soonest is asked for too early."""

CROWD = 3
CROWD_SECONDS = 60.0


class ThrottledClient(NamedTuple):
    """What a 429 is about."""

    endpoint: str
    namespace: str
    client_id: str


@dataclass(slots=True)
class _Hold:
    until: float
    throttled: int = 0
    """Times in a row that the client was throttled after it had waited."""
    probed_until: float = 0.0
    """When the request that probes is lost; in the past where none is under way."""

    def ends(self) -> float:
        return max(self.until, self.probed_until)


class ThrottledClients:
    """The clients that are held, for all endpoints.

    A hold ends by itself. Then one request probes while the others go on waiting; its answer releases them, or holds
    them again. Who asks must say how it ended: `hold` for a 429, `answered` for any other answer, `abandoned` for none.
    """

    def __init__(self) -> None:
        self._holds: defaultdict[str, dict[ThrottledClient, _Hold]] = defaultdict(dict)
        self._swept_at: float | None = None

    def __len__(self) -> int:
        """How many clients are remembered."""
        return sum(len(holds) for holds in self._holds.values())

    def hold(self, client: ThrottledClient, asked: float | None, now: float) -> float:
        """Hold a client that got a 429; the moment until which it is held.

        Args:
            asked: the seconds of Retry-After, or None where there was none.
        """
        self._sweep(now)
        holds = self._holds[client.namespace]
        hold = holds.get(client)
        if hold is None or _forgotten(hold, now):
            hold = holds[client] = _Hold(now)
        # While the client is held, a 429 is the answer to a request from before the hold: not one more in a row.
        if now >= hold.until:
            hold.throttled += 1
            hold.probed_until = now
        wait = _backoff(hold.throttled) if asked is None else min(max(asked, SHORTEST_HOLD), LONGEST_HOLD)
        hold.until = max(hold.until, now + wait)
        if len(holds) > MOST_OF_A_NAMESPACE:
            del holds[min(holds, key=lambda each: (each == client, holds[each].ends()))]
        return hold.until

    def held_until(self, client: ThrottledClient, now: float) -> float | None:
        """When it is worth trying again, or None if that is now. The answer to a probe may come sooner."""
        hold = self._find(client, now)
        return hold.ends() if hold is not None and now < hold.ends() else None

    def must_probe(self, client: ThrottledClient, now: float) -> bool:
        """Whether a hold has ended and no answer has shown yet that the client may be asked for again."""
        hold = self._find(client, now)
        return hold is not None and now >= hold.ends()

    def was_throttled_again(self, client: ThrottledClient, now: float) -> bool:
        """Whether a client was throttled after it had waited, and has had no other answer since."""
        hold = self._find(client, now)
        return hold is not None and hold.throttled > 1

    def admit(self, client: ThrottledClient, now: float) -> bool:
        """Whether a request may be sent now; after a hold the first to ask probes."""
        hold = self._find(client, now)
        if hold is None:
            return True
        if now < hold.ends():
            return False
        hold.probed_until = now + LONGEST_PROBE
        return True

    def answered(self, client: ThrottledClient, now: float) -> bool:
        """Release a client that got an answer other than a 429; whether others that wait may follow now."""
        hold = self._find(client, now)
        # Before the hold ends, it is the answer to an earlier request: IMS asked to wait since.
        if hold is None or now < hold.until:
            return False
        self._drop(client)
        return True

    def abandoned(self, client: ThrottledClient, now: float) -> bool:
        """Let another request probe, as one got no answer; whether one that waits may do so now."""
        hold = self._find(client, now)
        if hold is None or now < hold.until:
            return False
        hold.probed_until = now
        return True

    def _find(self, client: ThrottledClient, now: float) -> _Hold | None:
        holds = self._holds.get(client.namespace)
        hold = None if holds is None else holds.get(client)
        return None if hold is None or _forgotten(hold, now) else hold

    def _drop(self, client: ThrottledClient) -> None:
        holds = self._holds[client.namespace]
        del holds[client]
        if not holds:
            del self._holds[client.namespace]

    def _sweep(self, now: float) -> None:
        # Only a hold adds to what is remembered; now and then, as it looks at all.
        if self._swept_at is not None and now < self._swept_at + REMEMBERED / 10:
            return
        self._swept_at = now
        for client in [each for holds in self._holds.values() for each, hold in holds.items() if _forgotten(hold, now)]:
            self._drop(client)


class CrowdedEndpoints:
    """Tells when an endpoint as a whole is asked too often: clients of three namespaces are throttled in a minute."""

    def __init__(self) -> None:
        self._throttled: defaultdict[str, dict[str, float]] = defaultdict(dict)

    def throttled(self, client: ThrottledClient, now: float) -> bool:
        """Note a 429; whether the endpoint is to be probed more slowly. Each time it takes three namespaces again."""
        recent = {at: when for at, when in self._throttled[client.endpoint].items() if now - when < CROWD_SECONDS}
        recent[client.namespace] = now
        crowded = len(recent) >= CROWD
        self._throttled[client.endpoint] = {} if crowded else recent
        return crowded


def _forgotten(hold: _Hold, now: float) -> bool:
    return now >= hold.ends() + REMEMBERED


def _backoff(throttled: int) -> float:
    return min(FIRST_BACKOFF * 2.0 ** min(throttled - 1, 10), LONGEST_BACKOFF)
