"""What a 429 leads to: its client is held, probes slow down where an endpoint throttles many, others look again."""

from collections import defaultdict
from collections.abc import Callable, Mapping

from adobe_ims_operator.adobe.rate_limit import RateLimit
from adobe_ims_operator.adobe.throttled_clients import (
    LONGEST_PROBE,
    CrowdedEndpoints,
    ThrottledClient,
    ThrottledClients,
)
from adobe_ims_operator.api.resource import Key

PROBE_SECONDS = 5.0
"""After how long those that wait for another's probe look again, should nobody enqueue them."""


class Throttles:
    """The holds of clients, and the credentials that wait for them.

    Args:
        limits: how often each endpoint may be asked for the clients that it throttled.
        monotonic: seconds that never go back.
        enqueue: takes each credential that need not wait any longer.
    """

    def __init__(
        self, limits: Mapping[str, RateLimit], monotonic: Callable[[], float], enqueue: Callable[[Key], None]
    ) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._enqueue = enqueue
        self._clients = ThrottledClients()
        self._crowded = CrowdedEndpoints()
        self._waiting: defaultdict[ThrottledClient, set[Key]] = defaultdict(set)
        self._waits_for: dict[Key, ThrottledClient] = {}
        self._probers: dict[ThrottledClient, tuple[Key, float]] = {}

    def __len__(self) -> int:
        """How many clients are remembered."""
        return len(self._clients)

    @property
    def waiting(self) -> int:
        """How many credentials wait for a client."""
        return len(self._waits_for)

    @property
    def waiting_by_endpoint(self) -> Mapping[str, int]:
        """How many credentials wait for a client that an endpoint throttles."""
        counts = dict.fromkeys(self._limits, 0)
        for client, keys in self._waiting.items():
            if client.endpoint in counts:
                counts[client.endpoint] += len(keys)
        return counts

    def seconds_left(self, client: ThrottledClient, key: Key) -> float | None:
        """For how long a credential has to wait for its client, or None where it need not.

        It is enqueued earlier where the answer to another's request ends the hold.
        """
        now = self._monotonic()
        until = self._clients.held_until(client, now)
        if until is None and self._prober(client, now) in (None, key):
            self._waits_no_more(client, key)
            return None
        if self._waits_for.get(key, client) != client:
            self.forget(key)
        self._waits_for[key] = client
        self._waiting[client].add(key)
        return PROBE_SECONDS if until is None else until - now

    def asks(self, client: ThrottledClient, key: Key) -> bool:
        """A credential goes into a lane; whether into that of the probes, which are slowed where many are throttled.

        After a hold the first one is the one that probes, and the others stay out. Else thousands that wait for one
        client would take as many slots of the rate limit for nothing. A client that was throttled once
        probes in the lane of all others, so that those that are throttled again and again do not hold it up.
        """
        now = self._monotonic()
        if self._prober(client, now) is None and self._clients.must_probe(client, now):
            self._probers[client] = key, now
        return self._prober(client, now) == key and self._clients.was_throttled_again(client, now)

    def leaves(self, client: ThrottledClient, key: Key) -> None:
        """A credential asks no more: if it was to probe, another one is."""
        if (probe := self._probers.get(client)) is not None and probe[0] == key:
            del self._probers[client]
            self._wake(client)

    def forget(self, key: Key) -> None:
        """A credential is gone."""
        if (client := self._waits_for.get(key)) is not None:
            self._waits_no_more(client, key)

    def recall(self, client: ThrottledClient, seconds: float) -> None:
        """Take up a hold that an earlier process left in a status."""
        self._clients.hold(client, seconds, self._monotonic())

    def held_for(self, client: ThrottledClient) -> float | None:
        """For how many seconds a client is held, or None where it may be asked for."""
        now = self._monotonic()
        until = self._clients.held_until(client, now)
        return None if until is None else until - now

    def admit(self, client: ThrottledClient) -> bool:
        """Whether a client may be asked for now; how that ended is to be said by one of the three below."""
        return self._clients.admit(client, self._monotonic())

    def throttled(self, client: ThrottledClient, asked: float | None) -> float:
        """IMS answered 429, and `asked` to wait so many seconds, or did not say; for how long the client is held."""
        now = self._monotonic()
        self._probers.pop(client, None)
        until = self._clients.hold(client, asked, now)
        if self._crowded.throttled(client, now):
            self._limits[client.endpoint].slow_down()
        return until - now

    def answered(self, client: ThrottledClient) -> None:
        """IMS answered something else: those that wait may follow."""
        if self._clients.answered(client, self._monotonic()):
            self._probers.pop(client, None)
            self._wake(client)

    def abandoned(self, client: ThrottledClient) -> None:
        """There was no answer: another may probe."""
        if self._clients.abandoned(client, self._monotonic()):
            self._wake(client)

    def _waits_no_more(self, client: ThrottledClient, key: Key) -> None:
        if (waiting := self._waiting.get(client)) is not None and key in waiting:
            waiting.discard(key)
            del self._waits_for[key]
            if not waiting:
                del self._waiting[client]

    def _prober(self, client: ThrottledClient, now: float) -> Key | None:
        key, since = self._probers.get(client, (None, now))
        # It may have got another client meanwhile, and waits in its lane for no longer than this as a rule.
        return key if now - since < LONGEST_PROBE else None

    def _wake(self, client: ThrottledClient) -> None:
        for key in self._waiting.pop(client, ()):
            del self._waits_for[key]
            self._enqueue(key)
