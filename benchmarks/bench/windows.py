"""What a list of moments tells: how many fell into any window, and into the time that an endpoint was closed.

It is arithmetic only; moments are in epoch seconds.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Span = tuple[float, float]
"""From the first moment up to, and without, the second."""

LATE_SECONDS = 0.2
"""A request may take so much longer than a later one to arrive, as for a TLS handshake on a busy machine."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """How tokens were replaced by a moment."""

    expired: int
    """So many expired before their successors were there."""
    left: float
    """The least seconds that were left when a successor was written; below 0 where it was too late, NaN of none."""


def most_within(moments: Iterable[float], seconds: float) -> int:
    """The most that any window of so many seconds holds."""
    ordered = sorted(moments)
    return max((bisect_left(ordered, first + seconds) - at for at, first in enumerate(ordered)), default=0)


def most_allowed(per_second: float, seconds: float) -> int:
    """What may arrive in any window at most: the rate of the limit, and those of one second at once after a pause."""
    return math.floor(per_second * (seconds + LATE_SECONDS) + max(per_second, 1.0))


def closures(answered: Iterable[float], seconds: float) -> list[Span]:
    """When an endpoint was closed that said at these moments to be left alone for so many seconds."""
    spans: list[Span] = []
    for moment in sorted(answered):
        if spans and moment <= spans[-1][1]:
            spans[-1] = spans[-1][0], moment + seconds
        else:
            spans.append((moment, moment + seconds))
    return spans


def most_inside(moments: Iterable[float], spans: Iterable[Span]) -> int:
    """The most that fell into any one of some spans."""
    ordered = sorted(moments)
    return max((bisect_left(ordered, end) - bisect_left(ordered, begin) for begin, end in spans), default=0)


def replaced(expires_at: Mapping[str, float], written: Mapping[str, float], now: float) -> Replaced:
    """How tokens were replaced by `now`.

    Args:
        expires_at: when each expires.
        written: when the successor of each was written, of those that have one.
    """
    return Replaced(
        expired=sum(moment <= written.get(name, now) for name, moment in expires_at.items()),
        left=min((moment - written[name] for name, moment in expires_at.items() if name in written), default=math.nan),
    )
