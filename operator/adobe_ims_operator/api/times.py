"""Times and durations as Kubernetes objects write them.

Everything the operator stores has whole seconds in UTC, so that a decision made from the stored form equals
the one made from memory.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta

_DURATION = re.compile(r"(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?")


def to_rfc3339(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC with whole seconds, as in `2026-11-23T10:00:00Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def from_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 time.

    Raises:
        ValueError: it is not one, or it has no time zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it like 2026-11-23T10:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} lies outside the calendar") from None


def moment_or_none(text: object) -> datetime | None:
    """Read RFC 3339 that anybody may have written; None where it is none, or so late that nothing can be added."""
    try:
        moment = from_rfc3339(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if moment is None or moment.year in (MINYEAR, MAXYEAR) else moment


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
