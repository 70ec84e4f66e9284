"""When IMS and Adobe last showed all as it should be: a process that starts does not ask again before it is time."""

from datetime import datetime, timedelta

from adobe_ims_operator.api.client_secret import ClientSecretResource
from adobe_ims_operator.api.client_secret_ledger import Ledger, Slot, Steady
from adobe_ims_operator.api.client_secret_status import Role
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.status import READY
from adobe_ims_operator.api.times import moment_or_none, to_rfc3339
from adobe_ims_operator.core.replacement import due, look
from adobe_ims_operator.core.replacement.decision import Decision, Wait
from adobe_ims_operator.core.replacement.model import Checked, Memory, Now, Observed


def recall(resource: ClientSecretResource, now: Now) -> Checked | None:
    """The check that the status reports, for a process that sees the object first; None where there is none."""
    text = resource.status.last_check_time
    moment = moment_or_none(text)
    if text is None or moment is None or not timedelta() <= now.wall - moment < look.STANDS:
        return None
    return Checked(text, moment, now)


def stands_until(observed: Observed, ledger: Ledger, now: Now) -> datetime | None:
    """Until when the check of an earlier process stands, by our wall clock; None where IMS is to be asked now.

    The status says when it was, and anybody who may write it can write anything. So it can only put off a look at
    what is not due, until 20 hours after the start of the process at most.
    """
    resource, status, memory = observed.resource, observed.resource.status, observed.memory
    standing = _standing(memory, now)
    reported = next((each.uuid for each in status.client_secrets if each.role is Role.CURRENT), None)
    if standing is None or memory.answers or memory.failures or reported != ledger.current.uuid:
        return None
    if not ledger.current.is_certain:
        return None  # it is to become certain which one it is, for which this process saw nothing yet
    if not status.says(READY, "True") or status.observed_generation != resource.generation:
        return None
    if memory.first_bootstrap_version != observed.bootstrap_version:
        return None
    return standing.at + look.STANDS if now.wall < due.next_at(observed, ledger) else None


def last_at(observed: Observed, decision: Decision, now: Now) -> str | None:
    """The moment for the status: the one in it as long as it stands; None where not all is as it should be."""
    ledger, memory = observed.ledger, observed.memory
    if ledger is None or not isinstance(ledger.phase, Steady) or not observed.is_intact(Slot.CURRENT):
        return None
    if not isinstance(decision, Wait) or decision.finding.reason is not Reason.IN_PLACE:
        return None
    standing = _standing(memory, now)
    answer, listed = observed.answer(ledger.current.digest), memory.listed
    if answer is None or not answer.accepted or listed is None:
        return None if standing is None else standing.text
    if [entry.uuid for entry in listed.listing.secrets] != [ledger.current.uuid]:
        return None
    found, before = min(answer.at.wall, listed.at.wall), observed.resource.status.last_check_time
    told = moment_or_none(before)
    # One that is earlier than what is known is worth no write, as it can only have a process that starts ask sooner.
    return before if told is not None and told <= found and now.wall - told < look.STANDS else to_rfc3339(found)


def _standing(memory: Memory, now: Now) -> Checked | None:
    """The check of an earlier process, for 20 hours by both of our clocks."""
    checked = memory.checked
    if checked is None or not timedelta() <= now.wall - checked.at < look.STANDS:
        return None
    age = checked.seen.wall - checked.at + timedelta(seconds=now.monotonic - checked.seen.monotonic)
    return checked if age < look.STANDS else None
