"""How it becomes certain that a value is that of the one client secret that Adobe listed when it was taken over.

IMS accepts for a while what was deleted, so the value could be another one's. Before it is certain none is added, so
that none is deleted that may be somebody else's.
"""

from datetime import timedelta

from adobe_ims_operator.api.client_secret_ledger import Ledger, Origin, Slot
from adobe_ims_operator.core.replacement import due, evidence, look, writes
from adobe_ims_operator.core.replacement.decision import Write
from adobe_ims_operator.core.replacement.model import Answer, Now, Observed

LASTS = evidence.LAG + timedelta(hours=1)
"""For how long IMS accepts what was deleted at most: the life of a token, and an hour."""


def write(observed: Observed, ledger: Ledger) -> Write | None:
    """The write that notes it; None where it is noted, or where neither stamps nor time tell yet."""
    answer = observed.answer(ledger.current.digest)
    if ledger.current.is_certain or answer is None:
        return None
    if answer.was_refused and answer.date is not None:
        # Where it was refused before the first list of a process, nothing told Adobe's time then.
        accepted_at = answer.date - evidence.lasted(answer)
        if accepted_at >= ledger.current.undoubted_since + evidence.TEN_MINUTES:
            return writes.doubt(observed, ledger, accepted_at)
    if evidence.is_shown(observed.memory.match, ledger.current.digest, ledger.current.uuid, evidence.MATCHES):
        return writes.confirm(observed, ledger, Origin.STAMPED)
    return writes.confirm(observed, ledger, Origin.LASTING) if _has_lasted(ledger, answer) else None


def doubt(observed: Observed, ledger: Ledger, now: Now) -> Write | None:
    """The write that notes when IMS refused it, as the 25 hours begin anew then; None where that is noted."""
    answer = observed.answer(ledger.current.digest)
    if ledger.current.is_certain or answer is None or answer.accepted or not observed.is_intact(Slot.CURRENT):
        return None
    by_now, is_news = due.adobe_now(observed, now), answer.at == answer.first_at
    after = evidence.TEN_MINUTES if is_news else LASTS / 2
    return writes.doubt(observed, ledger, by_now) if by_now >= ledger.current.undoubted_since + after else None


def _has_lasted(ledger: Ledger, answer: Answer) -> bool:
    return answer.date is not None and answer.date >= ledger.current.undoubted_since + LASTS


def stands(observed: Observed, ledger: Ledger) -> timedelta:
    """How long IMS is not asked again where it accepted the current one.

    What was taken over as the only one may have been deleted a moment before: by the end of the first hour that shows,
    or else a day later.
    """
    answer, since = observed.answer(ledger.current.digest), ledger.current.undoubted_since
    if ledger.current.is_certain or answer is None or answer.date is None:
        return look.STANDS
    moments = (since + due.SETTLED - evidence.SLACK, since + LASTS + evidence.SLACK)
    remaining = [moment - answer.date for moment in moments if moment - answer.date > evidence.SLACK]
    return min(remaining[0], look.STANDS) if remaining else look.STANDS
