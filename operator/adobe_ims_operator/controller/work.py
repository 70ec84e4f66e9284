"""How far the work on each credential is: its attempts, its place in a lane, its token in hand.

Workers and askers share it; what the cluster has is in the store.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.adobe.throttled_clients import ThrottledClient
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.controller.lanes import Lane, LaneName
from adobe_ims_operator.controller.tally import Tally
from adobe_ims_operator.controller.throttling import Throttles
from adobe_ims_operator.controller.tokens_in_hand import TokensInHand
from adobe_ims_operator.core import attempts as attempt
from adobe_ims_operator.core.decision import Ask
from adobe_ims_operator.core.forbidden_metadata import Forbidden
from adobe_ims_operator.core.model import Attempts, Endpoint, Failure, Observed
from adobe_ims_operator.core.observe import observe
from adobe_ims_operator.core.seen_secrets import SeenClientSecret
from adobe_ims_operator.core.surroundings import Surroundings

Observe = Callable[..., Observed]


class Work:
    """The state of the work on all credentials.

    Args:
        lanes: for each allowed endpoint, who waits for it, and who probes it.
        forbidden: what no token Secret may have.
        observe: puts together what a decision depends on.
    """

    def __init__(
        self,
        store: Store,
        endpoints: Endpoints,
        lanes: Mapping[LaneName, Lane],
        in_hand: TokensInHand,
        throttles: Throttles,
        *,
        clock: Clock,
        forbidden: Forbidden,
        observe: Observe = observe,
    ) -> None:
        self.store = store
        self.endpoints = endpoints
        self.lanes = lanes
        self.in_hand = in_hand
        self.throttles = throttles
        self.clock = clock
        self.forbidden = forbidden
        self.tally = Tally()
        self._observe = observe
        self._attempts: dict[Key, Attempts] = {}
        self._asks: dict[Key, tuple[LaneName, datetime]] = {}

    def observe(self, key: Key) -> Observed | None:
        """Observe one credential; None if it is gone, and all that was known of it is forgotten then."""
        around = self.store.surroundings(key, self.clock.now())
        if around is None:
            self.forget(key)
            return None
        known = self._attempts.get(key)
        if known is None or known.uid != around.credential.uid:
            self.forget(key)
            known = self._attempts[key] = attempt.recall(around.credential, self.clock.now())
        url = self.endpoints.resolve(around.credential.spec.endpoint)
        lane, since = self._asks.get(key, (None, None))
        return self._observe(
            around,
            known,
            Endpoint(url, self.endpoints.allows(url), self.endpoints.urls, self.endpoints.management_scopes),
            forbidden=self.forbidden.first(around.credential.spec.secret),
            held=self.in_hand.get(key),
            asking_since=since,
            in_flight=lane is not None and self.lanes[lane].in_flight(key),
            throttled_until=self._throttled_until(url, around, known),
        )

    def attempts(self, key: Key) -> Attempts | None:
        """What is remembered of the attempts for a credential."""
        return self._attempts.get(key)

    def note(self, key: Key, attempts: Attempts) -> None:
        """Remember what follows from an attempt, unless the credential is gone or another by now."""
        known = self._attempts.get(key)
        if known is not None and known.uid == attempts.uid:
            self._attempts[key] = attempts

    def recall_hold(self, observed: Observed, failure: Failure, seen: SeenClientSecret) -> None:
        """Hold the client that an earlier process was throttled with, as its status said, for all that use it."""
        if failure.inputs is None and failure.finding.reason is Reason.IMS_RATE_LIMITED and seen.client_id is not None:
            left = (failure.retry_at - self.clock.now()).total_seconds()
            if left > 0:
                client = ThrottledClient(observed.endpoint.url, observed.key.namespace, seen.client_id)
                self.throttles.recall(client, left)

    def ask(self, key: Key, ask: Ask) -> None:
        """Have IMS asked; a credential that waits in the same lane already keeps its place."""
        client = self._client(ask.endpoint, key, self._attempts.get(key))
        name = LaneName(ask.endpoint, probes=client is not None and self.throttles.asks(client, key))
        known, since = self._asks.get(key, (name, self.clock.now()))
        if known != name:
            self.lanes[known].remove(key)
        if known.endpoint != name.endpoint:
            since = self.clock.now()
        self._asks[key] = name, since
        self.lanes[name].put(key, ask)

    def withdraw(self, key: Key) -> None:
        """Have IMS not asked after all; where it is being asked, the answer still counts."""
        lane, _ = self._asks.get(key, (None, None))
        if lane is not None and not self.lanes[lane].in_flight(key):
            self.lanes[lane].remove(key)
            del self._asks[key]
            self._leave(lane.endpoint, key)

    def is_asked(self, key: Key) -> bool:
        """Whether IMS is asked for this credential, or will be."""
        return key in self._asks

    def answered(self, key: Key, lane: LaneName) -> None:
        """IMS is asked no more for this credential."""
        self.lanes[lane].done(key)
        self._asks.pop(key, None)
        self._leave(lane.endpoint, key)

    def forget(self, key: Key) -> None:
        """Forget a credential that is gone."""
        self.withdraw(key)
        self.throttles.forget(key)
        self._attempts.pop(key, None)
        self.in_hand.pop(key)

    def forget_attempts(self) -> None:
        """Take up from the statuses what another process did, as at a start."""
        self._attempts.clear()
        self.in_hand.clear()

    def _throttled_until(self, url: str, around: Surroundings, known: Attempts) -> datetime | None:
        client = self._client(url, around.credential.key, known)
        seen = known.client_secret
        if client is None or seen is None or around.client is None or seen.version != around.client.version:
            return None
        left = self.throttles.seconds_left(client, around.credential.key)
        return None if left is None else self.clock.now() + timedelta(seconds=left)

    def _client(self, url: str, key: Key, known: Attempts | None) -> ThrottledClient | None:
        if known is None or known.client_secret is None or known.client_secret.client_id is None:
            return None
        return ThrottledClient(url, key.namespace, known.client_secret.client_id)

    def _leave(self, url: str, key: Key) -> None:
        client = self._client(url, key, self._attempts.get(key))
        if client is not None:
            self.throttles.leaves(client, key)
