"""The client secrets of each client: when each is accepted, who used it, and what became of it.

The token endpoint accepts what is here; the console API and a person in its web page change it. A client may be
started with any number; what is added later never makes more than two.
"""

import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import uuid4

MOST = 2
"""So many a client may have at a time (Adobe: "Rotating client secrets programmatically")."""


class LimitReachedError(Exception):
    """The client has as many client secrets as it may have."""


@dataclass(slots=True)
class ClientSecret:
    """One client secret; all times in seconds since the epoch, by the stand-in's clock.

    `accepted_from` is later than `created_at` where a new one takes a while to spread. `expires_at` is None for
    never. `tokens` counts those that were issued for it.
    """

    uuid: str
    value: str = field(repr=False)
    created_at: float
    accepted_from: float
    expires_at: float | None = None
    tokens: int = 0
    deleted_at: float | None = None
    uses: deque[float] = field(default_factory=deque, repr=False)

    def accepted(self, now: float) -> bool:
        """Say whether the token endpoint takes it."""
        return self.accepted_from <= now and (self.expires_at is None or now < self.expires_at)

    def used(self, now: float, lag: float) -> None:
        """Note a token request that was granted."""
        self.tokens += 1
        if self.uses and int(self.uses[-1]) == int(now):
            self.uses[-1] = now
        else:
            self.uses.append(now)
        # Of those that are seen already, the latest is all that a list shows.
        while len(self.uses) > 1 and self.uses[1] <= now - lag:
            self.uses.popleft()

    def last_used_at(self, now: float, lag: float) -> float | None:
        """Give the latest use that is `lag` seconds old, or None where there is none."""
        return max((use for use in self.uses if use <= now - lag), default=None)


class ClientSecrets:
    """Those of all clients, with those that were deleted: uuids are never used again."""

    def __init__(self, clients: Mapping[str, Iterable[str]], now: float) -> None:
        self._of: dict[str, list[ClientSecret]] = {}
        self._deleted: dict[str, list[ClientSecret]] = {}
        self._most: dict[str, int] = {}
        self.replace(clients, now)

    def replace(self, clients: Mapping[str, Iterable[str]], now: float) -> None:
        """Put these clients and values in place of all others; a value that stays keeps its uuid and its uses.

        What was deleted, and how many there were at once, is forgotten.
        """
        before, self._of = self._of, {}
        self._deleted, self._most = {}, {}
        for client_id, values in clients.items():
            known = {secret.value: secret for secret in before.get(client_id, [])}
            own = [known.get(value) or _new(value, now, accepted_from=now) for value in dict.fromkeys(values)]
            self._of[client_id] = own
            self._most[client_id] = len(own)

    def __contains__(self, client_id: str) -> bool:
        return client_id in self._of

    def of(self, client_id: str) -> tuple[ClientSecret, ...]:
        """Give those that a client has now, the oldest first."""
        return tuple(self._of.get(client_id, ()))

    def matching(self, client_id: str, value: str) -> ClientSecret | None:
        """Find one by its value."""
        return next((secret for secret in self._of.get(client_id, ()) if secret.value == value), None)

    def add(self, client_id: str, now: float, *, delay: float = 0, lifetime: float | None = None) -> ClientSecret:
        """Make a new one, accepted after `delay` seconds. Raises LimitReachedError, and KeyError for no such client."""
        own = self._of[client_id]
        if len(own) >= MOST:
            raise LimitReachedError(f"the client has {len(own)} client secrets")
        secret = _new(f"p8e-{secrets.token_urlsafe(24)}", now, accepted_from=now + delay, lifetime=lifetime)
        own.append(secret)
        self._most[client_id] = max(self._most[client_id], len(own))
        return secret

    def delete(self, client_id: str, uuid: str, now: float) -> ClientSecret:
        """Delete one; tokens that were issued for it live on. Raises KeyError for no such client or uuid."""
        own = self._of[client_id]
        secret = next((each for each in own if each.uuid == uuid), None)
        if secret is None:
            raise KeyError(uuid)
        own.remove(secret)
        secret.deleted_at = now
        self._deleted.setdefault(client_id, []).append(secret)
        return secret

    def most(self, client_id: str) -> int:
        """Give how many a client had at once, at most."""
        return self._most.get(client_id, 0)

    def deleted(self, client_id: str) -> tuple[ClientSecret, ...]:
        """Give those that were deleted."""
        return tuple(self._deleted.get(client_id, ()))

    def clients(self) -> Iterator[str]:
        """Give the ids of all clients."""
        return iter(self._of)

    def to_json(self) -> dict[str, Any]:
        """Give all there is, values too, for a stand-in that is started again."""
        return {
            "most": self._most,
            "current": {client_id: [_to_json(secret) for secret in own] for client_id, own in self._of.items()},
            "deleted": {client_id: [_to_json(secret) for secret in own] for client_id, own in self._deleted.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put what `to_json` gave in place of all there is."""
        self._most = dict(state["most"])
        self._of, self._deleted = (
            {client_id: [_from_json(secret) for secret in own] for client_id, own in state[which].items()}
            for which in ("current", "deleted")
        )


def _to_json(secret: ClientSecret) -> dict[str, Any]:
    return asdict(secret) | {"uses": list(secret.uses)}


def _from_json(given: Mapping[str, Any]) -> ClientSecret:
    return ClientSecret(**{**given, "uses": deque(given["uses"])})


def _new(value: str, now: float, *, accepted_from: float, lifetime: float | None = None) -> ClientSecret:
    return ClientSecret(str(uuid4()), value, now, accepted_from, None if lifetime is None else now + lifetime)
