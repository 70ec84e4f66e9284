"""What the versions of token Secrets tell: whether a token expired in one, was replaced too early, or was lost.

It is arithmetic only. The rules are those of the documentation, and share no code with the operator, so that a mistake
there can't hide here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

LIFETIME_SHARE = 2 / 3
"""The part of its life after which a token is replaced that lives less than three hours (README)."""
WHOLE_SECOND = 1.0
"""`issued_at` is cut to the second, so IMS was asked less than this later."""


class HistoryError(Exception):
    """The history has a gap, so that nothing can be told from it."""


class Version(NamedTuple):
    """A version of a token Secret, as its annotations tell; moments are in epoch seconds."""

    resource_version: int
    rotations: int
    issued_at: float
    expires_at: float


class Write(NamedTuple):
    """A version, and the moment at which the request that made it was answered, in epoch seconds."""

    version: Version
    answered: float


@dataclass(slots=True)
class Findings:
    """What was found in the histories of all Secrets."""

    rotations: int = 0
    expired: int = 0
    """Tokens that expired in their Secret, before the next was written or before the operator was stopped."""
    early: int = 0
    """Tokens that were replaced before they were due."""
    out_of_step: int = 0
    """Versions whose count of rotations is not one more than that of the version before."""
    late: list[float] = field(default_factory=list)
    """Of each rotation the seconds from the moment it was due until the new token was in the Secret."""
    left: list[float] = field(default_factory=list)
    """Of each token that was replaced the seconds that it still had to live."""


def join(name: str, versions: Sequence[Version], answered: Sequence[float]) -> list[Write]:
    """Put the versions of one Secret, as a watch shows them, beside the requests that made them.

    Args:
        answered: when each write to the Secret that succeeded was answered, in epoch seconds.

    Raises:
        HistoryError: one of the two has a gap, or somebody else wrote the Secret.
    """
    if len(versions) != len(answered):
        raise HistoryError(f"Secret {name}: {len(versions)} versions were seen, and {len(answered)} were written")
    if any(after.resource_version <= before.resource_version for before, after in pairwise(versions)):
        raise HistoryError(f"Secret {name}: its versions were not seen in order")
    return [Write(version, moment) for version, moment in zip(versions, sorted(answered), strict=True)]


def examine(histories: Iterable[Sequence[Write]], latency: float, ended: float) -> Findings:
    """Hold the history of each Secret, from its first version on, against the rules.

    Args:
        latency: the seconds that IMS takes at least, so that it was asked this long before a write at the latest.
        ended: the moment until which the operator was at work, in epoch seconds.
    """
    findings = Findings()
    for writes in histories:
        for before, after in pairwise(writes):
            _examine_rotation(findings, before.version, after, latency)
        counts = [0, *(write.version.rotations for write in writes)]
        findings.out_of_step += sum(after != before + 1 for before, after in pairwise(counts))
        findings.expired += sum(write.version.expires_at < ended for write in writes[-1:])
    return findings


def _examine_rotation(findings: Findings, old: Version, new: Write, latency: float) -> None:
    due = old.issued_at + (old.expires_at - old.issued_at) * LIFETIME_SHARE
    asked_before_due = new.version.issued_at + WHOLE_SECOND <= due or new.answered - latency < due
    findings.rotations += 1
    findings.expired += new.answered > old.expires_at
    findings.early += asked_before_due
    findings.late.append(new.answered - due)
    findings.left.append(old.expires_at - new.answered)
