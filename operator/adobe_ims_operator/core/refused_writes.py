"""How often a refused write of a token Secret is tried before its time, because something changed.

A change may be the remedy, so it is tried at once. A program that changes the spec all the time is answered like one
that waits: a few changes within a minute are free, then the backoff goes on across them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from adobe_ims_operator.core.finding import Finding

FREE_RETRIES = 3
"""So many within `WINDOW` may come before their time: a person who corrects a correction."""
WINDOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the API server said to one write."""

    answer: str
    """Its status and its reason."""
    finding: Finding
    spec_digest: str
    """Of all of the spec that the Secret was made from."""
    asked: str = ""
    """Digest of the dummy that it was asked about; empty where it was not, or did not say."""
    words: str = ""
    """What it said to that."""


@dataclass(frozen=True, slots=True)
class RefusedWrites:
    """Refusals of one kind in a row."""

    latest: Refusal
    streak: int
    """How many count for the backoff."""
    retry_at: datetime
    early: int = 0
    """How many came before their time, each within `WINDOW` of the one before."""
    early_at: datetime | None = None
    """When the latest of these came."""

    def gate(self) -> datetime | None:
        """Until when nothing is tried, whatever changes; None while changes are free."""
        if self.early < FREE_RETRIES or self.early_at is None:
            return None
        return min(self.retry_at, self.early_at + WINDOW)


def after(before: RefusedWrites | None, refusal: Refusal, now: datetime) -> RefusedWrites:
    """What is remembered after another refusal; `retry_at` is for the backoff to say."""
    if before is None or before.latest.answer != refusal.answer or now >= before.retry_at + WINDOW:
        return RefusedWrites(refusal, 1, now)
    if now >= before.retry_at:
        return RefusedWrites(refusal, before.streak + 1, now, before.early, before.early_at)
    if before.early_at is None or not before.early_at <= now < before.early_at + WINDOW:
        return RefusedWrites(refusal, 1, now, 1, now)
    return RefusedWrites(refusal, before.streak + 1, now, before.early + 1, now)
