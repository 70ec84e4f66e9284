"""The client secrets of one credential as Adobe's console API lists them; never a value but that of a new one."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


class NoUse(Enum):
    """What an entry says where it holds no time of a last use."""

    NULL = "null, as Adobe writes of a client secret that was not used yet, or lately"
    UNREADABLE = "something that is no time"


@dataclass(frozen=True, slots=True)
class ListedClientSecret:
    """One entry of the list. All times are Adobe's own, in UTC."""

    uuid: str
    created_at: datetime | None
    """None where it can't be read."""
    last_use: datetime | NoUse
    """The latest use, over all that are listed. One that can't be read beside others makes all of it unreadable."""
    expires_at: datetime | None
    """None where it never expires, or where nothing is said of that."""


@dataclass(frozen=True, slots=True)
class Listing:
    """An answer to the request for the list."""

    client_id: str
    """Of the OAuth client whose secrets these are: one that is not ours means that a wrong credential was named."""
    secrets: tuple[ListedClientSecret, ...]
    at: datetime
    """The moment of the answer by Adobe's clock (its Date header)."""


@dataclass(frozen=True, slots=True)
class AddedClientSecret:
    """An answer to POST: the one time that Adobe's API shows a value."""

    uuid: str
    value: str = field(repr=False)
