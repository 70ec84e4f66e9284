"""When IMS and Adobe last showed all as it should be: a process that starts does not ask again before it is time."""

from datetime import datetime, timedelta

from adobe_ims_operator.api.client_secret_ledger import Ledger, Slot, Steady
from adobe_ims_operator.api.client_secret_status import Role
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.status import READY
from adobe_ims_operator.api.times import moment_or_none, to_rfc3339
from adobe_ims_operator.core.replacement import due, look
from adobe_ims_operator.core.replacement.decision import Decision, Wait
from adobe_ims_operator.core.replacement.model import Now, Observed


def stands_until(observed: Observed, ledger: Ledger, now: Now) -> datetime | None:
    """Until when the check of an earlier process stands, by our wall clock; None where IMS is to be asked now.

    The status says when it was, and anybody who may write it can write anything. So it can only put off a look at
    what is not due, by 20 hours each time.
    """
    resource, status, memory = observed.resource, observed.resource.status, observed.memory
    checked_at = _within(status.last_check_time, now)
    reported = next((each.uuid for each in status.client_secrets if each.role is Role.CURRENT), None)
    if checked_at is None or memory.answers or memory.failures or reported != ledger.current.uuid:
        return None
    if not status.says(READY, "True") or status.observed_generation != resource.generation:
        return None
    if memory.first_bootstrap_version != observed.bootstrap_version:
        return None
    return checked_at + look.STANDS if now.wall < due.next_at(observed, ledger) else None


def last_at(observed: Observed, decision: Decision, now: Now) -> str | None:
    """The moment for the status: the one in it as long as it stands; None where not all is as it should be."""
    ledger, memory, before = observed.ledger, observed.memory, observed.resource.status.last_check_time
    if ledger is None or not isinstance(ledger.phase, Steady) or not observed.is_intact(Slot.CURRENT):
        return None
    if not isinstance(decision, Wait) or decision.finding.reason is not Reason.IN_PLACE:
        return None
    if _within(before, now) is not None:
        return before
    answer, listed = observed.answer(ledger.current.digest), memory.listed
    if answer is None or not answer.accepted or listed is None:
        return None
    alone = [entry.uuid for entry in listed.listing.secrets] == [ledger.current.uuid]
    return to_rfc3339(min(answer.at.wall, listed.at.wall)) if alone else None


def _within(text: str | None, now: Now) -> datetime | None:
    """A moment of the last 20 hours; None for any other, and for one that lies ahead."""
    moment = moment_or_none(text)
    return moment if moment is not None and timedelta() <= now.wall - moment < look.STANDS else None
