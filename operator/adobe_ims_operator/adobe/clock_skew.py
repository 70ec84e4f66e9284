"""IMS's clock against the operator's, by the Date header of an answer."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

SKEW_IGNORED = 30.0
"""Seconds by which the clocks may differ without consequence."""


def parse_date(header: str | None) -> datetime | None:
    """Read an HTTP date (RFC 9110, 5.6.7), or None where it is none."""
    try:
        date = parsedate_to_datetime(header or "")
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def skew(asked_at: datetime, answered_at: datetime, date: datetime | None) -> float | None:
    """By how many seconds the operator's clock is ahead of IMS's, at least; negative where it is behind.

    The Date is of some moment between the request and the answer, cut to its second: the least difference that
    explains it is taken. None without a Date, or where the operator's clock was set back meanwhile.
    """
    if date is None or answered_at < asked_at:
        return None
    most, least = (answered_at - date).total_seconds(), (asked_at - date).total_seconds() - 1
    return max(least, 0.0) + min(most, 0.0)


def issued_at(asked_at: datetime, skew: float | None) -> datetime:
    """When a token was issued, by the earlier of the two clocks where they differ."""
    return asked_at - timedelta(seconds=skew) if skew is not None and skew > SKEW_IGNORED else asked_at


def unusable(skew: float | None, lifetime: timedelta) -> bool:
    """Whether the clocks differ by so much that nobody knows when a token ends."""
    return skew is not None and abs(skew) > SKEW_IGNORED and abs(skew) >= lifetime.total_seconds() / 2
