"""How often a status that goes back and forth is written: one change may make hundreds of credentials fail, or not."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from adobe_ims_operator.api.status import READY, ROTATION_FAILING, Status
from adobe_ims_operator.core.backoff import Pace, backoff

FREE = 2
"""So many in a row are written at once: somebody breaks something, and mends it."""
ROW = timedelta(minutes=10)
"""Flips count as a row while each comes within this time of the one before."""


@dataclass(frozen=True, slots=True)
class Flips:
    """The flips in a row that were written."""

    count: int
    at: datetime
    """When the latest was."""
    retry_at: datetime
    """Before which no other one is written."""


def is_flip(before: Status, after: Status) -> bool:
    """Whether rotations fail or not, or for another reason, and all that matters more is as it was."""
    return _rest(before) == _rest(after) and _failing(before) != _failing(after)


def after(before: Flips | None, now: datetime, jitter: float) -> Flips:
    """What is remembered after a flip was written; `jitter` is in [0, 1)."""
    is_row = before is not None and timedelta() <= now - before.at < ROW
    count = before.count + 1 if before is not None and is_row else 1
    wait = backoff(Pace.REFUSED_WRITE, count - FREE + 1, jitter) if count >= FREE else timedelta()
    return Flips(count, now, now + wait)


def _rest(status: Status) -> tuple[object, ...]:
    ready = status.condition(READY)
    return status.observed_generation, status.rotations, None if ready is None else ready.status


def _failing(status: Status) -> tuple[str, str] | None:
    failing = status.condition(ROTATION_FAILING)
    return None if failing is None else (failing.status, failing.reason)
