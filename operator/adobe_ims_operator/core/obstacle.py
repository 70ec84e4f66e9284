"""What only a person can mend, as a process remembers it from turn to turn."""

from datetime import datetime
from typing import NamedTuple


class Obstacle(NamedTuple):
    """What was found in each turn since a moment, on the same inputs."""

    reason: str
    inputs: tuple[str | None, ...] | None
    """None where an earlier process found it, and it is not known with what."""
    since: datetime
