"""When the metadata of a token Secret is written by itself, and when somebody is to know that this does not help.

It follows what is decided about the token: where no write of a token is about to happen, labels, annotations and the
ownerReference are put right by a write of their own, which asks for no token. Who changes them again and again is
answered more and more slowly.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.attempts import METADATA_ROW
from adobe_ims_operator.core.checks import HANDS_OFF, Check, first
from adobe_ims_operator.core.decision import Decision, Look, Refuse, Wait, WriteMetadata
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import MetadataWrites, Observed, Step

FREE_WRITES = 5
"""More writes in a row than this are reported: somebody else wants the metadata to be another."""
LONGEST_GATE = timedelta(hours=1)
"""No wait is meant to be longer: a gate further ahead was set by a clock that was wrong."""


def _metadata_of_earlier_spec(observed: Observed, _now: datetime) -> Finding | None:
    facts = observed.facts
    if facts is None or not observed.is_of_this_spec or facts.spec_digest == observed.spec_digests.whole:
        return None
    return Finding(Reason.SECRET_METADATA_OUTDATED, "the metadata of the token Secret is of an earlier spec")


def _metadata_edited(observed: Observed, _now: datetime) -> Finding | None:
    differences = observed.differences
    if observed.facts is None or differences is None or not differences.metadata:
        return None
    editor = f", last changed by {differences.editor}" if differences.editor else ""
    names = ", ".join(differences.metadata)
    return Finding(Reason.SECRET_METADATA_EDITED, f"not as it was written: {names}{editor}")


def _metadata_not_compared(observed: Observed, _now: datetime) -> Finding | None:
    return METADATA_UNREAD if observed.facts is not None and observed.differences is None else None


METADATA_UNREAD = Finding(Reason.SECRET_UNREAD, "the token Secret was not compared with this spec yet")
METADATA: Sequence[Check] = (
    _metadata_of_earlier_spec,
    _metadata_edited,
    _metadata_not_compared,
)
"""Why the metadata of the token Secret is written, while its token stays."""


def decide(observed: Observed, decision: Wait | Refuse, now: datetime) -> Decision:
    """What to do about the metadata, where nothing is to be done about the token for now."""
    need = _need(observed, now)
    gates = [until for until in _moments(observed, need) if now < until <= now + LONGEST_GATE]
    if need is None or gates:
        return replace(decision, look_again_at=min([decision.look_again_at, *gates]))
    return Look(Step.READ_TOKEN_SECRET, need) if need is METADATA_UNREAD else WriteMetadata(need)


def problem(observed: Observed, now: datetime) -> Finding | None:
    """Why the metadata is wrong, or is changed back again and again; None where nobody need know."""
    tried = observed.attempts.metadata
    if tried is None:
        return None
    failure = tried.failure
    if failure is not None and _is_of_now(observed, tried) and _need(observed, now) is not None:
        return failure if tried.failures > 1 or not tried.passing else None
    if not _is_contested(tried, now):
        return None
    return Finding(
        Reason.SECRET_METADATA_CONTESTED,
        f"the metadata of Secret {observed.spec.secret.name} was corrected {tried.count} times in a row, and changed "
        f"back each time ({tried.need.message}); find out who else writes it, or leave it out of spec.secret",
    )


def _need(observed: Observed, now: datetime) -> Finding | None:
    return None if first(HANDS_OFF, observed, now) else first(METADATA, observed, now)


def _moments(observed: Observed, need: Finding | None) -> list[datetime]:
    """Until when a write has to wait; without a need, when somebody's fight counts as over."""
    tried, read = observed.attempts.metadata, observed.attempts.failure
    version = None if observed.secret is None else observed.secret.version
    moments = []
    if need is METADATA_UNREAD:
        if read is not None and read.step is Step.READ_TOKEN_SECRET and read.against == version:
            moments.append(read.retry_at)
    elif need is not None and tried is not None and (_is_of_now(observed, tried) or tried.count > FREE_WRITES):
        moments.append(tried.retry_at)
    elif need is None and tried is not None and tried.count > FREE_WRITES:
        moments.append(tried.at + METADATA_ROW)
    return moments


def _is_of_now(observed: Observed, tried: MetadataWrites) -> bool:
    return tried.spec_digest == observed.spec_digests.whole


def _is_contested(tried: MetadataWrites, now: datetime) -> bool:
    return tried.count > FREE_WRITES and now < tried.at + METADATA_ROW
