"""How often a status that goes back and forth is written: one change may make hundreds of objects fail, or not."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from adobe_ims_operator.api.status import READY, ROTATION_FAILING, Condition
from adobe_ims_operator.core.backoff import Pace, backoff

FREE = 2
"""So many in a row are written at once: somebody breaks something, and mends it."""
ROW = timedelta(minutes=10)
"""Flips count as a row while each comes within this time of the one before."""
_LONGEST = timedelta(seconds=Pace.REFUSED_WRITE.longest)


class Reported(Protocol):
    """A status, of an object of either kind."""

    @property
    def observed_generation(self) -> int | None:
        """The generation of the spec that it is about."""

    @property
    def done(self) -> Hashable:
        """What was done so far."""

    @property
    def failures(self) -> int | None:
        """How many attempts failed in a row."""

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type, or None."""


@dataclass(frozen=True, slots=True)
class Flips:
    """The flips in a row that were written."""

    count: int
    at: datetime
    """When the latest was."""
    retry_at: datetime
    """Before which no other one is written."""


def is_flip(before: Reported, after: Reported, *, is_bystander: bool = False) -> bool:
    """Whether rotations fail or not, or for another reason, and all that matters more is as it was.

    So is another message of the same reason, as of another key that is missing. Where an attempt failed meanwhile it
    is none: attempts have a pace of their own.

    Args:
        is_bystander: whether the object does nothing itself, so that only its spec is its own, and all else in its
            status is what others do.
    """
    if is_bystander:
        return before.observed_generation == after.observed_generation and before != after
    if _rest(before) != _rest(after) or _failing(before) == _failing(after):
        return False
    return _reason(before) != _reason(after) or before.failures == after.failures


def until(row: Flips | None, now: datetime) -> datetime | None:
    """Until when no flip is written; None where one may be."""
    # No wait is longer: one that ends later was set by a clock that was wrong.
    return row.retry_at if row is not None and now < row.retry_at <= now + _LONGEST else None


def after(before: Flips | None, now: datetime, jitter: float) -> Flips:
    """What is remembered after a flip was written; `jitter` is in [0, 1)."""
    is_row = before is not None and timedelta() <= now - before.at < ROW
    count = before.count + 1 if before is not None and is_row else 1
    wait = backoff(Pace.REFUSED_WRITE, count - FREE + 1, jitter) if count >= FREE else timedelta()
    return Flips(count, now, now + wait)


def _rest(status: Reported) -> tuple[object, ...]:
    ready = status.condition(READY)
    return status.observed_generation, status.done, None if ready is None else ready.status


def _failing(status: Reported) -> tuple[str, str, str] | None:
    failing = status.condition(ROTATION_FAILING)
    return None if failing is None else (failing.status, failing.reason, failing.message)


def _reason(status: Reported) -> tuple[str, str] | None:
    failing = _failing(status)
    return None if failing is None else failing[:2]
