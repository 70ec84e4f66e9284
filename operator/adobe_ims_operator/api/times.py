"""Times and durations as Kubernetes objects write them.

Everything the operator stores has whole seconds in UTC, so that a decision made from the stored form equals
the one made from memory.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FIRST_YEAR, LAST_YEAR = 1000, 9000
"""Of a time that is read: so far from the ends of the calendar that any duration of ours can be added or taken off."""
_DURATION = re.compile(r"(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?")


def to_rfc3339(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC with whole seconds, as in `2026-11-23T10:00:00Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def from_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 time.

    Raises:
        ValueError: it is not one, it has no time zone, or its year is none of ours.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it like 2026-11-23T10:00:00Z")
    if not FIRST_YEAR <= moment.year < LAST_YEAR:
        raise ValueError(f"{text!r} lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment.astimezone(UTC)


def moment_or_none(text: object) -> datetime | None:
    """Read RFC 3339 that anybody may have written; None where it is none."""
    try:
        return from_rfc3339(text) if isinstance(text, str) else None
    except ValueError:
        return None


def whole_seconds(moment: datetime) -> datetime:
    """Cut a moment to the second it lies in."""
    return moment.replace(microsecond=0)


def parse_duration(text: str) -> timedelta:
    """Read a Go-style duration of hours, minutes and seconds, such as `1h30m`.

    Raises:
        ValueError: it is not one.
    """
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"{text!r} is not a duration; write it like 23h, 90m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


@dataclass(frozen=True, slots=True)
class Clock:
    """Where time comes from.

    Args:
        now: the wall clock, in UTC.
        monotonic: seconds that never go back.
    """

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
