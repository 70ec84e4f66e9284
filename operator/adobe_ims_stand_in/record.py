"""What was asked and answered: counts, the latest requests, and digests of the tokens; never a secret."""

from collections import Counter, deque
from dataclasses import asdict, dataclass

LOG_LENGTH = 10_000
"""How many requests the log reaches back."""


@dataclass(frozen=True, slots=True)
class Issued:
    """What is known of a token; `expires_at` in seconds since the epoch."""

    expires_at: float
    client_id: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One token request; `time` in seconds since the epoch, `connection` the same while it is kept alive."""

    time: float
    client_id: str
    scopes: tuple[str, ...]
    http_version: str
    answer: str
    connection: int
    organization: str = ""
    """Empty where none was named."""
    user_agent: str = ""
    uuid: str = ""
    """Of the client secret that it asked with; empty for one that the client does not have."""


class Record:
    """Counts since the start or the last `reset`; digests of the tokens since the start."""

    def __init__(self) -> None:
        self.digests: dict[str, Issued] = {}
        self.reset()

    def reset(self) -> None:
        """Count from zero again. The digests stay: the tokens are still out there."""
        self.calls: Counter[str] = Counter()
        """Of the API that needs a token, by status."""
        self._by_client: Counter[str] = Counter()
        self._by_answer: Counter[str] = Counter()
        self._issued = self._in_query = self._with_cookie = 0
        self._log: deque[Entry] = deque(maxlen=LOG_LENGTH)

    def add(self, entry: Entry, *, token: tuple[str, Issued] | None, in_query: bool, with_cookie: bool) -> None:
        """Count one request; `token` is the digest of the one that it was given, and what is known of that."""
        self._log.append(entry)
        self._by_client[entry.client_id] += 1
        self._by_answer[entry.answer] += 1
        self._in_query += in_query
        self._with_cookie += with_cookie
        if token is not None:
            self._issued += 1
            self.digests.update([token])

    def to_json(self, log: int) -> dict[str, object]:
        """Give the counts, and the `log` latest requests, oldest first."""
        return {
            "total": self._by_answer.total(),
            "by_client": dict(self._by_client),
            "by_answer": dict(self._by_answer),
            "issued": self._issued,
            "in_query": self._in_query,
            "with_cookie": self._with_cookie,
            "calls": dict(self.calls),
            "log": [asdict(entry) for entry in list(self._log)[-log:]] if log else [],
        }
