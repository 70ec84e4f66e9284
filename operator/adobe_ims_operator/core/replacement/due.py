"""When a client secret is to be replaced: by its age, before it expires, or because a person asks for it."""

from datetime import datetime, timedelta

from adobe_ims_operator.api.client_secret_ledger import Ledger
from adobe_ims_operator.api.times import moment_or_none
from adobe_ims_operator.core.replacement import evidence
from adobe_ims_operator.core.replacement.model import Now, Observed

BEFORE_EXPIRY = timedelta(days=7)
"""How much longer than two overlaps a client secret is to live when it is replaced."""
SETTLED = timedelta(hours=1)
"""How long a client is held before the first replacement: by then IMS has forgotten what was deleted before."""


def is_requested(observed: Observed, ledger: Ledger) -> bool:
    """Whether a person asks for a replacement now."""
    return observed.resource.rotate_request not in ("", ledger.rotate_request)


def adobe_now(observed: Observed, now: Now) -> datetime:
    """What Adobe's clock shows, by the latest list or token answer; by our own clock where there was none yet."""
    memory = observed.memory
    if memory.listed is not None:
        return evidence.adobe_now(memory.listed, now)
    answer = None if memory.manages_with is None else memory.answers.get(memory.manages_with)
    if answer is None or answer.date is None:
        return now.wall
    return answer.date + timedelta(seconds=max(0.0, now.monotonic - answer.at.monotonic))


def due_at(observed: Observed, ledger: Ledger) -> datetime:
    """When the current client secret is to be replaced, by Adobe's clock, but for a request of a person."""
    return max(wanted_at(observed, ledger), ledger.current.since + SETTLED)


def wanted_at(observed: Observed, ledger: Ledger) -> datetime:
    """When it should be replaced by its age and its end, even where it was just taken over."""
    spec, listed = observed.resource.spec, observed.memory.listed
    due = ledger.current.since + spec.interval
    entry = None if listed is None else evidence.find(listed.listing, ledger.current.uuid)
    expires_at = _reported_expiry(observed, ledger) if listed is None else None if entry is None else entry.expires_at
    if expires_at is not None:
        due = min(due, expires_at - 2 * spec.overlap - BEFORE_EXPIRY)
    return due


def _reported_expiry(observed: Observed, ledger: Ledger) -> datetime | None:
    """As an earlier process reported it; what is begun because of it is begun only after a list."""
    reported = observed.resource.status.client_secrets
    found = next((entry.expires_at for entry in reported if entry.uuid == ledger.current.uuid), None)
    return moment_or_none(found)


def next_at(observed: Observed, ledger: Ledger) -> datetime:
    """When the next replacement is to begin, by Adobe's clock."""
    return ledger.current.since + SETTLED if is_requested(observed, ledger) else due_at(observed, ledger)
