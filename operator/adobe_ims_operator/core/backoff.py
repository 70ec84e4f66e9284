"""How long to wait after an attempt that failed."""

from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple, Self


class Pace(Enum):
    """How fast to try again, by the first and the longest delay in seconds; it doubles in between."""

    IMS = (5.0, 300.0)
    PERSON = (600.0, 600.0)
    API_SERVER = (1.0, 30.0)
    REFUSED_WRITE = (5.0, 300.0)  # noqa: PIE796 - numbered below
    REFUSED_RESTART = (5.0, 600.0)
    CONTESTED_METADATA = (1.0, 300.0)
    ADDED_IN_VAIN = (1200.0, 21600.0)

    shortest: float
    longest: float

    def __new__(cls, shortest: float, longest: float) -> Self:
        """Number it, as two that are equally fast are still two."""
        pace = object.__new__(cls)
        pace._value_ = len(cls.__members__)
        pace.shortest, pace.longest = shortest, longest
        return pace


class Unreported(NamedTuple):
    """That the status could not be written, so many times in a row; a change of the spec may be the remedy."""

    times: int
    retry_at: datetime
    generation: int


def backoff(pace: Pace, failures: int, jitter: float) -> timedelta:
    """How long to wait after so many failures in a row (1 or more); `jitter` in [0, 1) takes off up to a fifth."""
    exponent = min(failures - 1, 30)
    return timedelta(seconds=min(pace.shortest * 2.0**exponent, pace.longest) * (1 - jitter / 5))
