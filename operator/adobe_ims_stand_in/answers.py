"""What goes back to a client, as a value: `ims` and `behaviours` make it, `server` sends it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto


class Ending(Enum):
    """How the connection fares once there is an answer."""

    COMPLETE = auto()
    TRUNCATED = auto()
    """Half of the promised body, then closed."""
    RESET = auto()
    """RST instead of an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back to a client.

    `label` is what the counts and the log call it. A mapping as `body` is sent as JSON. `wait` is in
    seconds, `math.inf` forever. `dates` are headers: each a time that many seconds ahead of the stand-in's clock.
    `later` is done so many seconds after the request came in, whatever becomes of the connection.
    """

    label: str
    status: int = 200
    body: bytes | Mapping[str, object] = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, float] = field(default_factory=dict)
    wait: float = 0
    ending: Ending = Ending.COMPLETE
    later: tuple[float, Callable[[], object]] | None = None

    def payload(self) -> bytes:
        """Give the body as bytes."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def oauth_error(error: str, description: str, status: int = 400) -> Answer:
    """Refuse in OAuth's form, as IMS gives it (RFC 6749, section 5.2)."""
    return Answer(label=error, status=status, body={"error": error, "error_description": description})
