"""What the operator used, second by second, and whether that grows; it is arithmetic only."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression

from bench.audit import Request, count


@dataclass(frozen=True, slots=True)
class Sample:
    """What it used at one moment: CPU seconds since its start, resident KiB, open files, threads."""

    second: int
    """There is a sample each second."""
    cpu: float
    rss: int
    files: int
    threads: int
    requests: int
    """The requests to the API server that had been answered by then."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What rotations cost, and what they left behind."""

    rotations: int
    cpu_each: float
    """CPU seconds."""
    requests: Counter[tuple[str, str]]
    rss_first: float
    rss_last: float
    """Resident KiB, on the average of the first and the last day."""
    rss_slope: float
    """Resident KiB that each rotation added: the least-squares line through all samples."""
    rss_slope_late: float
    """The same of the second half of the samples: what settles fades, and what leaks does not."""
    files: int
    threads: int
    """How many more there were at most in the last day than in the first."""


def sum_up(samples: Sequence[Sample], requests: Sequence[Request], day: int) -> Usage:
    """Sum up what was used from the first sample to the last, which are at least two days apart.

    Args:
        requests: all requests to the API server that the samples count.
        day: seconds.

    Raises:
        ValueError: it is less, or nothing was rotated.
    """
    begin, end = samples[0], samples[-1]
    if end.second - begin.second < 2 * day:
        raise ValueError("growth shows between days that do not overlap")
    first = [each for each in samples if each.second < begin.second + day]
    last = [each for each in samples if each.second > end.second - day]
    asked = list(requests[begin.requests : end.requests])
    rotations = _rotations(samples, requests)
    return Usage(
        rotations=rotations,
        cpu_each=(end.cpu - begin.cpu) / rotations,
        requests=count(asked),
        rss_first=fmean(each.rss for each in first),
        rss_last=fmean(each.rss for each in last),
        rss_slope=_slope(samples, requests),
        rss_slope_late=_slope(samples[len(samples) // 2 :], requests),
        files=max(each.files for each in last) - max(each.files for each in first),
        threads=max(each.threads for each in last) - max(each.threads for each in first),
    )


def _slope(samples: Sequence[Sample], requests: Sequence[Request]) -> float:
    by_second = linear_regression([each.second for each in samples], [each.rss for each in samples]).slope
    return by_second * (samples[-1].second - samples[0].second) / _rotations(samples, requests)


def _rotations(samples: Sequence[Sample], requests: Sequence[Request]) -> int:
    asked = requests[samples[0].requests : samples[-1].requests]
    number = sum(each.verb == "patch" and each.resource == "secrets" and each.status < 300 for each in asked)
    if number == 0:
        raise ValueError("nothing was rotated")
    return number
