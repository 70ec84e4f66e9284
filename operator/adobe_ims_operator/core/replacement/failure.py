"""What is remembered of a step that failed: until when it is not tried again, and whether a change opens that early.

As with a write of a token Secret that is refused, a few changes within a minute are free, then the backoff goes on
across them.
"""

from dataclasses import dataclass
from math import inf

from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.refused_writes import FREE_RETRIES, WINDOW

Inputs = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """The attempts of one step that failed in a row."""

    finding: Finding
    count: int
    retry_at: float
    """By the monotonic clock."""
    inputs: Inputs | None
    """Where any of these changes, it is tried before its time; None where only time makes a difference."""
    passing: bool = False
    """Whether it is likely gone a moment later: the first of a row is no news then."""
    early: int = 0
    """How many came before their time, each within `WINDOW` of the one before."""
    early_at: float | None = None
    """When the latest of these came, by the monotonic clock."""

    def opens_at(self) -> float:
        """From when on a change may have it tried, by the monotonic clock, as with a token Secret."""
        if self.early < FREE_RETRIES or self.early_at is None:
            return -inf
        return min(self.retry_at, self.early_at + WINDOW.total_seconds())
