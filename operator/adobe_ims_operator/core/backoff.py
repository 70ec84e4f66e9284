"""How long to wait after an attempt that failed."""

from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple


class Pace(Enum):
    """How fast to try again, as (first delay, longest delay) in seconds; it doubles in between."""

    IMS = (5.0, 300.0)
    PERSON = (600.0, 600.0)
    API_SERVER = (1.0, 30.0)
    REFUSED_WRITE = (1.0, 300.0)
    REFUSED_RESTART = (5.0, 600.0)


class Unreported(NamedTuple):
    """That the status could not be written, so many times in a row; a change of the spec may be the remedy."""

    times: int
    retry_at: datetime
    generation: int


def backoff(pace: Pace, failures: int, jitter: float) -> timedelta:
    """How long to wait after so many failures in a row (1 or more); `jitter` in [0, 1) takes off up to a fifth."""
    shortest, longest = pace.value
    exponent = min(failures - 1, 30)
    return timedelta(seconds=min(shortest * 2.0**exponent, longest) * (1 - jitter / 5))
