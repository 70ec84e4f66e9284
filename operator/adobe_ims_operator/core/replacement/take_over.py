"""How a client comes under the operator's hands: which value, and which uuid at Adobe it has."""

from datetime import datetime, timedelta

from adobe_ims_operator.api.client_secret_ledger import Ledger, Origin, Slot
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement import due, evidence, findings, identity_findings, look, writes
from adobe_ims_operator.core.replacement.decision import AskToken, Decision, ReadBootstrap, Wait
from adobe_ims_operator.core.replacement.listing import Listing
from adobe_ims_operator.core.replacement.look import Unanswered
from adobe_ims_operator.core.replacement.model import Answer, BootstrapSeen, Now, Observed, Source

_STAMPED_WITHIN = 2 * evidence.LAG + timedelta(hours=1)
"""How long it takes at most until two requests of ours are seen as last uses, where stamps lag."""


def begin(observed: Observed, now: Now) -> Decision:
    """There is no managed Secret: take over the client in the bootstrap Secret."""
    seen = bootstrap(observed)
    if isinstance(seen, Finding):
        return Wait(seen, now.wall + look.IDLE)
    client_id, digest = seen.client_id or "", seen.digest or ""
    if look.is_accepted(observed, Source.BOOTSTRAP, digest, now):
        return accepted(observed, Source.BOOTSTRAP, digest, client_id, now)
    had_one = observed.resource.status.last_rotation_time is not None
    found = findings.lost(observed) if had_one else findings.bootstrap_refused(observed)
    return Wait(found, now.wall + look.retry_refused(observed, digest, now))


def bootstrap(observed: Observed) -> BootstrapSeen | Finding:
    """The client in the bootstrap Secret, or what keeps it from being one.

    Raises:
        Unanswered: it is to be read first.
    """
    if observed.bootstrap_version is None:
        return findings.no_bootstrap(observed)
    seen = observed.memory.bootstrap
    if seen is None or (seen.version, seen.keys) != (observed.bootstrap_version, observed.resource.spec.bootstrap):
        raise Unanswered(ReadBootstrap())
    return seen if seen.problem is None else seen.problem


def accepted(observed: Observed, source: Source, digest: str, client_id: str, now: Now) -> Decision:
    """IMS accepts a value: find out which uuid it has, and hold it.

    A list of one, that came after the acceptance, tells where its last use is the moment of our request, or where all
    lists of ten minutes have it alone, and IMS accepts the value after that: a list may be late with a new one, and
    what was deleted is accepted for a while. Of two, the one tells whose last use is the moment of our request, and of
    the next one again: a stamp that lags, or somebody else's use, fits once by chance.
    """
    answer = observed.answer(digest)
    if answer is None or answer.date is None:
        return AskToken(source, digest)
    age = timedelta(seconds=now.monotonic - answer.at.monotonic)
    within = look.until_shown(observed, (source, digest), answer, now)
    found = look.listing(observed, (source, digest), client_id, now, within=within)
    if all(has_another_value(observed, each.uuid, digest) for each in found.secrets):
        # IMS may take what was deleted for a while.
        is_recent = age < evidence.TEN_MINUTES
        return Wait(findings.unlisted(""), now.wall + within) if is_recent else AskToken(source, digest)
    if len(found.secrets) == 1:
        return _alone(observed, found, (source, digest), answer.date, now, within=within)
    known = _stamped(observed, found, digest)
    if known is not None:
        return writes.take_over(observed, (source, digest), client_id, known, Origin.STAMPED, at=found.at)
    hopeless = _is_hopeless(observed, found, digest, answer, now)
    why = (
        identity_findings.not_told_apart(observed, source, len(found.secrets))
        if hopeless
        else identity_findings.taking_over(observed, source)
    )
    return Wait(why, now.wall + within)


def has_another_value(observed: Observed, uuid: str, digest: str) -> bool:
    """Whether that client secret has another value for certain, as far as two requests with this one do not show it."""
    held = () if observed.ledger is None else observed.ledger.held.values()
    others = [each.origin for each in held if each.uuid == uuid and each.digest != digest]
    is_shown = evidence.is_shown(observed.memory.match, digest, uuid, evidence.MATCHES)
    return any(each is Origin.ADDED or (each is not Origin.ALONE and not is_shown) for each in others)


def _is_hopeless(observed: Observed, found: Listing, digest: str, answer: Answer, now: Now) -> bool:
    """Whether time alone does not tell several apart: it had time enough, or each was used since our request."""
    tried = timedelta(seconds=now.monotonic - answer.first_at.monotonic)
    if len(found.secrets) > 2 or answer.date is None or tried >= _STAMPED_WITHIN:
        return True
    match, asked_at = observed.memory.match, answer.date
    if match is not None and match.digest == digest:
        return False
    uses = [entry.last_use for entry in found.secrets]
    return all(isinstance(use, datetime) and use >= asked_at - evidence.SLACK for use in uses)


def _alone(
    observed: Observed, listing: Listing, value: tuple[Source, str], asked_at: datetime, now: Now, *, within: timedelta
) -> Decision:
    (only,) = listing.secrets
    known_since = _known_since(observed, value[1], asked_at)
    if only.created_at is not None and only.created_at > known_since + evidence.SLACK:
        return Wait(findings.unlisted(""), now.wall + within)
    if not evidence.is_use_at(only, asked_at):
        # It may be what somebody wrote in place; what was deleted IMS accepts for less than this.
        if (spreading := until_refused_for(due.SETTLED, observed, now)) is not None:
            return spreading
        if (remaining := look.until_proven(observed, now)) is not None:
            return Wait(identity_findings.taking_over_alone(observed, value[0]), now.wall + min(within, remaining))
        if not _is_accepted_after_all(observed, value[1]):
            return AskToken(*value)
    return writes.take_over(observed, value, listing.client_id, only.uuid, Origin.ALONE, at=listing.at)


def until_refused_for(patience: timedelta, observed: Observed, now: Now) -> Wait | None:
    """The wait until IMS has refused for so long what somebody wrote in place; None where there is no such value."""
    written = observed.digests.get(Slot.CURRENT) if writes.is_strange(observed) else None
    answer = None if written is None else observed.answer(written)
    if written is None or answer is None or answer.accepted:
        return None
    remaining = patience - timedelta(seconds=now.monotonic - answer.first_at.monotonic)
    if remaining <= timedelta():
        return None
    return Wait(findings.edited(observed), now.wall + min(remaining, look.retry_refused(observed, written, now)))


def _known_since(observed: Observed, digest: str, asked_at: datetime) -> datetime:
    """Since when a value is known that IMS accepted at `asked_at`: what was created later has another one."""
    held = () if observed.ledger is None else observed.ledger.held.values()
    return min((each.since for each in held if each.digest == digest), default=asked_at)


def _is_accepted_after_all(observed: Observed, digest: str) -> bool:
    """Whether IMS accepted a value after all lists of ten minutes had the same."""
    answer, listed = observed.answer(digest), observed.memory.listed
    if answer is None or listed is None:
        return False
    return answer.at.monotonic - listed.same_since.monotonic >= evidence.TEN_MINUTES.total_seconds()


def _stamped(observed: Observed, listing: Listing, digest: str) -> str | None:
    match = observed.memory.match
    if len(listing.secrets) != 2 or match is None:
        return None
    if not evidence.is_shown(match, digest, match.uuid, evidence.MATCHES):
        return None
    if evidence.find(listing, match.uuid) is None or has_another_value(observed, match.uuid, digest):
        return None
    return match.uuid


def again(observed: Observed, ledger: Ledger, now: Now) -> Decision | None:
    """Adobe lists another one alone than the one that was taken over: find out again which one it is.

    It is not known from Adobe's own answer, so it may have been mistaken. Before that, IMS accepts the value once more
    after ten minutes of such lists: what was deleted is accepted for a while. None where it is to be waited for: what
    was certain is another one only where that one's last use is a request of ours.
    """
    current, listed = ledger.current, observed.memory.listed
    if current.origin is Origin.ADDED or listed is None or len(listed.listing.secrets) != 1:
        return None
    other, match = listed.listing.secrets[0].uuid, observed.memory.match
    if current.is_certain and not evidence.is_shown(match, current.digest, other, evidence.MATCHES):
        return None
    if look.until_proven(observed, now) is not None:
        return None
    if not _is_accepted_after_all(observed, current.digest):
        return AskToken(Source.CURRENT, current.digest)
    return accepted(observed, Source.CURRENT, current.digest, ledger.client_id, now)
