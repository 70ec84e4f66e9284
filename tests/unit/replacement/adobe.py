"""IMS and the console API as a simulation, and kinds of them that answer late, forget late, or disagree.

Adobe's clock is the true one. Nothing here is random: who calls says what happens.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from adobe_ims_operator.core.replacement.listing import ListedClientSecret, Listing, NoUse

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
CLIENT_ID = "0123456789abcdef0123456789abcdef"
FORGETS = timedelta(minutes=5)
"""How long IMS still accepts a client secret that was deleted."""


@dataclass
class Value:
    """A client secret at Adobe."""

    uuid: str
    value: str
    created_at: datetime
    accepted_from: datetime
    lag: timedelta
    uses: list[datetime] = field(default_factory=list)
    deleted_at: datetime | None = None
    was_in_place: bool = False
    """Whether applications could read it in a Secret."""

    def shown(self, now: datetime) -> list[datetime]:
        """The uses that Adobe's list may show."""
        return [use for use in self.uses if use <= now - self.lag]


@dataclass
class Adobe:
    """IMS and the console API; its clock is `now`."""

    lag: timedelta = timedelta()
    lags: tuple[timedelta, ...] = ()
    """Of each client secret in turn, where they differ."""
    spreads: timedelta = timedelta()
    forgets: timedelta = FORGETS
    lists_late: timedelta = timedelta()
    """How late lists show what was added and deleted."""
    now: datetime = START
    all: dict[str, Value] = field(default_factory=dict)
    client_id: str = CLIENT_ID
    tokens: int = 0
    refuses: set[str] = field(default_factory=set)
    """Uuids that IMS refuses, though they are valid."""

    @property
    def live(self) -> list[Value]:
        return [value for value in self.all.values() if value.deleted_at is None]

    def add(self) -> Value | None:
        if len(self.live) >= 2:
            return None
        number = len(self.all)
        lag = self.lags[number % len(self.lags)] if self.lags else self.lag
        value = Value(f"uuid-{number}", f"value-{number}", self.now, self.now + self.spreads, lag)
        self.all[value.uuid] = value
        return value

    def delete(self, uuid: str) -> None:
        value = self.all.get(uuid)
        if value is not None and value.deleted_at is None:
            value.deleted_at = self.now

    def by_value(self, text: str) -> Value | None:
        return next((value for value in self.all.values() if value.value == text), None)

    def accepts(self, text: str) -> bool:
        value = self.by_value(text)
        if value is None or value.uuid in self.refuses or self.now < value.accepted_from:
            return False
        return value.deleted_at is None or self.now < value.deleted_at + self.forgets

    def token(self, text: str) -> bool:
        self.tokens += 1
        if not self.accepts(text):
            return False
        value = self.by_value(text)
        assert value is not None
        value.uses.append(self.now)
        return True

    def list(self) -> Listing:
        entries = []
        shown_at = self.now - self.lists_late
        for value in self.all.values():
            if value.created_at > shown_at or (value.deleted_at is not None and value.deleted_at <= shown_at):
                continue
            shown = value.shown(self.now)
            entries.append(ListedClientSecret(value.uuid, value.created_at, shown[-1] if shown else NoUse.NULL, None))
        return Listing(self.client_id, tuple(entries), self.now.replace(microsecond=0))


@dataclass
class Proxied(Adobe):
    """Adobe behind something that changes its lists."""

    change: Callable[[Listing], Listing] | None = None

    def list(self) -> Listing:
        found = super().list()
        return found if self.change is None else self.change(found)


@dataclass
class Late(Adobe):
    """Adobe whose list shows a new client secret after a while."""

    hides: timedelta = timedelta(0)

    def list(self) -> Listing:
        found = super().list()
        shown = [each for each in found.secrets if each.created_at and each.created_at <= self.now - self.hides]
        return replace(found, secrets=tuple(shown))


@dataclass
class Forgetful(Adobe):
    """Adobe whose IMS still accepts for long what was deleted, or goes back to what it knew before."""

    accepts_deleted: timedelta = timedelta(0)
    only: set[str] = field(default_factory=set)
    """The values that IMS accepts while it has gone back; empty where it has not."""

    def accepts(self, text: str) -> bool:
        if self.only:
            return text in self.only
        value = self.by_value(text)
        if value is None or value.deleted_at is None:
            return super().accepts(text)
        return self.now < value.deleted_at + self.accepts_deleted


@dataclass
class Divided(Adobe):
    """Adobe of which every second list knows nothing of the latest client secret."""

    disagrees: bool = False
    lists: int = 0

    def list(self) -> Listing:
        found = super().list()
        self.lists += 1
        return replace(found, secrets=found.secrets[:1]) if self.disagrees and self.lists % 2 else found
